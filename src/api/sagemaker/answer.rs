//! Scores as the container writes them: every number as Python prints the float64 that a float32 is.

use std::collections::BTreeMap;

use super::media::Reply;
use super::recordio::{self, Record, Value};
use crate::formats::text::{Spelling, write_row};
use crate::row::python_float;
use crate::scorer::Scores;

/// Under which name a score stands in JSON and in records.
const SCORE: &str = "score";

/// The answer to a request.
pub(super) fn scores(reply: Reply, scores: &Scores) -> Vec<u8> {
    let mut text = String::new();
    match reply {
        Reply::Csv => {
            for row in scores.rows() {
                write_row(row, Spelling::Float, &mut text);
                text.push('\n');
            }
        }
        Reply::Json => {
            text.push_str("{\"predictions\": [");
            for (at, row) in scores.rows().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                write_object(row, &mut text);
            }
            text.push_str("]}");
        }
        // The container fails at these two, unless it is told which columns to give.
        Reply::JsonLines => {
            for row in scores.rows() {
                write_object(row, &mut text);
                text.push('\n');
            }
        }
        Reply::Recordio => {
            let mut bytes = Vec::new();
            for row in scores.rows() {
                let numbers: Vec<f32> = row.iter().map(|number| *number as f32).collect();
                let label = BTreeMap::from([(SCORE.to_owned(), Value::from(numbers))]);
                recordio::write(&Record { features: BTreeMap::new(), label }, &mut bytes);
            }
            return bytes;
        }
    }
    text.into_bytes()
}

/// The answer to a part of a batch transform, whatever type was asked for: `str` of each prediction.
pub(super) fn batch(scores: &Scores) -> Vec<u8> {
    let mut text = String::new();
    for row in scores.rows() {
        write_prediction(row, &mut text);
        text.push('\n');
    }
    text.into_bytes()
}

fn write_object(row: &[f64], out: &mut String) {
    out.push_str("{\"score\": ");
    write_prediction(row, out);
    out.push('}');
}

/// A number, or a list of them, as Python and JSON both write it.
fn write_prediction(row: &[f64], out: &mut String) {
    match *row {
        [number] => python_float(number, out),
        _ => write_list(row, out),
    }
}

/// `[0.5, 0.25]`
pub(super) fn write_list(numbers: &[f64], out: &mut String) {
    out.push('[');
    for (at, number) in numbers.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        python_float(*number, out);
    }
    out.push(']');
}
