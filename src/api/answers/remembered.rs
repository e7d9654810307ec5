//! One answer, whole.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;

use super::Versions;
use crate::api::fault::{Code, Fault};
use crate::api::state::ApiState;
use crate::telemetry::Stages;

/// Largest answer that is remembered, as API Gateway's.
pub(super) const LARGEST: usize = 1024 * 1024;

/// Marks an answer in which some row failed: the next try may do better.
#[derive(Clone, Copy)]
pub(in crate::api) struct Partial;

/// An answer.
#[derive(Debug)]
pub(super) struct Remembered {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
    /// What went wrong, if it is no good answer.
    fault: Option<Fault>,
    stages: Option<Stages>,
    since: Instant,
}

/// An answer that goes to those who wait for it and to nobody else.
#[derive(Debug, Clone)]
pub(super) struct Unkept(pub(super) Arc<Remembered>);

/// The whole of `response`, which was made while `before` was in use.
pub(super) async fn keep(
    response: Response,
    state: &ApiState,
    before: &Versions,
) -> Result<Arc<Remembered>, Unkept> {
    let (mut parts, body) = response.into_parts();
    let is_whole = parts.status == StatusCode::OK && parts.extensions.remove::<Partial>().is_none();
    let stages = parts.extensions.remove::<Stages>();
    let mut fault = parts.extensions.remove::<Fault>();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            fault = Some(Fault::new(Code::Internal, "the answer broke off").caused_by(error));
            Bytes::new()
        }
    };
    let is_good = is_whole && fault.is_none() && body.len() <= LARGEST;
    let (status, headers) = (parts.status, parts.headers);
    let answer = Arc::new(Remembered { status, headers, body, fault, stages, since: Instant::now() });
    // An answer of another model than the one that the next request is asked of is not its answer.
    if is_good && *before == Versions::of(state) { Ok(answer) } else { Err(Unkept(answer)) }
}

impl Remembered {
    /// The answer again; the first one, `fresh`, tells what it took.
    pub(super) fn response(&self, fresh: bool) -> Response {
        if let Some(fault) = &self.fault {
            return fault.clone().into_response();
        }
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        if fresh {
            if let Some(stages) = self.stages {
                response.extensions_mut().insert(stages);
            }
        } else {
            response.headers_mut().insert(header::AGE, self.since.elapsed().as_secs().into());
        }
        response
    }
}
