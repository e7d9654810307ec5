//! For those who operate the service: is it alive, is it ready, what has it done.

pub(super) mod openapi;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::fault::{Code, Fault};
use super::state::ApiState;

/// `GET /livez`: the process answers, whatever its upstreams do.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: requests should be sent here. `GET /readyz?upstreams`: those behind this service answer.
pub(super) async fn readyz(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<&'static str, Fault> {
    let names = |parameter: &str| parameter.split('=').next() == Some("upstreams");
    if query.is_some_and(|query| query.split('&').any(names)) {
        return match state.readiness.check_upstreams().await {
            Ok(()) => Ok("ready\n"),
            Err(error) => Err(Fault::new(Code::NotReady, error.words()).caused_by(error)),
        };
    }
    match state.readiness.check().await {
        Ok(()) => Ok("ready\n"),
        Err(error) => Err(Fault::new(Code::NotReady, error.to_string()).caused_by(error)),
    }
}

/// `GET /metrics`: every counter, as Prometheus reads it.
pub(super) async fn metrics(State(state): State<ApiState>) -> impl IntoResponse {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPENMETRICS)], state.metrics.text())
}
