//! Selectable inference: the columns of `SAGEMAKER_INFERENCE_OUTPUT` in place of the score.

use std::collections::BTreeMap;

use super::answer::write_list;
use super::media::Reply;
use super::recordio::{self, Record};
use crate::api::fault::{Code, Fault};
use crate::row::python_float;
use crate::scorer::Scores;

/// All columns there are, in the order that an object has them.
const KEYS: [&str; 7] = [
    "predicted_label",
    "labels",
    "probability",
    "probabilities",
    "raw_score",
    "raw_scores",
    "predicted_score",
];

/// What a column holds for one row.
enum Column {
    Whole(usize),
    Number(f64),
    Wholes(usize),
    Numbers(Vec<f64>),
    /// The model has no such thing; the container says NaN.
    Absent,
}

/// What is known of the objective.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Regression,
    Logistic,
    LogitRaw,
    Hinge,
    Softmax,
    Softprob,
}

fn kind(objective: &str) -> Option<Kind> {
    Some(match objective {
        // The first is the old name of the second.
        "reg:linear" | "reg:squarederror" | "reg:logistic" | "reg:gamma" | "reg:absoluteerror"
        | "reg:tweedie" => Kind::Regression,
        "binary:logistic" => Kind::Logistic,
        "binary:logitraw" => Kind::LogitRaw,
        "binary:hinge" => Kind::Hinge,
        "multi:softmax" => Kind::Softmax,
        "multi:softprob" => Kind::Softprob,
        _ => return None,
    })
}

/// The answer to a request with the columns `keys`; a batch transform wants CSV to end with a line end.
///
/// # Errors
/// The objective of the model has no such columns.
pub(super) fn columns(
    reply: Reply,
    scores: &Scores,
    keys: &[String],
    is_batch: bool,
) -> Result<Vec<u8>, Fault> {
    let objective = scores.model.objective.as_deref().unwrap_or("unknown");
    let kind = kind(objective).ok_or_else(|| {
        let what = format!("Objective `{objective}` unsupported for selectable inference predictions.");
        Fault::new(Code::Unsupported, what)
    })?;
    let classes = scores.model.margins;
    let row_of = |row: &[f64], keys: &[String]| -> Vec<Column> {
        keys.iter().map(|key| column(kind, key, row, classes)).collect()
    };
    let named = in_order(kind, keys);
    let mut text = String::new();
    match reply {
        Reply::Csv => {
            for (at, row) in scores.rows().enumerate() {
                text.push_str(if at > 0 { "\n" } else { "" });
                write_csv(&row_of(row, keys), &mut text);
            }
            text.push_str(if is_batch { "\n" } else { "" });
        }
        Reply::Json => {
            text.push_str("{\"predictions\": [");
            for (at, row) in scores.rows().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                write_object(&named, &row_of(row, &named), &mut text);
            }
            text.push_str("]}");
        }
        Reply::JsonLines => {
            for row in scores.rows() {
                write_object(&named, &row_of(row, &named), &mut text);
                text.push('\n');
            }
        }
        Reply::Recordio => {
            let mut bytes = Vec::new();
            for row in scores.rows() {
                let columns = row_of(row, &named).into_iter().map(|column| tensor(column).into());
                let label: BTreeMap<_, _> = named.iter().cloned().zip(columns).collect();
                recordio::write(&Record { features: BTreeMap::new(), label }, &mut bytes);
            }
            return Ok(bytes);
        }
    }
    Ok(text.into_bytes())
}

/// Each of `keys` once: those that the model has in the order of all, then the others as they come.
fn in_order(kind: Kind, keys: &[String]) -> Vec<String> {
    let has = |key: &str| !matches!(column(kind, key, &[0.0], 0), Column::Absent);
    let known = KEYS.into_iter().filter(|known| has(known) && keys.iter().any(|key| key == known));
    let mut named: Vec<String> = known.map(str::to_owned).collect();
    for key in keys {
        if !named.contains(key) {
            named.push(key.clone());
        }
    }
    named
}

fn column(kind: Kind, key: &str, row: &[f64], classes: usize) -> Column {
    let score = row.first().copied().unwrap_or(f64::NAN);
    let best = || row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if kind == Kind::Regression {
        return if key == "predicted_score" { Column::Number(score) } else { Column::Absent };
    }
    match (key, kind) {
        ("predicted_label", Kind::Logistic) => Column::Whole(usize::from(score > 0.5)),
        ("predicted_label", Kind::LogitRaw) => Column::Whole(usize::from(score > 0.0)),
        ("predicted_label", Kind::Softprob) => {
            // The first of several, as numpy's argmax.
            Column::Whole(row.iter().position(|score| *score == best()).unwrap_or_default())
        }
        ("labels", Kind::Softmax | Kind::Softprob) => Column::Wholes(classes),
        ("labels", _) => Column::Wholes(2),
        ("probability" | "raw_score", Kind::Softprob) => Column::Number(best()),
        ("probabilities" | "raw_scores", Kind::Softprob) => Column::Numbers(row.to_vec()),
        ("predicted_label" | "raw_score", _) | ("probability", Kind::Logistic) => Column::Number(score),
        ("probabilities", Kind::Logistic) | ("raw_scores", _) => Column::Numbers(vec![1.0 - score, score]),
        _ => Column::Absent,
    }
}

fn write_csv(columns: &[Column], out: &mut String) {
    for (at, column) in columns.iter().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        let is_list = matches!(column, Column::Wholes(_) | Column::Numbers(_));
        out.push_str(if is_list { "\"" } else { "" });
        write_column(column, "nan", out);
        out.push_str(if is_list { "\"" } else { "" });
    }
}

/// What the model does not have is null, where the container writes a NaN that is no JSON.
fn write_object(names: &[String], columns: &[Column], out: &mut String) {
    out.push('{');
    for (at, (name, column)) in names.iter().zip(columns).enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push_str(": ");
        write_column(column, "null", out);
    }
    out.push('}');
}

fn write_column(column: &Column, absent: &str, out: &mut String) {
    match column {
        Column::Whole(number) => out.push_str(&number.to_string()),
        Column::Number(number) => python_float(*number, out),
        Column::Wholes(count) => {
            let labels: Vec<String> = (0..*count).map(|label| label.to_string()).collect();
            out.push('[');
            out.push_str(&labels.join(", "));
            out.push(']');
        }
        Column::Numbers(numbers) => write_list(numbers, out),
        Column::Absent => out.push_str(absent),
    }
}

fn tensor(column: Column) -> Vec<f32> {
    match column {
        Column::Whole(number) => vec![number as f32],
        Column::Number(number) => vec![number as f32],
        Column::Wholes(count) => (0..count).map(|label| label as f32).collect(),
        Column::Numbers(numbers) => numbers.into_iter().map(|number| number as f32).collect(),
        Column::Absent => vec![f32::NAN],
    }
}
