//! Rows in a JSON document and one answer for all of them, as several protocols have it: the first bad row fails the request.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use memchr::memchr_iter;
use serde::{Serialize, Serializer};

use super::body::read_body;
use super::fault::Fault;
use super::state::ApiState;
use crate::admission::Lease;
use crate::inference::{InferenceRequest, Input};
use crate::row::{Batch, Decoded, RowError, RowLimits, Schema};
use crate::scorer::Output;
use crate::telemetry::Stages;

/// Bodies up to this size are decoded where they are, and need no leave.
const SMALL_BODY: usize = 64 * 1024;
/// Answers of up to this many rows are encoded where they are.
pub(super) const SMALL_ANSWER: usize = 256;

/// What reads a body.
pub(super) type Decode = fn(&[u8], &Schema, RowLimits) -> Result<Decoded<Batch>, RowError>;

/// The rows of a request.
pub(super) struct Received {
    pub(super) request: InferenceRequest,
    /// With the time that decoding took.
    pub(super) stages: Stages,
    /// The room that a large request takes, until it is answered.
    pub(super) lease: Option<Lease>,
}

/// Reads the rows of `request`, each of which takes as long as `weight` that are only scored.
pub(super) async fn receive(
    state: &ApiState,
    request: Request,
    weight: usize,
    decode: Decode,
) -> Result<Received, Fault> {
    let body = read_body(state, request).await?;
    let started = Instant::now();
    let is_small = body.bytes.len() <= SMALL_BODY;
    let (schema, rows) = (Arc::clone(state.inference.schema()), state.rows_limit);
    let lease = if is_small {
        None
    } else {
        let values = memchr_iter(b',', &body.bytes).count();
        Some(state.admission.admit((values / schema.width() + 1) * weight)?)
    };
    let limits = RowLimits { rows, all_or_nothing: true };
    let decoded = state.admission.run(is_small, move || decode(&body.bytes, &schema, limits)).await?;
    let request = InferenceRequest {
        input: Input::Rows(decoded),
        target: None,
        output: Output::Score,
        all_or_nothing: true,
    };
    Ok(Received { request, stages: Stages { decode: started.elapsed(), ..Stages::default() }, lease })
}

/// A JSON document as an answer.
pub(super) fn json(document: &impl Serialize) -> Response {
    let body = serde_json::to_vec(document).expect("plain data always has a JSON form: this is a bug");
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Numbers per row: one as it is, several as an array.
pub(super) struct PerRow<'a> {
    pub(super) width: usize,
    pub(super) values: &'a [f64],
}

impl Serialize for PerRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.width {
            1 => serializer.collect_seq(self.values),
            width => serializer.collect_seq(self.values.chunks_exact(width)),
        }
    }
}
