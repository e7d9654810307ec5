//! What answers of the native API have in common.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::MODEL_VERSION;
use super::negotiate::ReplyType;
use super::receive::Reply;
use crate::api::answers::Partial;
use crate::api::state::ApiState;
use crate::api::{json, layers};
use crate::inference::Answer;
use crate::model::ModelInfo;
use crate::telemetry::Stages;

/// What the old service called its answers, to the letter.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
const BY_ACCEPT: HeaderValue = HeaderValue::from_static("accept, accept-encoding");

/// An answer of the type that was agreed on.
pub(super) fn reply(reply: ReplyType, body: impl Into<Body>) -> Response {
    let mut response = layers::response(body);
    let content_type = match reply {
        ReplyType::Text => TEXT,
        ReplyType::Json => json::JSON,
    };
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::VARY, BY_ACCEPT);
    response.headers_mut().insert(header::CACHE_CONTROL, json::NO_STORE);
    response
}

impl Reply {
    /// The answer to a request whose results `encode` writes, those of many rows when it is their turn.
    pub(super) async fn encode<T: Send + 'static>(
        self,
        state: &ApiState,
        answer: Answer<T>,
        model: Arc<ModelInfo>,
        encode: impl FnOnce(&Answer<T>, ReplyType) -> Vec<u8> + Send + 'static,
    ) -> Response {
        let (type_, is_whole) = (self.type_, answer.is_whole());
        let encode = move |answer: &Answer<T>| by_model(reply(type_, encode(answer, type_)), &model);
        let response = self.work.encode(state, answer, encode).await;
        if is_whole { response } else { partial(response) }
    }
}

/// An answer by `model`, with the time that its stages took.
pub(super) fn scored(type_: ReplyType, body: impl Into<Body>, model: &ModelInfo, stages: Stages) -> Response {
    let mut response = by_model(reply(type_, body), model);
    response.extensions_mut().insert(stages);
    response
}

/// Marks `response`, in which some row failed, as one that the next try may better.
pub(super) fn partial(mut response: Response) -> Response {
    response.extensions_mut().insert(Partial);
    response
}

/// Says in `response` which model it comes from.
pub(super) fn by_model(mut response: Response, model: &ModelInfo) -> Response {
    // A version that is no header value has been let in by an upstream; the answer is good without it.
    if let Ok(version) = HeaderValue::from_str(&model.version) {
        response.headers_mut().insert(MODEL_VERSION, version);
    }
    response
}
