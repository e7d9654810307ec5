//! What a panic in a handler becomes.

use std::any::Any;

use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::api::fault::{Code, Fault};

/// Turns a panic into a fault; the panic hook has logged it.
pub(in crate::api) fn catch_panic() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(answer as fn(_) -> _)
}

fn answer(_: Box<dyn Any + Send>) -> Response {
    Fault::new(Code::Internal, "the service failed while answering; the failure is logged").into_response()
}
