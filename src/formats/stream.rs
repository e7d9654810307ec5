//! Rows from a reader, one at a time, so that a file larger than memory is fine.

use std::io::{self, BufRead};
use std::marker::PhantomData;

use serde::de::DeserializeSeed;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::csv::RowReader;
use super::csv::records::{RecordError, Records};
use super::json::{Document, EXPECTED, Instance, Refusal};
use super::libsvm::LibsvmReader;
use crate::row::{RowError, Schema};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The form of a file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// See [`csv`](super::csv).
    Csv,
    /// See [`libsvm`](super::libsvm).
    Libsvm,
    /// One row after the other, arrays or objects, or documents `{"instances": [row, …]}`.
    Json,
}

/// A row of a file.
#[derive(Debug, Clone, Copy)]
pub struct StreamRow<'r> {
    /// Its values, in model order.
    pub values: &'r [f32],
    /// The places of those that are given, each once, where the form lists them; the others are missing.
    pub listed: Option<&'r [u32]>,
    /// The identifiers carried through with it.
    pub ids: &'r [String],
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
    /// The file is not JSON, or not of rows.
    #[error("the input is not JSON of rows: {0}")]
    NotJson(String),
    /// A line is no text.
    #[error("line {0} is not UTF-8")]
    NotUtf8(u64),
    /// Reading failed, or taking a row did.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl StreamError {
    fn at_line(line: u64, error: RowError) -> Self {
        Self::Row { place: format!("line {line}"), error }
    }
}

impl From<RecordError> for StreamError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::NotUtf8(line) => Self::NotUtf8(line),
            RecordError::Io(error) => Self::Io(error),
        }
    }
}

/// Calls `take` with each row of `input`, in order. In CSV, a header names the columns `ids` beside the features, to be
/// carried through with the row.
///
/// # Errors
/// The first row that is none, or an error of `input` or `take`.
pub fn for_each_row(
    input: impl BufRead,
    form: Form,
    schema: &Schema,
    ids: &[String],
    take: impl FnMut(StreamRow<'_>) -> io::Result<()>,
) -> Result<(), StreamError> {
    match form {
        Form::Csv => csv_rows(input, schema, ids, take),
        Form::Libsvm => libsvm_rows(input, schema, take),
        Form::Json => json_rows(input, schema, take),
    }
}

fn csv_rows(
    input: impl BufRead,
    schema: &Schema,
    ids: &[String],
    mut take: impl FnMut(StreamRow<'_>) -> io::Result<()>,
) -> Result<(), StreamError> {
    let mut records = Records::new(input);
    let mut reader = RowReader::new(schema, ids);
    let mut is_first = true;
    while let Some(record) = records.next()? {
        let is_row = reader
            .next(&record, std::mem::take(&mut is_first))
            .map_err(|error| StreamError::at_line(record.line, error))?;
        if is_row {
            take(StreamRow { values: reader.row(), listed: None, ids: reader.ids() })?;
        }
    }
    Ok(())
}

fn libsvm_rows(
    mut input: impl BufRead,
    schema: &Schema,
    mut take: impl FnMut(StreamRow<'_>) -> io::Result<()>,
) -> Result<(), StreamError> {
    let mut reader = LibsvmReader::new(schema.width());
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) } else { &line };
        let text = str::from_utf8(text).map_err(|_| StreamError::NotUtf8(number))?;
        if reader.read(text).map_err(|error| StreamError::at_line(number, error))? {
            take(StreamRow { values: reader.row(), listed: Some(reader.named()), ids: &[] })?;
        }
    }
    Ok(())
}

fn json_rows(
    mut input: impl BufRead,
    schema: &Schema,
    mut take: impl FnMut(StreamRow<'_>) -> io::Result<()>,
) -> Result<(), StreamError> {
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    let mut row = vec![f32::NAN; schema.width()];
    let mut number = 0;
    let mut take = |instance: Instance<Box<RawValue>>| {
        number += 1;
        instance
            .feature_row(schema, &mut row)
            .map_err(|error| StreamError::Row { place: format!("row {number}"), error })?;
        Ok(take(StreamRow { values: &row, listed: None, ids: &[] })?)
    };
    let mut json = serde_json::Deserializer::from_reader(input);
    while json.end().is_err() {
        let mut refused = None;
        let document = Document {
            lists: true,
            is_member: &|_| true,
            take: &mut take,
            refused: &mut refused,
            cells: PhantomData,
        };
        let read = document.deserialize(&mut json);
        match (refused, read) {
            (Some(Refusal::Row(error)), _) => return Err(error),
            (Some(Refusal::Shape(what)), _) => return Err(StreamError::NotJson(what)),
            (None, Err(error)) if error.classify() == Category::Io => {
                return Err(StreamError::Io(error.into()));
            }
            (None, Err(error)) => {
                let what =
                    format!("{error}; {EXPECTED}, or rows one after the other; null is a missing value");
                return Err(StreamError::NotJson(what));
            }
            (None, Ok(())) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(form: Form, text: &str) -> Result<Vec<Vec<f32>>, String> {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let mut rows = Vec::new();
        let read = for_each_row(text.as_bytes(), form, &schema, &[], |row| {
            rows.push(row.values.to_vec());
            Ok(())
        });
        read.map(|()| rows).map_err(|error| error.to_string())
    }

    #[test]
    fn the_same_rows_in_every_form() {
        let expected = Ok(vec![vec![1.0, 2.0], vec![3.0, 4.0]]);
        assert_eq!(rows(Form::Csv, "1,2\n3,4\n"), expected);
        assert_eq!(rows(Form::Csv, "\u{feff}b,a\r\n2,1\r\n4,3"), expected);
        assert_eq!(rows(Form::Csv, "\"b\",\"a\"\r\"2\",\"1\"\r4,3\r\r"), expected);
        assert_eq!(rows(Form::Libsvm, "0 0:1 1:2\n1 1:4 0:3\n"), expected);
        assert_eq!(rows(Form::Libsvm, "\u{feff}# head\r\n0:2 0:1 1:2\r\n\r\n1 qid:1 1:4 0:3"), expected);
        assert_eq!(rows(Form::Json, "\u{feff}{\"instances\": [[1, 2], [3, 4]]}"), expected);
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
            (Form::Json, "[1, 2] [NaN, 1]", "null is a missing value"),
            (Form::Json, "7", "this is a number; expected"),
            (Form::Csv, "1,2\n\n3,4\n", "line 2: the line is blank"),
            (Form::Csv, "id,a,b\n7,1,2\n", "--id id"),
            (Form::Csv, "1,2\n\"3,4\n", "line 2: a quote is opened"),
            (Form::Libsvm, "1 0:1\n\n1 0:1 0:2", "line 3: index 0 is given two values"),
        ] {
            let error = rows(form, text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn identifiers_are_carried_through() {
        let schema = Schema::new(vec!["a".into(), "b".into()]);
        let ids = ["user_id".to_owned(), "product_id".to_owned()];
        let mut found = Vec::new();
        let text = "product_id,a,user_id,b\n\"p,1\",1,u,2\n";
        for_each_row(text.as_bytes(), Form::Csv, &schema, &ids, |row| {
            found.push((row.ids.to_vec(), row.values.to_vec()));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [(vec!["u".to_owned(), "p,1".to_owned()], vec![1.0, 2.0])]);
        for (text, words) in [("a,b\n1,2\n", "\"user_id\" is absent"), ("1,2\n", "\"1\" is not a feature")] {
            let read = for_each_row(text.as_bytes(), Form::Csv, &schema, &ids, |_| Ok(()));
            assert!(read.unwrap_err().to_string().contains(words), "{text}");
        }
    }
}
