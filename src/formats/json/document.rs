//! A JSON document of rows: `{"instances": [row, …]}`, or one row.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::instance::{Instance, InstanceVisitor};

/// What a document holds, for people.
pub(in crate::formats) const EXPECTED: &str = "expected {\"instances\": [row, …]}";
const INSTANCES: &str = "instances";

/// Takes the rows of documents one by one, so that no more than one is held.
pub(in crate::formats) struct Document<'a, C, E> {
    /// Whether a list is a row. In a body nobody could tell whether it is one or several.
    pub(in crate::formats) lists: bool,
    /// Whether an object with this member is a row.
    pub(in crate::formats) is_member: &'a dyn Fn(&str) -> bool,
    /// Where rows go.
    pub(in crate::formats) take: &'a mut dyn FnMut(Instance<C>) -> Result<(), E>,
    /// Why a row was not taken, or the document is none: serde would flatten it to text and add a place.
    pub(in crate::formats) refused: &'a mut Option<Refusal<E>>,
    pub(in crate::formats) cells: PhantomData<C>,
}

/// Why reading a document has stopped.
#[derive(Debug)]
pub(in crate::formats) enum Refusal<E> {
    /// A row was not taken.
    Row(E),
    /// The document has another shape.
    Shape(String),
}

impl<'de, C: Deserialize<'de>, E> Document<'_, C, E> {
    /// Takes the rows of an array alone.
    pub(in crate::formats) fn array<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<(), D::Error> {
        Instances(&mut self).deserialize(deserializer)
    }

    fn give<X: Error>(&mut self, row: Instance<C>) -> Result<(), X> {
        (self.take)(row).map_err(|error| {
            *self.refused = Some(Refusal::Row(error));
            X::custom("a row was refused")
        })
    }

    fn refuse<X: Error>(&mut self, what: impl fmt::Display) -> X {
        *self.refused = Some(Refusal::Shape(format!("{what}; {EXPECTED}")));
        X::custom("the document was refused")
    }

    fn scalar<X: Error>(mut self, what: &str) -> Result<(), X> {
        Err(self.refuse(format_args!("this is {what}")))
    }
}

impl<'de, C: Deserialize<'de>, E> DeserializeSeed<'de> for Document<'_, C, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, C: Deserialize<'de>, E> Visitor<'de> for Document<'_, C, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{\"instances\": [row, …]}")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, row: A) -> Result<(), A::Error> {
        if !self.lists {
            return Err(self.refuse("this is a list"));
        }
        let row = InstanceVisitor::new().visit_seq(row)?;
        self.give(row)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            return Err(self.refuse("the object is empty"));
        };
        if first == INSTANCES {
            map.next_value_seed(Instances(&mut self))?;
            return match map.next_key::<String>()? {
                Some(name) if name == INSTANCES => Err(self.refuse("\"instances\" is given twice")),
                Some(name) => Err(self.refuse(format_args!("unknown member {name:?} beside \"instances\""))),
                None => Ok(()),
            };
        }
        let members = InstanceVisitor::members(first, map)?;
        if members.iter().any(|(name, _)| name == INSTANCES) {
            let name = &members[0].0;
            return Err(self.refuse(format_args!("unknown member {name:?} beside \"instances\"")));
        }
        if !members.iter().any(|(name, _)| (self.is_member)(name)) {
            let name = &members[0].0;
            return Err(self.refuse(format_args!("unknown member {:?}", crate::row::excerpt(name))));
        }
        self.give(Instance::Object(members))
    }

    fn visit_str<X: Error>(self, _: &str) -> Result<(), X> {
        self.scalar("a string")
    }

    fn visit_bool<X: Error>(self, _: bool) -> Result<(), X> {
        self.scalar("a boolean")
    }

    fn visit_unit<X: Error>(self) -> Result<(), X> {
        self.scalar("null")
    }

    fn visit_i64<X: Error>(self, _: i64) -> Result<(), X> {
        self.scalar("a number")
    }

    fn visit_u64<X: Error>(self, _: u64) -> Result<(), X> {
        self.scalar("a number")
    }

    fn visit_f64<X: Error>(self, _: f64) -> Result<(), X> {
        self.scalar("a number")
    }
}

/// The array of rows in a document.
struct Instances<'d, 'a, C, E>(&'d mut Document<'a, C, E>);

impl<'de, C: Deserialize<'de>, E> DeserializeSeed<'de> for Instances<'_, '_, C, E> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, C: Deserialize<'de>, E> Visitor<'de> for Instances<'_, '_, C, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"instances\" to be an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element::<Instance<C>>()? {
            self.0.give(row)?;
        }
        Ok(())
    }
}

/// What `error` says of `body`, and how to write what serde cannot read.
pub(super) fn explain(error: &serde_json::Error, body: &[u8]) -> String {
    let line = body.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic();
    let at = error.column().min(line.len());
    let from = at - line[..at].iter().rev().take(16).take_while(|byte| is_letter(byte)).count();
    let word = line[from..].iter().take(16).take_while(|byte| is_letter(byte));
    let word: String = word.map(|byte| char::from(*byte)).collect();
    match word.to_ascii_lowercase().as_str() {
        "nan" | "none" | "na" => format!("{word} is not JSON ({error}): write null for a missing value"),
        "inf" | "infinity" => format!("{word} is not JSON ({error}): a value is a finite number or null"),
        "true" | "false" if word != word.to_ascii_lowercase() => {
            format!("{word} is not JSON ({error}): write 1 or 0")
        }
        _ => error.to_string(),
    }
}
