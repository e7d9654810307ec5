//! JSON bodies: `{"instances": [row, …]}`, where a row is an array in order or an object by name; or one such object alone.

mod document;
mod instance;

pub(in crate::formats) use document::{Document, EXPECTED, Refusal};
pub(in crate::formats) use instance::Instance;

use std::marker::PhantomData;

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use crate::row::{Batch, Decoded, Outcomes, PairKey, RowError, RowErrorKind, RowLimits, Schema};

/// Feature rows: arrays in model order, objects by name; `null` is a missing value.
///
/// # Errors
/// The body is not JSON of this shape, or has more rows than `limits` allows; mistakes in single rows are among the outcomes.
pub fn feature_rows(body: &[u8], schema: &Schema, limits: RowLimits) -> Result<Decoded<Batch>, RowError> {
    let mut items = Batch::new(schema.width());
    let mut row = vec![f32::NAN; schema.width()];
    let is_member = |name: &str| schema.position(name).is_some();
    let outcomes = decode(body, limits, Shape::Document(&is_member), |instance| {
        instance.feature_row(schema, &mut row)?;
        items.push(&row);
        Ok(())
    })?;
    Ok(Decoded { items, outcomes })
}

/// Feature rows in an array, as other documents hold one: `[row, …]`.
///
/// # Errors
/// As [`feature_rows`].
pub fn feature_array(
    array: &RawValue,
    schema: &Schema,
    limits: RowLimits,
) -> Result<Decoded<Batch>, RowError> {
    let mut items = Batch::new(schema.width());
    let mut row = vec![f32::NAN; schema.width()];
    let outcomes = decode(array.get().as_bytes(), limits, Shape::Array, |instance| {
        instance.feature_row(schema, &mut row)?;
        items.push(&row);
        Ok(())
    })?;
    Ok(Decoded { items, outcomes })
}

/// Pairs: `[user, product]` or `{"user_id": …, "product_id": …}`; identifiers are strings or whole numbers.
///
/// # Errors
/// The body is not JSON of this shape, or has more rows than `limits` allows; mistakes in single rows are among the outcomes.
pub fn pairs(body: &[u8], limits: RowLimits) -> Result<Decoded<Vec<PairKey>>, RowError> {
    let mut items = Vec::new();
    let is_member = |name: &str| crate::formats::csv::PAIR_COLUMNS.contains(&name);
    let outcomes = decode(body, limits, Shape::Document(&is_member), |instance| {
        items.push(instance.pair()?);
        Ok(())
    })?;
    Ok(Decoded { items, outcomes })
}

/// Why reading stops before the end of a body.
enum Stop {
    /// The first bad row, where that is enough.
    BadRow,
    /// There are too many.
    TooMany(RowError),
}

/// What holds rows.
#[derive(Clone, Copy)]
enum Shape<'a> {
    /// A document of rows, or an object that is a row: one with a member that this knows.
    Document(&'a dyn Fn(&str) -> bool),
    /// An array.
    Array,
}

/// Calls `take` for each row.
fn decode<'b>(
    body: &'b [u8],
    limits: RowLimits,
    shape: Shape<'_>,
    mut take: impl FnMut(&Instance<&'b RawValue>) -> Result<(), RowError>,
) -> Result<Outcomes, RowError> {
    let malformed =
        |what: String| RowError::new(RowErrorKind::Malformed, format!("the body cannot be read: {what}"));
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Err(malformed(format!("it is empty; {EXPECTED}")));
    }
    let mut outcomes = Outcomes::default();
    let mut take = |instance: Instance<&'b RawValue>| {
        limits.check(outcomes.count()).map_err(Stop::TooMany)?;
        if outcomes.note(take(&instance)) && limits.all_or_nothing { Err(Stop::BadRow) } else { Ok(()) }
    };
    let mut refused = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let (is_member, is_array): (&dyn Fn(&str) -> bool, _) = match shape {
        Shape::Document(is_member) => (is_member, false),
        Shape::Array => (&|_| true, true),
    };
    let document =
        Document { lists: false, is_member, take: &mut take, refused: &mut refused, cells: PhantomData };
    let read = if is_array { document.array(&mut json) } else { document.deserialize(&mut json) };
    match (refused, read) {
        (Some(Refusal::Row(Stop::BadRow)), _) => return Ok(outcomes),
        (Some(Refusal::Row(Stop::TooMany(error))), _) => return Err(error),
        (Some(Refusal::Shape(what)), _) => return Err(malformed(what)),
        (None, Err(error)) => {
            return Err(malformed(format!("{}; {EXPECTED}", document::explain(&error, body))));
        }
        (None, Ok(())) => {}
    }
    if let Err(error) = json.end() {
        return Err(malformed(format!("it goes on after its first value ({error}); {EXPECTED}")));
    }
    if outcomes.count() == 0 {
        let what = if is_array {
            "there are no rows; expected at least one"
        } else {
            "instances is empty; expected at least one row"
        };
        return Err(malformed(what.to_owned()));
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests;
