//! Rows in a JSON document and one answer for all of them, as several protocols have it: the first bad row fails the request.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use memchr::memchr_iter;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::body::{RequestBody, read_body};
use super::fault::Fault;
use super::state::ApiState;
use super::work::Work;
use crate::inference::{InferenceRequest, Input};
use crate::row::{Batch, Decoded, RowError, RowLimits, Schema};
use crate::scorer::{Output, Scores};

/// A row: a list in the model's order, or an object by names. Null is missing.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum RowInstance {
    List(Vec<Option<f64>>),
    ByName(BTreeMap<String, Option<f64>>),
}

/// What reads a body.
pub(super) type Decode = fn(&[u8], &Schema, RowLimits) -> Result<Decoded<Batch>, RowError>;

/// Reads the rows of `request`, each of which takes as long as `weight` that are only scored.
pub(super) async fn receive(
    state: &ApiState,
    request: Request,
    weight: usize,
    decode: Decode,
) -> Result<(InferenceRequest, Work), Fault> {
    let body = read_body(state, request).await?;
    let (size, schema) = (body.bytes.len(), Arc::clone(state.inference.schema()));
    let limits = RowLimits { rows: state.rows_limit, all_or_nothing: true };
    let width = schema.width();
    let rows = |body: &RequestBody| (memchr_iter(b',', &body.bytes).count() / width + 1) * weight;
    let decode = move |body: RequestBody| decode(&body.bytes, &schema, limits);
    let (decoded, work) = Work::decode(&state.admission, body, size, rows, decode).await?;
    let request = InferenceRequest {
        input: Input::Rows(decoded),
        target: None,
        output: Output::Score,
        all_or_nothing: true,
    };
    Ok((request, work))
}

/// `{"predictions": [score, …]}`, as all of them answer.
#[derive(Serialize, ToSchema)]
#[schema(as = PlainPredictions)]
pub(super) struct Predictions<'a> {
    #[schema(value_type = Vec<PlainScore>)]
    predictions: PerRow<'a>,
}

impl<'a> Predictions<'a> {
    pub(super) fn of(scores: &'a Scores) -> Self {
        Self { predictions: PerRow::of(scores) }
    }
}

/// A row's score: one number, or one per class or target.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum PlainScore {
    One(f64),
    Several(Vec<f64>),
}

/// Numbers per row: one as it is, several as an array.
pub(super) struct PerRow<'a> {
    width: usize,
    values: &'a [f64],
}

impl<'a> PerRow<'a> {
    pub(super) fn of(scores: &'a Scores) -> Self {
        Self { width: scores.width, values: &scores.values }
    }
}

impl Serialize for PerRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.width {
            1 => serializer.collect_seq(self.values),
            width => serializer.collect_seq(self.values.chunks_exact(width)),
        }
    }
}
