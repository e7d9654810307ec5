//! Scores as an answer: the old service's text, or JSON with what became of each row.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::name;
use super::problem::{Code, Problem};
use super::python_float::python_float;
use crate::features::PairKey;
use crate::scorer::{ModelInfo, Scores};

/// What the old service called its answers, to the letter.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer's headers with those that the layers add, so that the map need not grow.
const MOST_HEADERS: usize = 12;

/// Names the model that an answer comes from.
pub(super) const MODEL_VERSION: HeaderName = name("x-model-version");

/// Says in `response` which model it comes from.
pub(super) fn by_model(mut response: Response, model: &ModelInfo) -> Response {
    // A version that is no header value has been let in by an upstream; the answer is good without it.
    if let Ok(version) = HeaderValue::from_str(&model.version) {
        response.headers_mut().insert(MODEL_VERSION, version);
    }
    response
}

/// One line per row, without a line end after the last; numbers as Python prints them, several separated by commas.
pub(super) fn text(scores: &Scores) -> Response {
    let mut body = String::with_capacity(scores.values.len() * 24);
    lines(scores.rows(), &mut body);
    text_body(body)
}

/// Appends one line per row to `body`.
pub(super) fn lines<'r, T: Into<f64> + Copy + 'r>(rows: impl Iterator<Item = &'r [T]>, body: &mut String) {
    for (at, row) in rows.enumerate() {
        if at > 0 {
            body.push('\n');
        }
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                body.push(',');
            }
            python_float((*value).into(), body);
        }
    }
}

/// Lines of text as an answer.
pub(super) fn text_body(body: impl Into<Body>) -> Response {
    with_type(TEXT, body)
}

#[derive(Serialize)]
struct Document<'a> {
    predictions: Vec<Prediction<'a>>,
    threshold: f64,
    model: &'a str,
}

#[derive(Serialize)]
struct Prediction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'a str>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Outcome {
    Score { score: f64, likely: bool },
    Scores { score: Vec<f64> },
    Failed { error: Failure },
}

#[derive(Serialize)]
pub(super) struct Failure {
    code: Code,
    detail: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
}

/// What became of one row of a request before scoring: the pair it named, and why it is not scored if it is not.
pub(super) type Entry<'a> = (Option<&'a PairKey>, Option<Problem>);

/// One prediction per entry, in order: the next score, or the problem that kept the row from being scored.
pub(super) fn json<'a>(
    scores: &Scores,
    entries: impl Iterator<Item = Entry<'a>>,
    threshold: f64,
) -> Response {
    let mut scored = scores.rows();
    let predictions = entries
        .filter_map(|(pair, problem)| {
            let outcome = match problem {
                Some(problem) => Outcome::Failed { error: problem.into() },
                None => outcome(scored.next()?, threshold),
            };
            let (user_id, product_id) = pair.map(|pair| (pair.user(), pair.product())).unzip();
            Some(Prediction { user_id, product_id, outcome })
        })
        .collect();
    json_document(&Document { predictions, threshold, model: &scores.model.version })
}

impl From<Problem> for Failure {
    fn from(Problem { code, detail, column, .. }: Problem) -> Self {
        Self { code, detail, column }
    }
}

pub(super) fn outcome(row: &[f64], threshold: f64) -> Outcome {
    match *row {
        [score] => Outcome::Score { score, likely: score > threshold },
        _ => Outcome::Scores { score: row.to_vec() },
    }
}

/// Any document as a JSON answer.
pub(super) fn json_document(document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(body) => with_type(JSON, body),
        Err(error) => unreachable!("plain data always has a JSON form: {error}"),
    }
}

fn with_type(content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.headers_mut() = HeaderMap::with_capacity(MOST_HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
