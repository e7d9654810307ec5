//! JSON bodies: `{"instances": [row, …]}`, where a row is an array in order or an object by name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::row::{
    Batch, Decoded, Outcomes, PairKey, RowError, RowErrorKind, Schema, check_id, excerpt, narrow,
};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    instances: Vec<&'a RawValue>,
}

/// The rows of a body, each still unread.
fn instances(body: &[u8]) -> Result<Vec<&RawValue>, RowError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| {
        RowError::new(RowErrorKind::Malformed, format!("the body is not {{\"instances\": [row, …]}}: {error}"))
    })?;
    if body.instances.is_empty() {
        return Err(RowError::new(RowErrorKind::Malformed, "instances is empty; expected at least one row"));
    }
    Ok(body.instances)
}

/// Feature rows: arrays in model order, objects by name; `null` is a missing value.
///
/// # Errors
/// The body is not JSON of this shape; mistakes in single rows are among the outcomes.
pub fn feature_rows(body: &[u8], schema: &Schema) -> Result<Decoded<Batch>, RowError> {
    let (mut items, mut outcomes) = (Batch::new(schema.width()), Outcomes::default());
    let mut row = vec![f32::NAN; schema.width()];
    for instance in instances(body)? {
        let outcome = read(instance).and_then(|instance| feature_row(&instance, schema, &mut row));
        if outcome.is_ok() {
            items.push(&row);
        }
        outcomes.note(outcome);
    }
    Ok(Decoded { items, outcomes })
}

/// Writes one instance, an array or an object, into `row`.
pub(super) fn feature_row(instance: &Instance, schema: &Schema, row: &mut [f32]) -> Result<(), RowError> {
    match instance {
        Instance::Array(values) => array(values, schema, row),
        Instance::Object(members) => object(members, schema, row),
        Instance::Other(what) => Err(RowError::new(
            RowErrorKind::Shape,
            format!("{what}; expected an array of {} numbers or an object by feature name", schema.width()),
        )),
    }
}

/// Pairs: `[user, product]` or `{"user_id": …, "product_id": …}`; identifiers are strings or whole numbers.
///
/// # Errors
/// The body is not JSON of this shape; mistakes in single rows are among the outcomes.
pub fn pairs(body: &[u8]) -> Result<Decoded<Vec<PairKey>>, RowError> {
    let (mut items, mut outcomes) = (Vec::new(), Outcomes::default());
    for instance in instances(body)? {
        let outcome = read(instance).and_then(pair).map(|pair| items.push(pair));
        outcomes.note(outcome);
    }
    Ok(Decoded { items, outcomes })
}

fn pair(instance: Instance) -> Result<PairKey, RowError> {
    const EXPECTED: &str = "expected [user_id, product_id] or {\"user_id\": …, \"product_id\": …}";
    let wrong = |code, what: String| Err(RowError::new(code, format!("{what}; {EXPECTED}")));
    match instance {
        Instance::Array(values) => match &values[..] {
            [user, product] => Ok(PairKey::new(&id("user_id", user)?, &id("product_id", product)?)),
            _ => wrong(RowErrorKind::Width, format!("{} values", values.len())),
        },
        Instance::Object(members) => {
            let (mut user, mut product) = (None, None);
            for (name, value) in &members {
                let place = match name.as_str() {
                    "user_id" => &mut user,
                    "product_id" => &mut product,
                    other => return wrong(RowErrorKind::Name, format!("{:?} is unknown", excerpt(other))),
                };
                if place.replace(id(name, value)?).is_some() {
                    return wrong(RowErrorKind::Name, format!("{name:?} is given twice"));
                }
            }
            match (user, product) {
                (Some(user), Some(product)) => Ok(PairKey::new(&user, &product)),
                (None, _) => wrong(RowErrorKind::Name, "\"user_id\" is absent".to_owned()),
                (_, None) => wrong(RowErrorKind::Name, "\"product_id\" is absent".to_owned()),
            }
        }
        Instance::Other(what) => wrong(RowErrorKind::Shape, what.to_owned()),
    }
}

fn id(column: &str, value: &Value) -> Result<String, RowError> {
    let wrong = |what: String| RowError::new(RowErrorKind::Value, format!("{column} {what}")).in_column(column);
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        other => return Err(wrong(format!("is {}; expected a string or a whole number", describe(other)))),
    };
    match check_id(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn array(values: &[Value], schema: &Schema, row: &mut [f32]) -> Result<(), RowError> {
    if values.len() != row.len() {
        return Err(RowError::new(
            RowErrorKind::Width,
            format!("{} values, expected {}", values.len(), row.len()),
        ));
    }
    for (at, value) in values.iter().enumerate() {
        row[at] = feature(value, &schema.names()[at])?;
    }
    Ok(())
}

fn object(members: &[(String, Value)], schema: &Schema, row: &mut [f32]) -> Result<(), RowError> {
    let positions = schema
        .positions(members.iter().map(|(name, _)| name.as_str()))
        .map_err(|error| RowError::new(RowErrorKind::Name, error.to_string()).in_column(error.name()))?;
    for ((name, value), at) in members.iter().zip(positions) {
        row[at] = feature(value, name)?;
    }
    Ok(())
}

/// A number as a feature, `null` as a missing one.
fn feature(value: &Value, name: &str) -> Result<f32, RowError> {
    let wrong = |what: String| RowError::new(RowErrorKind::Value, format!("{name}: {what}")).in_column(name);
    match value {
        Value::Null => Ok(f32::NAN),
        Value::Number(number) => {
            let number = number.as_f64().ok_or_else(|| wrong(format!("{number} is not a finite number")))?;
            narrow(number).map_err(|error| wrong(error.to_string()))
        }
        other => Err(wrong(format!("{}; expected a number, or null if it is missing", describe(other)))),
    }
}

/// A row before anyone knows whether it fits; the members of an object as they stand, repeated names included.
pub(super) enum Instance {
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
    Other(&'static str),
}

fn read(instance: &RawValue) -> Result<Instance, RowError> {
    serde_json::from_str(instance.get())
        .map_err(|error| RowError::new(RowErrorKind::Malformed, format!("the body is not JSON: {error}")))
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InstanceVisitor)
    }
}

pub(super) struct InstanceVisitor;

impl<'de> Visitor<'de> for InstanceVisitor {
    type Value = Instance;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Instance, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Instance::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Instance, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Instance::Object(members))
    }

    fn visit_str<E>(self, _: &str) -> Result<Instance, E> {
        Ok(Instance::Other("a string"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Instance, E> {
        Ok(Instance::Other("a boolean"))
    }

    fn visit_unit<E>(self) -> Result<Instance, E> {
        Ok(Instance::Other("null"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Instance, E> {
        Ok(Instance::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Instance, E> {
        Ok(Instance::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Instance, E> {
        Ok(Instance::Other("a number"))
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", excerpt(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(outcomes: &Outcomes) -> impl Iterator<Item = (usize, &RowError)> {
        (1..).zip(outcomes.iter()).filter_map(|(row, outcome)| outcome.map(|error| (row, error)))
    }

    fn failures(body: &str) -> Vec<(usize, RowErrorKind, String)> {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let decoded = feature_rows(body.as_bytes(), &schema).unwrap();
        bad(&decoded.outcomes)
            .map(|(row, error)| (row, error.kind, error.detail.clone().into_owned()))
            .collect()
    }

    #[test]
    fn rows_by_order_and_by_name() {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let decoded = feature_rows(br#"{"instances": [[1, null], {"b": 2e0, "a": 1}]}"#, &schema).unwrap();
        let values = decoded.items.values();
        assert!(values[1].is_nan());
        assert_eq!([values[0], values[2], values[3]], [1.0, 1.0, 2.0]);
    }

    #[test]
    fn every_bad_row_is_named() {
        let body = r#"{"instances": [[1], {"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "a": 1, "b": 2}, 7, [1, "2"], [1, 1e39]]}"#;
        let found = failures(body);
        let codes: Vec<_> = found.iter().map(|(row, code, _)| (*row, *code)).collect();
        assert_eq!(
            codes,
            [
                (1, RowErrorKind::Width),
                (2, RowErrorKind::Name),
                (3, RowErrorKind::Name),
                (4, RowErrorKind::Name),
                (5, RowErrorKind::Shape),
                (6, RowErrorKind::Value),
                (7, RowErrorKind::Value)
            ]
        );
        assert_eq!(found[5].2, "b: \"2\"; expected a number, or null if it is missing");
    }

    #[test]
    fn a_body_that_is_no_list_of_instances_is_malformed() {
        let schema = Schema::new(vec!["a".into()]);
        for body in [
            "",
            "[]",
            "{}",
            r#"{"instances": 1}"#,
            r#"{"instances": []}"#,
            r#"{"instances": [[1]], "x": 1}"#,
            "{\"instances\": [[1]",
        ] {
            assert_eq!(
                feature_rows(body.as_bytes(), &schema).unwrap_err().kind,
                RowErrorKind::Malformed,
                "{body}"
            );
        }
    }

    #[test]
    fn pairs_of_strings_and_whole_numbers() {
        let decoded = pairs(
            br#"{"instances": [[1, "2"], {"product_id": 2, "user_id": "1"}, [1.5, 2], [1], {"user_id": 1}]}"#,
        )
        .unwrap();
        assert_eq!(decoded.items, [PairKey::new("1", "2"), PairKey::new("1", "2")]);
        let codes: Vec<_> = bad(&decoded.outcomes).map(|(row, error)| (row, error.kind)).collect();
        assert_eq!(codes, [(3, RowErrorKind::Value), (4, RowErrorKind::Width), (5, RowErrorKind::Name)]);
    }
}
