//! For those who operate the service: is it alive, is it ready, what has it done.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::HttpState;
use super::problem::{Code, Problem};

/// `GET /livez`: the process answers, whatever its upstreams do.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: requests would be answered.
pub(super) async fn readyz(State(state): State<HttpState>) -> Result<&'static str, Problem> {
    match state.0.readiness.check().await {
        Ok(()) => Ok("ready\n"),
        Err(error) => Err(Problem::new(Code::NotReady, error.to_string()).caused_by(error)),
    }
}

/// `GET /metrics`: every counter, as Prometheus reads it.
pub(super) async fn metrics(State(state): State<HttpState>) -> impl IntoResponse {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPENMETRICS)], state.0.metrics.text())
}
