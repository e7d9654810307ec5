//! A request as the use case takes it: its types settled, its body read and decoded.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use memchr::memchr_iter;

use super::negotiate::{BodyType, ReplyType, body_type, reply_type};
use crate::api::body::{RequestBody, read_body};
use crate::api::fault::Fault;
use crate::api::state::ApiState;
use crate::api::target::target;
use crate::api::work::Work;
use crate::formats::{csv, json};
use crate::inference::{InferenceRequest, Input};
use crate::row::{RowError, RowLimits, Schema};
use crate::scorer::{InferenceTarget, Output};

/// What the answer to a decoded request needs.
pub(super) struct Reply {
    pub(super) type_: ReplyType,
    /// None where there was no body.
    pub(super) work: Work,
}

/// What reads a body of either type.
pub(super) type Decode = fn(BodyType, &[u8], &Schema, RowLimits) -> Result<Input, RowError>;

/// Feature rows.
pub(super) fn rows(
    body_type: BodyType,
    body: &[u8],
    schema: &Schema,
    limits: RowLimits,
) -> Result<Input, RowError> {
    match body_type {
        BodyType::Csv => csv::feature_rows(body, schema, limits),
        BodyType::Json => json::feature_rows(body, schema, limits),
    }
    .map(Input::Rows)
}

/// Pairs whose rows are stored.
pub(super) fn pairs(
    body_type: BodyType,
    body: &[u8],
    _: &Schema,
    limits: RowLimits,
) -> Result<Input, RowError> {
    match body_type {
        BodyType::Csv => csv::pairs(body, limits),
        BodyType::Json => json::pairs(body, limits),
    }
    .map(Input::Pairs)
}

/// Settles the types before the body is read, so that a request nobody can answer is not read for nothing. A row of it takes
/// as long as `weight` rows that are only scored.
pub(super) fn receive(
    state: &ApiState,
    request: Request,
    decode: Decode,
    weight: usize,
) -> impl Future<Output = Result<(InferenceRequest, Reply), Fault>> + use<> {
    let settled = settle(state, request.headers());
    let body = read_body(state, request);
    let (admission, schema) = (state.admission.clone(), Arc::clone(state.inference.schema()));
    let rows = state.rows_limit;
    async move {
        let (type_, body_type, target) = settled?;
        let body = body.await?;
        let all_or_nothing = type_ == ReplyType::Text;
        let limits = RowLimits { rows, all_or_nothing };
        let size = body.bytes.len();
        let likely_rows = |body: &RequestBody| likely_rows(body_type, &body.bytes) * weight;
        let decode = move |body: RequestBody| decode(body_type, &body.bytes, &schema, limits);
        let (input, work) = Work::decode(&admission, body, size, likely_rows, decode).await?;
        let request = InferenceRequest { input, target, output: Output::Score, all_or_nothing };
        Ok((request, Reply { type_, work }))
    }
}

/// About how many rows a body holds, to be known before it is decoded: its lines, or its brackets.
fn likely_rows(body_type: BodyType, body: &[u8]) -> usize {
    let mark = if body_type == BodyType::Csv { b'\n' } else { b']' };
    memchr_iter(mark, body).count().max(memchr_iter(b'}', body).count()) + 1
}

type Settled = (ReplyType, BodyType, Option<Arc<InferenceTarget>>);

fn settle(state: &ApiState, headers: &HeaderMap) -> Result<Settled, Fault> {
    Ok((reply_type(headers)?, body_type(headers)?, target(headers, &state.pass_headers)?))
}
