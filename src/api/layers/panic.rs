//! What a panic in a handler becomes.

use axum::response::{IntoResponse, Response};

use crate::api::fault::{Code, Fault};

/// The answer to a request whose handler panicked; the panic hook has logged it.
pub(super) fn panicked() -> Response {
    Fault::new(Code::Internal, "the service failed while answering; the failure is logged").into_response()
}
