//! The longest time of a request.

use std::time::Duration;

use axum::response::{IntoResponse, Response};

use crate::api::fault::{Code, Fault};

/// The answer to a request that was dropped with everything it waited for, because `deadline` passed.
pub(super) fn too_late(deadline: Duration) -> Response {
    Fault::new(Code::Deadline, format!("no answer within {deadline:?} (server.deadline)")).into_response()
}
