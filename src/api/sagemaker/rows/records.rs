//! Rows as records: dense, a value per feature, or sparse, the keys of the features beside their values. Labels count for nothing.

use prost::Message;

use super::{Form, Wanted, not_scored, python, unreadable};
use crate::api::fault::Fault;
use crate::api::sagemaker::recordio::{self, Record, Tensor};
use crate::row::Batch;

/// Under which name a record has its features.
const VALUES: &str = "values";

pub(super) fn read(body: &[u8], wanted: &mut Wanted) -> Result<Batch, Fault> {
    // Counted first, since a record of a few bytes may stand for a row of thousands of columns.
    let count = recordio::frames(body).count();
    wanted.check_count(count.saturating_sub(1))?;
    let mut rows = wanted.room(count)?;
    let (mut row, mut count) = (vec![f32::NAN; wanted.width], 0);
    for frame in recordio::frames(body) {
        count += 1;
        let failed = |what: &str| unreadable(Form::Recordio, Some(count), what);
        let bytes = frame.map_err(|what| failed(&what))?;
        let record = Record::decode(bytes).map_err(|error| failed(&error.to_string()))?;
        let tensor = record.features.get(VALUES).and_then(|value| value.tensor.as_ref());
        let tensor = tensor.ok_or_else(|| failed("it has no features named \"values\""))?;
        row.fill(f32::NAN);
        fill(&mut row, tensor, wanted, &failed)?;
        rows.push(&row);
    }
    Ok(rows)
}

fn fill(
    row: &mut [f32],
    tensor: &Tensor,
    wanted: &Wanted,
    failed: &dyn Fn(&str) -> Fault,
) -> Result<(), Fault> {
    let (values, keys, shape): (Vec<f64>, &[u64], &[u64]) = match tensor {
        Tensor::Float32(tensor) => {
            (tensor.values.iter().copied().map(f64::from).collect(), &tensor.keys, &tensor.shape)
        }
        Tensor::Float64(tensor) => (tensor.values.clone(), &tensor.keys, &tensor.shape),
        Tensor::Int32(tensor) => {
            (tensor.values.iter().copied().map(f64::from).collect(), &tensor.keys, &tensor.shape)
        }
        Tensor::Bytes(_) => return Err(failed("its features are bytes; expected float32, float64 or int32")),
    };
    let value = |number: f64| {
        if number.is_nan() { Ok(f32::NAN) } else { python::finite(number).map_err(|what| failed(&what)) }
    };
    let columns = shape.first().copied();
    if keys.is_empty() && !(values.is_empty() && columns.is_some()) {
        wanted.check_width(values.len())?;
        for (cell, number) in row.iter_mut().zip(values) {
            *cell = value(number)?;
        }
        return Ok(());
    }
    if keys.len() != values.len() {
        return Err(failed(&format!("{} keys for {} values", keys.len(), values.len())));
    }
    let width = row.len();
    let columns = columns.or_else(|| keys.iter().max().map(|key| key.saturating_add(1))).unwrap_or_default();
    if columns > width as u64 {
        return Err(not_scored(format!(
            "({width} vs. {columns}) : Number of columns does not match number of features in booster."
        )));
    }
    let mut is_named = vec![false; width];
    for (key, number) in keys.iter().zip(values) {
        let at = usize::try_from(*key).ok().filter(|at| *key < columns && *at < width);
        let at = at.ok_or_else(|| failed(&format!("key {key} is not below {columns}, the shape")))?;
        if std::mem::replace(&mut is_named[at], true) {
            return Err(failed(&format!("key {key} is given twice")));
        }
        row[at] = value(number)?;
    }
    Ok(())
}
