//! A request as the use case takes it: its forms settled, its body read and decoded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::HeaderMap;

use super::negotiate::{BodyType, ReplyType, body_type, reply_type};
use super::target::target;
use crate::api::body::read_body;
use crate::api::fault::Fault;
use crate::api::state::ApiState;
use crate::formats::{csv, json};
use crate::inference::{InferenceRequest, Input};
use crate::row::{RowError, RowLimits, Schema};
use crate::scorer::{InferenceTarget, Output};

/// Bodies up to this size are decoded where they are.
const SMALL_BODY: usize = 64 * 1024;

/// A decoded request, and what its answer needs.
pub(super) struct Received {
    pub(super) reply: ReplyType,
    pub(super) request: InferenceRequest,
    pub(super) decoding: Duration,
}

/// What reads a body of either type.
type Decoder = fn(BodyType, &[u8], &Schema, RowLimits) -> Result<Input, RowError>;

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

/// Settles the types before the body is read, so that a request nobody can answer is not read for nothing.
pub(super) fn receive(
    state: &ApiState,
    request: Request,
    decoder: Decoder,
) -> impl Future<Output = Result<Received, Fault>> + use<> {
    let settled = settle(state, request.headers());
    let body = read_body(request, state.body_limit);
    let (admission, schema) = (state.admission.clone(), Arc::clone(state.inference.schema()));
    async move {
        let (reply, body_type, target) = settled?;
        let body = body.await?;
        let started = Instant::now();
        let is_small = body.len() <= SMALL_BODY;
        let all_or_nothing = reply == ReplyType::Text;
        let limits = RowLimits { all_or_nothing, ..RowLimits::default() };
        let input = admission.run(is_small, move || decoder(body_type, &body, &schema, limits)).await?;
        Ok(Received {
            reply,
            request: InferenceRequest { input, target, output: Output::Score, all_or_nothing },
            decoding: started.elapsed(),
        })
    }
}

type Settled = (ReplyType, BodyType, Option<Arc<InferenceTarget>>);

fn settle(state: &ApiState, headers: &HeaderMap) -> Result<Settled, Fault> {
    Ok((reply_type(headers)?, body_type(headers)?, target(headers, &state.pass_headers)?))
}
