//! The JSON documents of MLflow's scoring server.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::rows::RowInstance;
use crate::formats::json;
use crate::row::{Batch, Decoded, RowError, RowErrorKind, RowLimits, Schema, excerpt, narrow};

/// The forms that rows come in.
const FORMS: [&str; 4] = ["dataframe_split", "dataframe_records", "instances", "inputs"];
/// Parameters of a model that takes some; this one takes none, and they are skipped.
const PARAMS: &str = "params";

/// A failure.
#[derive(Serialize, ToSchema)]
#[schema(as = MlflowError)]
pub(super) struct Error<'a> {
    pub(super) error_code: &'static str,
    pub(super) message: &'a str,
}

/// `dataframe_split`: pandas' form "split". Its `index` names rows, and nothing here does.
#[derive(DeriveDeserialize)]
struct Split<'a> {
    columns: Option<Vec<String>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// A request, as readers are told of it: one of the four forms, and parameters, which are skipped.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum MlflowRequest {
    Split { dataframe_split: MlflowSplit, params: Option<Map<String, Value>> },
    Records { dataframe_records: Vec<RowInstance>, params: Option<Map<String, Value>> },
    Instances { instances: Vec<RowInstance>, params: Option<Map<String, Value>> },
    Inputs { inputs: MlflowInputs, params: Option<Map<String, Value>> },
}

/// pandas' form "split". Without columns the values are in the model's order.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
pub(super) struct MlflowSplit {
    columns: Option<Vec<String>>,
    #[schema(min_items = 1)]
    data: Vec<RowInstance>,
    index: Option<Vec<Value>>,
}

/// Rows, or the values of each feature by its name.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum MlflowInputs {
    Rows(Vec<RowInstance>),
    Columns(BTreeMap<String, Vec<Option<f64>>>),
}

/// The rows of a request.
pub(super) fn rows(body: &[u8], schema: &Schema, limits: RowLimits) -> Result<Decoded<Batch>, RowError> {
    let unreadable = |error: serde_json::Error| {
        malformed(format!("the request cannot be read: {error}; null is a missing value"))
    };
    let Members::<&RawValue>(members) = serde_json::from_slice(body).map_err(unreadable)?;
    let (params, forms): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| name == PARAMS);
    let [(form, value)] = &forms[..] else { return Err(which(&forms)) };
    if params.iter().any(|(_, params)| !params.get().starts_with(['{', 'n'])) {
        return Err(malformed("params is no object; expected {\"name\": value, …}".to_owned()));
    }
    match form.as_str() {
        "dataframe_split" => {
            let split: Split<'_> = serde_json::from_str(value.get()).map_err(unreadable)?;
            match split.columns {
                Some(columns) => in_order_of(columns, split.data, schema, limits),
                None => json::feature_array(split.data, schema, limits),
            }
        }
        "inputs" if value.get().starts_with('{') => {
            columns(serde_json::from_str(value.get()).map_err(unreadable)?, schema, limits)
        }
        "dataframe_records" | "instances" | "inputs" => json::feature_array(value, schema, limits),
        _ => Err(which(&forms)),
    }
}

fn malformed(what: String) -> RowError {
    RowError::new(RowErrorKind::Malformed, what)
}

fn which(members: &[(String, &RawValue)]) -> RowError {
    let found: Vec<_> = members.iter().take(8).map(|(name, _)| excerpt(name)).collect();
    malformed(format!("the request has {found:?}; expected one of {}", FORMS.join(", ")))
}

fn wrong_name(error: &crate::row::InvalidNames) -> RowError {
    RowError::new(RowErrorKind::Name, error.to_string()).in_column(error.name())
}

/// Rows whose values are in the order of `columns`.
fn in_order_of(
    columns: Vec<String>,
    data: &RawValue,
    schema: &Schema,
    limits: RowLimits,
) -> Result<Decoded<Batch>, RowError> {
    let positions =
        schema.positions(columns.iter().map(String::as_str)).map_err(|error| wrong_name(&error))?;
    let Decoded { items, outcomes } = json::feature_array(data, &Schema::new(columns), limits)?;
    let mut values = vec![f32::NAN; items.values().len()];
    for (row, given) in values.chunks_exact_mut(schema.width()).zip(items.rows()) {
        for (at, value) in positions.iter().zip(given) {
            row[*at] = *value;
        }
    }
    Ok(Decoded { items: Batch::from_values(schema.width(), values), outcomes })
}

/// The values of each feature, by name, all of as many rows.
fn columns(
    columns: Members<Vec<Option<f64>>>,
    schema: &Schema,
    limits: RowLimits,
) -> Result<Decoded<Batch>, RowError> {
    let names = columns.0.iter().map(|(name, _)| name.as_str());
    let positions = schema.positions(names).map_err(|error| wrong_name(&error))?;
    let width = schema.width();
    let count = columns.0.first().map_or(0, |(_, values)| values.len());
    if count == 0 {
        return Err(malformed("there are no rows; expected at least one".to_owned()));
    }
    limits.check(count - 1)?;
    let mut values = vec![f32::NAN; count * width];
    for ((name, column), at) in columns.0.into_iter().zip(positions) {
        if column.len() != count {
            let what = format!("{name} has {} values, and the first column {count}", column.len());
            return Err(RowError::new(RowErrorKind::Width, what).in_column(&name));
        }
        for (row, value) in values.chunks_exact_mut(width).zip(column) {
            row[at] = match value {
                Some(value) => narrow(value).map_err(|error| {
                    RowError::new(RowErrorKind::Value, format!("{name}: {error}")).in_column(&name)
                })?,
                None => f32::NAN,
            };
        }
    }
    Ok(Decoded::good(Batch::from_values(width, values), Batch::len))
}

/// The members of an object, repeated names included.
struct Members<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Named<V> {
            type Value = Members<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<V>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Named(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<f32>, String> {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let limits = RowLimits { rows: 2, all_or_nothing: true };
        let decoded = rows(text.as_bytes(), &schema, limits).map_err(|error| error.to_string())?;
        match decoded.outcomes.first_failure() {
            Some((row, error)) => Err(format!("row {row}: {error}")),
            None => Ok(decoded.items.values().to_vec()),
        }
    }

    #[test]
    fn the_same_rows_in_every_form() {
        for text in [
            r#"{"dataframe_split": {"columns": ["b", "a"], "index": [0, 1], "data": [[2, 1], [4, 3]]}}"#,
            r#"{"dataframe_split": {"data": [[1, 2], [3, 4]]}, "params": {}}"#,
            r#"{"dataframe_records": [{"b": 2, "a": 1}, {"a": 3, "b": 4}]}"#,
            r#"{"instances": [[1, 2], [3, 4]], "params": null}"#,
            r#"{"inputs": [[1, 2], [3, 4]]}"#,
            r#"{"inputs": {"b": [2, 4], "a": [1, 3]}}"#,
        ] {
            assert_eq!(read(text), Ok(vec![1.0, 2.0, 3.0, 4.0]), "{text}");
        }
        assert!(read(r#"{"inputs": {"b": [2], "a": [null]}}"#).unwrap()[0].is_nan());
    }

    #[test]
    fn what_is_no_request() {
        for (text, said) in [
            ("{}", "the request has []; expected one of dataframe_split"),
            (r#"{"inputs": [], "instances": []}"#, "has [\"inputs\", \"instances\"]"),
            (r#"{"data": [[1, 2]]}"#, "has [\"data\"]"),
            (r#"{"inputs": [[1, 2]], "inputs": [[3, 4]]}"#, "has [\"inputs\", \"inputs\"]"),
            ("[[1, 2]]", "cannot be read"),
            (r#"{"instances": [[1, NaN]]}"#, "null is a missing value"),
            (r#"{"instances": [[1]]}"#, "row 1: 1 values, expected 2"),
            (r#"{"instances": []}"#, "no rows"),
            (r#"{"instances": [[1, 2], [1, 2], [1, 2]]}"#, "more than 2 rows"),
            (r#"{"instances": [[1, 2]], "params": 7}"#, "params is no object"),
            (r#"{"inputs": {"a": [1], "b": [1, 2]}}"#, "b has 2 values, and the first column 1"),
            (r#"{"inputs": {"a": [1], "a": [1]}}"#, "\"a\" appears twice"),
            (r#"{"inputs": {"a": [], "b": []}}"#, "no rows"),
            (r#"{"inputs": {"a": [1e39], "b": [1]}}"#, "a: "),
            (r#"{"inputs": {"a": [1, 2, 3], "b": [1, 2, 3]}}"#, "more than 2 rows"),
            (r#"{"dataframe_split": {"columns": ["a"], "data": [[1]]}}"#, "\"b\" is absent"),
            (r#"{"dataframe_split": {"columns": ["a", "b"], "data": [[1, true]]}}"#, "row 1: b: true"),
            (r#"{"dataframe_split": {"columns": ["a", "b"]}}"#, "missing field `data`"),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
