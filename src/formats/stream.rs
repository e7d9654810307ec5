//! Rows from a reader, one at a time, so that a file larger than memory is fine.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::json::{Instance, InstanceVisitor};
use super::{csv, json, libsvm};
use crate::row::{RowError, Schema};

/// The form of a file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// See [`csv`].
    Csv,
    /// See [`libsvm`].
    Libsvm,
    /// One row after the other, arrays or objects, or documents `{"instances": [row, …]}`.
    Json,
}

/// Why a file of rows cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A row is wrong. `place` is "line N" or "row N", 1-based.
    #[error("{place}: {error}")]
    Row {
        /// Where.
        place: String,
        /// What.
        error: RowError,
    },
    /// The file is not JSON.
    #[error("the input is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// Reading failed, or taking a row did.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Calls `take` with each row of `input`, in order.
///
/// # Errors
/// The first row that is none, or an error of `input` or `take`.
pub fn for_each_row(
    input: impl BufRead,
    form: Form,
    schema: &Schema,
    mut take: impl FnMut(&[f32]) -> io::Result<()>,
) -> Result<(), StreamError> {
    let mut row = vec![f32::NAN; schema.width()];
    match form {
        Form::Csv => {
            let mut order = None;
            for_each_line(input, |number, line| {
                if number == 1
                    && let Some(header) = csv::header_order(line, schema)
                {
                    order = Some(header.map_err(|error| at_line(number, error))?);
                    return Ok(());
                }
                csv::feature_row(line, schema, order.as_deref(), &mut row)
                    .map_err(|error| at_line(number, error))?;
                Ok(take(&row)?)
            })
        }
        Form::Libsvm => for_each_line(input, |number, line| {
            libsvm::feature_row(line, &mut row).map_err(|error| at_line(number, error))?;
            Ok(take(&row)?)
        }),
        Form::Json => {
            let mut number = 0;
            for_each_instance(input, |instance| {
                number += 1;
                json::feature_row(instance, schema, &mut row)
                    .map_err(|error| StreamError::Row { place: format!("row {number}"), error })?;
                Ok(take(&row)?)
            })
        }
    }
}

fn at_line(number: usize, error: RowError) -> StreamError {
    StreamError::Row { place: format!("line {number}"), error }
}

/// Calls `take` with each line and its 1-based number, without line end, surrounding blanks or byte order mark.
fn for_each_line(
    mut input: impl BufRead,
    mut take: impl FnMut(usize, &str) -> Result<(), StreamError>,
) -> Result<(), StreamError> {
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            break;
        }
        let text = if number == 1 { line.trim_start_matches('\u{feff}') } else { &line };
        take(number, text.trim_ascii())?;
    }
    Ok(())
}

/// Calls `take` with each row of one or several JSON documents, holding no more than one row at a time.
fn for_each_instance(
    input: impl Read,
    mut take: impl FnMut(&Instance) -> Result<(), StreamError>,
) -> Result<(), StreamError> {
    let mut json = serde_json::Deserializer::from_reader(input);
    let mut refused = None;
    while json.end().is_err() {
        let read = Document(Sink { take: &mut take, refused: &mut refused }).deserialize(&mut json);
        if let Some(error) = refused {
            return Err(error);
        }
        read.map_err(|error| match error.classify() {
            Category::Io => StreamError::Io(error.into()),
            _ => StreamError::NotJson(error),
        })?;
    }
    Ok(())
}

/// Where rows go. A row that is refused stops the deserializer; the reason is kept, as serde would flatten it to text.
struct Sink<'a> {
    take: &'a mut dyn FnMut(&Instance) -> Result<(), StreamError>,
    refused: &'a mut Option<StreamError>,
}

impl Sink<'_> {
    fn give<E: Error>(&mut self, row: &Instance) -> Result<(), E> {
        (self.take)(row).map_err(|error| {
            *self.refused = Some(error);
            E::custom("a row was refused")
        })
    }
}

/// A row, or `{"instances": [row, …]}`.
struct Document<'a>(Sink<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row (an array or an object) or {\"instances\": [row, …]}")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, row: A) -> Result<(), A::Error> {
        let row = InstanceVisitor.visit_seq(row)?;
        self.0.give(&row)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "instances" && members.is_empty() {
                map.next_value_seed(Instances(self.0))?;
                return match map.next_key::<String>()? {
                    Some(name) => {
                        Err(A::Error::custom(format!("unknown member {name:?} beside \"instances\"")))
                    }
                    None => Ok(()),
                };
            }
            members.push((name, map.next_value()?));
        }
        self.0.give(&Instance::Object(members))
    }
}

/// The array of rows in a document.
struct Instances<'a>(Sink<'a>);

impl<'de> DeserializeSeed<'de> for Instances<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Instances<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            self.0.give(&row)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(form: Form, text: &str) -> Result<Vec<Vec<f32>>, String> {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let mut rows = Vec::new();
        let read = for_each_row(text.as_bytes(), form, &schema, |row| {
            rows.push(row.to_vec());
            Ok(())
        });
        read.map(|()| rows).map_err(|error| error.to_string())
    }

    #[test]
    fn the_same_rows_in_every_form() {
        let expected = Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]);
        assert_eq!(rows(Form::Csv, "1,2\n3,4\n"), expected);
        assert_eq!(rows(Form::Csv, "\u{feff}b,a\r\n2,1\r\n4,3"), expected);
        assert_eq!(rows(Form::Libsvm, "0 0:1 1:2\n1 1:4 0:3\n"), expected);
        assert_eq!(rows(Form::Json, r#"{"instances": [[1, 2], {"b": 4, "a": 3}]}"#), expected);
        assert_eq!(rows(Form::Json, "[1, 2]\n{\"b\": 4, \"a\": 3}\n"), expected);
        assert_eq!(rows(Form::Json, r#"{"instances": [[1, 2]]} {"instances": [[3, 4]]}"#), expected);
    }

    #[test]
    fn the_first_bad_row_is_named() {
        for (form, text, place) in [
            (Form::Csv, "a,b\n1,2\n1\n", "line 3: 1 columns, expected 2"),
            (Form::Libsvm, "1 0:1\n1 9:1", "line 2: index \"9\""),
            (Form::Json, "[1,2] [1,true]", "row 2: b: true"),
            (Form::Json, r#"{"instances": [[1, 2], 7]}"#, "row 2: a number; expected"),
            (Form::Json, r#"{"instances": [[1, 2]], "x": 1}"#, "unknown member \"x\""),
            (Form::Json, "[1, 2", "not JSON"),
        ] {
            let error = rows(form, text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
