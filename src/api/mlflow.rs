//! MLflow's scoring server, which Databricks speaks too: `POST /invocations` with JSON, `/health`, `/version`.
//!
//! CSV at the same path is of SageMaker's container.

pub(super) mod openapi;
mod wire;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use self::wire::{Error, rows};
use super::fault::{Code, Fault};
use super::json;
use super::layers::{Rendered, Renderer};
use super::media::{MediaType, is_utf8};
use super::rows::{Predictions, receive};
use super::state::ApiState;
use crate::row::excerpt;

/// A fault in this server's words.
pub(super) fn render(fault: &Fault, _request_id: &str) -> Rendered {
    if fault.code == Code::UnsupportedMediaType {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        return Rendered::new(text, fault.detail.as_bytes().to_vec());
    }
    let (status, error_code) = told(fault.code);
    let body = json::bytes(&Error { error_code, message: &fault.detail });
    Rendered { status: Some(status), ..Rendered::new(json::JSON, body) }
}

/// The status and the word that this server has for a fault.
fn told(code: Code) -> (StatusCode, &'static str) {
    match code.status() {
        StatusCode::UNPROCESSABLE_ENTITY => (StatusCode::BAD_REQUEST, "BAD_REQUEST"),
        status @ StatusCode::NOT_FOUND => (status, "ENDPOINT_NOT_FOUND"),
        status @ StatusCode::PAYLOAD_TOO_LARGE => (status, "REQUEST_LIMIT_EXCEEDED"),
        status @ StatusCode::NOT_IMPLEMENTED => (status, "NOT_IMPLEMENTED"),
        status @ StatusCode::SERVICE_UNAVAILABLE => (status, "TEMPORARILY_UNAVAILABLE"),
        status if status.is_client_error() => (status, "BAD_REQUEST"),
        status => (status, "INTERNAL_ERROR"),
    }
}

/// `GET /health`: requests should be sent here.
pub(super) async fn health(State(state): State<ApiState>) -> Result<&'static str, Fault> {
    state.readiness.check().await?;
    Ok("\n")
}

/// `GET /version`: this program's, where the other server tells its own.
pub(super) async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// `POST /invocations` with JSON. Its faults are told in this server's words, whatever else is at the path.
pub(super) async fn invocations(State(state): State<ApiState>, request: Request) -> Response {
    invoke(&state, request).await.unwrap_or_else(|fault| {
        let mut response = fault.into_response();
        response.extensions_mut().insert::<Renderer>(render);
        response
    })
}

async fn invoke(state: &ApiState, request: Request) -> Result<Response, Fault> {
    check_content_type(request.headers())?;
    let (request, work) = receive(state, request, 1, rows).await?;
    let answer = state.inference.predict(request).await?;
    Ok(work.encode(state, answer, |answer| json::answer(&Predictions::of(&answer.results))).await)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Fault> {
    let text = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    let is_json = |media: &MediaType| {
        media.essence == "application/json" && media.parameter("charset").is_none_or(is_utf8)
    };
    if MediaType::parse(&text).as_ref().is_some_and(is_json) {
        return Ok(());
    }
    let what = format!("the content type is {:?}; expected application/json, in UTF-8", excerpt(&text));
    Err(Fault::new(Code::UnsupportedMediaType, what))
}
