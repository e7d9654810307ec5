//! For those who operate the service: is it alive, is it ready, what has it done.

pub(super) mod openapi;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;

use super::fault::{Code, Fault};
use super::state::ApiState;
use crate::features::TableInfo;

/// `GET /livez`: the process answers, whatever its upstreams do.
pub(super) async fn livez() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: requests should be sent here; a second line names the table of features in use, where that is known. `GET /readyz?upstreams`: those behind this service answer.
pub(super) async fn readyz(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<String, Fault> {
    let names = |parameter: &str| parameter.split('=').next() == Some("upstreams");
    if query.is_some_and(|query| query.split('&').any(names)) {
        return match state.readiness.check_upstreams().await {
            Ok(()) => Ok("ready\n".to_owned()),
            Err(error) => Err(Fault::new(Code::NotReady, error.words()).caused_by(error)),
        };
    }
    state.readiness.check().await?;
    Ok(format!("ready\n{}", state.inference.table().map(|table| line(&table)).unwrap_or_default()))
}

/// A table of features on a line: `table VERSION, N rows, from SOURCE, loaded TIME`, as far as each is known.
fn line(table: &TableInfo) -> String {
    let mut line = format!("table {}, {} rows", table.version.as_deref().unwrap_or("unknown"), table.rows);
    if let Some(source) = &table.source {
        line.push_str(", from ");
        // A name may hold whatever a file's may.
        line.extend(source.chars().map(|letter| if letter.is_control() { '?' } else { letter }));
    }
    if let Some(loaded_at) = table.loaded_at {
        line.push_str(", loaded ");
        line.push_str(&humantime::format_rfc3339_seconds(loaded_at).to_string());
    }
    line + "\n"
}

/// `GET /metrics`: every counter, as Prometheus reads it.
pub(super) async fn metrics(State(state): State<ApiState>) -> impl IntoResponse {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPENMETRICS)], state.metrics.text())
}
