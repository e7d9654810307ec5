//! What both versions of KServe's protocol share: how the one model is named, and how a failure is told.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::fault::{Code, Fault};
use super::json;
use super::layers::Rendered;
use super::openapi::ErrorShape;
use super::state::ApiState;
use crate::row::excerpt;

/// A failure.
#[derive(Serialize, ToSchema)]
#[schema(as = KServeError)]
pub(super) struct Error<'a> {
    error: &'a str,
}

/// Failures as the contract shows them.
pub(super) const ERROR: ErrorShape = ErrorShape {
    content_type: "application/json",
    schema: Some("KServeError"),
    told: |code| (status_of(code), None),
};

fn status_of(code: Code) -> StatusCode {
    match code.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    }
}

/// A fault in the protocol's words, with 400 for every mistake in what was sent.
pub(super) fn render(fault: &Fault, _request_id: &str) -> Rendered {
    let body = json::bytes(&Error { error: &fault.detail });
    Rendered { status: Some(status_of(fault.code)), ..Rendered::new(json::JSON, body) }
}

/// Refuses every model but ours, and every version but the one in use; `None` is any.
pub(super) fn check_model(state: &ApiState, name: &str, version: Option<&str>) -> Result<(), Fault> {
    if name != state.model_name {
        let what =
            format!("there is no model {:?}; this is {:?} (model.name)", excerpt(name), state.model_name);
        return Err(Fault::new(Code::UnknownModel, what));
    }
    check_version(&state.inference.model().version, version)
}

/// Refuses every version but `ours`.
pub(super) fn check_version(ours: &str, version: Option<&str>) -> Result<(), Fault> {
    match version {
        Some(version) if version != ours => {
            let what = format!(
                "there is no version {:?} of the model; the one in use is {ours:?}",
                excerpt(version)
            );
            Err(Fault::new(Code::UnknownModel, what))
        }
        _ => Ok(()),
    }
}
