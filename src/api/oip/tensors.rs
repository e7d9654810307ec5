//! The tensors of a request to rows: one of shape `[rows, features]`, or one per feature.
//!
//! Nothing is believed of a shape before its size is that of the data: room is taken for what has come, not for what is declared.

use std::borrow::Cow;

use super::datatype::Datatype;
use crate::api::fault::{Code, Fault};
use crate::row::{Batch, Schema, excerpt};

/// A dimension as the protocol counts.
pub(super) fn dimension(count: usize) -> i64 {
    i64::try_from(count).expect("what is in memory is countable: this is a bug")
}

/// A tensor as it came.
#[derive(Debug)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) shape: &'a [i64],
    pub(super) datatype: Datatype,
    pub(super) data: Data<'a>,
}

/// Its values.
#[derive(Debug)]
pub(super) enum Data<'a> {
    /// Little-endian bytes, row-major.
    Raw(&'a [u8]),
    /// Row-major; NaN is missing.
    Values(Cow<'a, [f32]>),
}

/// The rows that `tensors` make, `limit` at most.
pub(super) fn rows(tensors: Vec<Tensor<'_>>, schema: &Schema, limit: usize) -> Result<Batch, Fault> {
    let width = schema.width();
    if let [tensor] = &tensors[..]
        && tensor.shape.len() == 2
        && tensor.shape[1] == dimension(width)
    {
        let [tensor] = <[_; 1]>::try_from(tensors).expect("one tensor: this is a bug");
        tensor.rows(limit)?;
        let values = tensor.values()?;
        check_values(&values, schema)?;
        return Ok(Batch::from_values(width, values));
    }
    let names = tensors.iter().map(|tensor| tensor.name);
    let positions = match schema.positions(names) {
        Ok(positions) => positions,
        Err(_) if tensors.len() == 1 => return Err(wrong_shape(&tensors[0], width)),
        Err(error) => {
            let what = format!("{error}; expected one input of shape [rows, {width}], or one per feature");
            return Err(Fault { column: Some(error.name().to_owned()), ..Fault::new(Code::WrongName, what) });
        }
    };
    columns(tensors, &positions, schema, limit)
}

/// One tensor per feature, of as many rows each.
fn columns(
    tensors: Vec<Tensor<'_>>,
    positions: &[usize],
    schema: &Schema,
    limit: usize,
) -> Result<Batch, Fault> {
    let width = schema.width();
    let mut values = Vec::new();
    let mut rows = None;
    for (tensor, at) in tensors.into_iter().zip(positions) {
        if !matches!(tensor.shape, [_] | [_, 1]) {
            return Err(wrong_shape(&tensor, width));
        }
        let count = tensor.rows(limit)?;
        let (name, column) = (tensor.name, tensor.values()?);
        if rows.is_none() {
            values = vec![f32::NAN; count * width];
        }
        let expected = *rows.get_or_insert(count);
        if count != expected {
            let what = format!("input {:?} has {count} rows, and the first one {expected}", excerpt(name));
            return Err(Fault::new(Code::WrongWidth, what));
        }
        for (row, value) in values.chunks_exact_mut(width).zip(column) {
            row[*at] = value;
        }
    }
    check_values(&values, schema)?;
    Ok(Batch::from_values(width, values))
}

fn wrong_shape(tensor: &Tensor<'_>, width: usize) -> Fault {
    let what = format!(
        "input {:?} has shape {:?}; expected [rows, {width}], or one input of shape [rows] per feature",
        excerpt(tensor.name),
        brief(tensor.shape),
    );
    Fault::new(Code::WrongWidth, what)
}

/// The first dimensions of a shape: a hostile one has thousands.
fn brief(shape: &[i64]) -> &[i64] {
    &shape[..shape.len().min(8)]
}

/// What is missing is NaN; an infinity, or what float32 cannot hold, is a mistake.
fn check_values(values: &[f32], schema: &Schema) -> Result<(), Fault> {
    // Nearly always there is none, which is seen soonest by looking at all of them without a way out in the middle.
    if !values.iter().fold(false, |found, value| found | value.is_infinite()) {
        return Ok(());
    }
    let Some(at) = values.iter().position(|value| value.is_infinite()) else { return Ok(()) };
    let (row, name) = (at / schema.width() + 1, &schema.names()[at % schema.width()]);
    let what = format!("row {row}: {name}: the value is infinite, or outside the range of a 32-bit float");
    Err(Fault { row: Some(row), column: Some(name.clone()), ..Fault::new(Code::WrongValue, what) })
}

impl Tensor<'_> {
    fn wrong(&self, what: &str) -> Fault {
        Fault::new(Code::Malformed, format!("input {:?}: {what}", excerpt(self.name)))
    }

    /// The first dimension.
    fn rows(&self, limit: usize) -> Result<usize, Fault> {
        match usize::try_from(self.shape[0]) {
            Ok(0) => Err(self.wrong("there are no rows; expected at least one")),
            Ok(rows) if rows > limit => {
                let what = format!(
                    "input {:?} has {rows} rows, more than {limit} (server.rows_limit); send them in several requests",
                    excerpt(self.name)
                );
                Err(Fault::new(Code::RowsTooLarge, what))
            }
            Ok(rows) => Ok(rows),
            Err(_) => Err(self.wrong("the shape has a negative dimension")),
        }
    }

    /// Its values, as many as its shape says.
    fn values(self) -> Result<Vec<f32>, Fault> {
        let count = self
            .shape
            .iter()
            .try_fold(1_usize, |count, dimension| count.checked_mul(usize::try_from(*dimension).ok()?));
        let name = self.datatype.name();
        let (there, unit) = match &self.data {
            Data::Raw(bytes) => (bytes.len(), self.datatype.size()),
            Data::Values(values) => (values.len(), 1),
        };
        if count.and_then(|count| count.checked_mul(unit)) != Some(there) {
            let unit = if matches!(self.data, Data::Raw(_)) { "bytes" } else { "values" };
            let what = format!("{there} {unit} of data do not fit shape {:?} of {name}", brief(self.shape));
            return Err(self.wrong(&what));
        }
        Ok(match self.data {
            Data::Raw(bytes) => self.datatype.read(bytes),
            Data::Values(values) => values.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::new(vec!["a".into(), "b".into()])
    }

    fn tensor<'a>(name: &'a str, shape: &'a [i64], values: &'a [f32]) -> Tensor<'a> {
        Tensor { name, shape, datatype: Datatype::Fp32, data: Data::Values(values.into()) }
    }

    fn refused(tensors: Vec<Tensor<'_>>) -> (Code, String) {
        let fault = rows(tensors, &schema(), 3).unwrap_err();
        (fault.code, fault.detail.into_owned())
    }

    #[test]
    fn one_tensor_or_one_per_feature() {
        let made = |tensors| rows(tensors, &schema(), 3).unwrap().values().to_vec();
        assert_eq!(made(vec![tensor("any", &[2, 2], &[1.0, 2.0, 3.0, 4.0])]), [1.0, 2.0, 3.0, 4.0]);
        let (b, a) = (tensor("b", &[2, 1], &[2.0, 4.0]), tensor("a", &[2], &[1.0, 3.0]));
        assert_eq!(made(vec![b, a]), [1.0, 2.0, 3.0, 4.0]);
        let bytes = [1_u8, 2];
        let raw = Tensor { name: "", shape: &[1, 2], datatype: Datatype::Uint8, data: Data::Raw(&bytes) };
        assert_eq!(made(vec![raw]), [1.0, 2.0]);
    }

    #[test]
    fn shapes_that_are_none() {
        for (shape, code, said) in [
            (&[2_i64, 3][..], Code::WrongWidth, "has shape [2, 3]; expected [rows, 2]"),
            (&[4], Code::WrongWidth, "expected [rows, 2]"),
            (&[], Code::WrongWidth, "has shape []"),
            (&[1, 2, 2], Code::WrongWidth, "expected [rows, 2]"),
            (&[1, 2], Code::Malformed, "4 values of data do not fit shape [1, 2] of FP32"),
            (&[-1, 2], Code::Malformed, "negative"),
            (&[0, 2], Code::Malformed, "no rows"),
            (&[i64::MAX, 2], Code::RowsTooLarge, "server.rows_limit"),
            (&[4, 2], Code::RowsTooLarge, "4 rows, more than 3"),
        ] {
            let found = refused(vec![tensor("x", shape, &[0.0; 4])]);
            assert!(found.0 == code && found.1.contains(said), "{shape:?}: {found:?}");
        }
        let many = refused(vec![tensor("a", &[2], &[0.0; 2]), tensor("b", &[1], &[0.0])]);
        assert!(many.1.contains("\"b\" has 1 rows, and the first one 2"), "{many:?}");
        let wide = refused(vec![tensor("a", &[1, 2], &[0.0; 2]), tensor("b", &[1], &[0.0])]);
        assert!(wide.1.contains("\"a\" has shape [1, 2]"), "{wide:?}");
        let name = refused(vec![tensor("a", &[1], &[0.0]), tensor("c", &[1], &[0.0])]);
        assert!(name.0 == Code::WrongName && name.1.contains("\"c\" is not a feature"), "{name:?}");
        assert_eq!(refused(vec![]).0, Code::WrongName);
        let infinite = refused(vec![tensor("x", &[2, 2], &[0.0, 1.0, 2.0, f32::INFINITY])]);
        assert!(infinite.0 == Code::WrongValue && infinite.1.starts_with("row 2: b: "), "{infinite:?}");
        let huge = refused(vec![Tensor {
            name: "x",
            shape: &[3, 2],
            datatype: Datatype::Fp64,
            data: Data::Raw(&[0; 47]),
        }]);
        assert!(huge.1.contains("47 bytes of data do not fit shape [3, 2] of FP64"), "{huge:?}");
    }
}
