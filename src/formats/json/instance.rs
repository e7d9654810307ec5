//! One row of a document, before anyone knows whether it fits.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::row::{InvalidValue, PairKey, RowError, RowErrorKind, Schema, check_id, excerpt, narrow};

/// An array or an object with its values as they were sent, repeated names included; or the word for something else. `C` is
/// what holds the text of a value.
pub(in crate::formats) enum Instance<C> {
    Array(Vec<C>),
    Object(Vec<(String, C)>),
    Other(&'static str),
}

impl<'de, C: Deserialize<'de>> Deserialize<'de> for Instance<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InstanceVisitor::new())
    }
}

pub(super) struct InstanceVisitor<C>(PhantomData<C>);

impl<'de, C: Deserialize<'de>> InstanceVisitor<C> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }

    /// The members of an object whose `first` name has been read.
    pub(super) fn members<A: MapAccess<'de>>(
        first: String,
        mut map: A,
    ) -> Result<Vec<(String, C)>, A::Error> {
        let mut members = vec![(first, map.next_value()?)];
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

impl<'de, C: Deserialize<'de>> Visitor<'de> for InstanceVisitor<C> {
    type Value = Instance<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Instance<C>, A::Error> {
        // Room for most rows at once.
        let mut values = Vec::with_capacity(32);
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Instance::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Instance<C>, A::Error> {
        match map.next_key()? {
            Some(first) => Self::members(first, map).map(Instance::Object),
            None => Ok(Instance::Object(Vec::new())),
        }
    }

    fn visit_str<E>(self, _: &str) -> Result<Instance<C>, E> {
        Ok(Instance::Other("a string"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Instance<C>, E> {
        Ok(Instance::Other("a boolean"))
    }

    fn visit_unit<E>(self) -> Result<Instance<C>, E> {
        Ok(Instance::Other("null"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Instance<C>, E> {
        Ok(Instance::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Instance<C>, E> {
        Ok(Instance::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Instance<C>, E> {
        Ok(Instance::Other("a number"))
    }
}

impl<C: Borrow<RawValue>> Instance<C> {
    /// Writes the values into `row`, in order or by name.
    pub(in crate::formats) fn feature_row(&self, schema: &Schema, row: &mut [f32]) -> Result<(), RowError> {
        match self {
            Self::Array(values) => {
                if values.len() != row.len() {
                    let detail = format!("{} values, expected {}", values.len(), row.len());
                    return Err(RowError::new(RowErrorKind::Width, detail));
                }
                for ((value, name), place) in values.iter().zip(schema.names()).zip(row) {
                    *place = feature(value.borrow().get(), name)?;
                }
                Ok(())
            }
            Self::Object(members) => {
                let positions =
                    schema.positions(members.iter().map(|(name, _)| name.as_str())).map_err(|error| {
                        RowError::new(RowErrorKind::Name, error.to_string()).in_column(error.name())
                    })?;
                for ((name, value), at) in members.iter().zip(positions) {
                    let value = value.borrow().get();
                    row[at] = if schema.has_categories(at) {
                        category(value, schema, at)?
                    } else {
                        feature(value, name)?
                    };
                }
                Ok(())
            }
            Self::Other(what) => Err(RowError::new(
                RowErrorKind::Shape,
                format!(
                    "{what}; expected an array of {} numbers or an object by feature name",
                    schema.width()
                ),
            )),
        }
    }

    /// The pair that this names: `[user, product]` or `{"user_id": …, "product_id": …}`.
    pub(super) fn pair(&self) -> Result<PairKey, RowError> {
        const EXPECTED: &str = "expected [user_id, product_id] or {\"user_id\": …, \"product_id\": …}";
        let wrong = |kind, what: String| Err(RowError::new(kind, format!("{what}; {EXPECTED}")));
        match self {
            Self::Array(values) => match &values[..] {
                [user, product] => Ok(PairKey::new(
                    &id("user_id", user.borrow().get())?,
                    &id("product_id", product.borrow().get())?,
                )),
                _ => wrong(RowErrorKind::Width, format!("{} values", values.len())),
            },
            Self::Object(members) => {
                let (mut user, mut product) = (None, None);
                for (name, value) in members {
                    let place = match name.as_str() {
                        "user_id" => &mut user,
                        "product_id" => &mut product,
                        other => {
                            return wrong(RowErrorKind::Name, format!("{:?} is unknown", excerpt(other)));
                        }
                    };
                    if place.replace(id(name, value.borrow().get())?).is_some() {
                        return wrong(RowErrorKind::Name, format!("{name:?} is given twice"));
                    }
                }
                match (user, product) {
                    (Some(user), Some(product)) => Ok(PairKey::new(&user, &product)),
                    (None, _) => wrong(RowErrorKind::Name, "\"user_id\" is absent".to_owned()),
                    (_, None) => wrong(RowErrorKind::Name, "\"product_id\" is absent".to_owned()),
                }
            }
            Self::Other(what) => wrong(RowErrorKind::Shape, (*what).to_owned()),
        }
    }
}

/// A string or a whole number of any length as an identifier, digit by digit as it was sent.
fn id<'v>(column: &str, value: &'v str) -> Result<Cow<'v, str>, RowError> {
    let wrong =
        |what: String| RowError::new(RowErrorKind::Value, format!("{column} {what}")).in_column(column);
    let digits = value.strip_prefix('-').unwrap_or(value);
    let text = if value.starts_with('"') {
        let text: String =
            serde_json::from_str(value).map_err(|error| wrong(format!("is no text: {error}")))?;
        Cow::from(text.trim().to_owned())
    } else if digits.bytes().all(|byte| byte.is_ascii_digit()) && value != "-0" {
        Cow::from(value)
    } else {
        return Err(wrong(format!("is {}; expected a string or a whole number", describe(value))));
    };
    match check_id(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A number as a feature, `null` as a missing one.
fn feature(value: &str, name: &str) -> Result<f32, RowError> {
    let wrong = |what: String| RowError::new(RowErrorKind::Value, format!("{name}: {what}")).in_column(name);
    match value.as_bytes() {
        b"null" => Ok(f32::NAN),
        [b'-' | b'0'..=b'9', ..] => {
            let number: f64 =
                value.parse().map_err(|_| wrong(InvalidValue::NotANumber(excerpt(value)).to_string()))?;
            narrow(number).map_err(|_| wrong(InvalidValue::OutOfRange(excerpt(value)).to_string()))
        }
        _ => Err(wrong(format!("{}; expected a number, or null if it is missing", describe(value)))),
    }
}

/// The category of input `at` that a string or a whole number names, `null` for a missing one.
fn category(value: &str, schema: &Schema, at: usize) -> Result<f32, RowError> {
    let name = &schema.names()[at];
    let wrong = |what: String| RowError::new(RowErrorKind::Value, format!("{name}: {what}")).in_column(name);
    let text = match value.as_bytes() {
        b"null" => return Ok(f32::NAN),
        [b'"', ..] => serde_json::from_str(value)
            .map(Cow::Owned)
            .map_err(|error| wrong(format!("is no text: {error}")))?,
        [b'-' | b'0'..=b'9', ..] => Cow::Borrowed(value),
        _ => {
            return Err(wrong(format!("{}; expected a category, or null if it is missing", describe(value))));
        }
    };
    schema.parse(at, &text, true).map_err(|error| wrong(error.to_string()))
}

/// A JSON value in few words.
fn describe(value: &str) -> Cow<'static, str> {
    match value.as_bytes().first() {
        Some(b'[') => "an array".into(),
        Some(b'{') => "an object".into(),
        _ => excerpt(value).into(),
    }
}
