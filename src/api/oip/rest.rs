//! Version 2 over REST.

mod data;
mod request;
mod respond;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use self::request::{Question, header_length, read};
use super::describe::{EXTENSIONS, PLATFORM, SERVER, SERVER_VERSION, check_model, check_version, describe};
use super::outputs::answer;
use crate::api::body::read_body;
use crate::api::fault::{Code, Fault};
use crate::api::layers::Rendered;
use crate::api::name;
use crate::api::state::ApiState;

/// Says in a request or an answer with binary tensors how long the JSON before them is.
pub(in crate::api) const HEADER_LENGTH: HeaderName = name("inference-header-content-length");

/// Bodies up to this size are decoded where they are, and need no leave.
const SMALL_BODY: usize = 64 * 1024;
/// Answers of up to this many numbers are encoded where they are.
const SMALL_ANSWER: usize = 4096;

/// A fault in this protocol's words, with 400 for every mistake in what was sent.
pub(in crate::api) fn render(fault: &Fault, _request_id: &str) -> Rendered {
    let body = respond::document(&wire::Error { error: &fault.detail });
    let status = match fault.code.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    Rendered { status: Some(status), ..Rendered::new(HeaderValue::from_static("application/json"), body) }
}

/// The model and the version that a path names.
type Named = Path<HashMap<String, String>>;

fn check(state: &ApiState, Path(named): &Named) -> Result<(), Fault> {
    let name = named.get("name").map(String::as_str).unwrap_or_default();
    check_model(state, name, named.get("version").map(String::as_str))
}

/// `GET /v2`
pub(in crate::api) async fn server() -> Response {
    respond::json(&wire::Server { name: SERVER, version: SERVER_VERSION, extensions: EXTENSIONS })
}

/// `GET /v2/health/live`
pub(in crate::api) async fn live() -> Response {
    respond::json(&wire::Live { live: true })
}

/// `GET /v2/health/ready`
pub(in crate::api) async fn ready(State(state): State<ApiState>) -> Result<Response, Fault> {
    check_ready(&state).await?;
    Ok(respond::json(&wire::Ready { name: None, ready: true }))
}

/// `GET /v2/models/{name}/ready`
pub(in crate::api) async fn model_ready(
    State(state): State<ApiState>,
    named: Named,
) -> Result<Response, Fault> {
    check(&state, &named)?;
    check_ready(&state).await?;
    Ok(respond::json(&wire::Ready { name: Some(&state.model_name), ready: true }))
}

async fn check_ready(state: &ApiState) -> Result<(), Fault> {
    let ready = state.readiness.check().await;
    ready.map_err(|error| Fault::new(Code::NotReady, error.to_string()).caused_by(error))
}

/// `GET /v2/models/{name}`
pub(in crate::api) async fn model(State(state): State<ApiState>, named: Named) -> Result<Response, Fault> {
    check(&state, &named)?;
    let model = describe(&state);
    Ok(respond::json(&wire::Model {
        name: &state.model_name,
        versions: [&model.version],
        platform: PLATFORM,
        inputs: model.inputs.iter().map(wire::Described::from).collect(),
        outputs: model.outputs.iter().map(wire::Described::from).collect(),
        parameters: wire::ModelParameters { feature_names: &model.feature_names },
    }))
}

/// `POST /v2/repository/index`: the models there are. The request may ask for ready ones only, which all are.
pub(in crate::api) async fn index(State(state): State<ApiState>) -> Response {
    let model = state.inference.model();
    let (name, version) = (state.model_name.as_str(), model.version.as_str());
    respond::json(&[wire::Indexed { name, version, state: "READY", reason: "" }])
}

/// `POST /v2/models/{name}/infer`
pub(in crate::api) async fn infer(
    State(state): State<ApiState>,
    named: Named,
    request: Request,
) -> Result<Response, Fault> {
    check(&state, &named)?;
    let head = header_length(request.headers())?;
    let body = read_body(&state, request).await?;
    let started = Instant::now();
    let is_small = body.bytes.len() <= SMALL_BODY;
    let lease = if is_small {
        None
    } else {
        let rows = request::likely_rows(&body.bytes, head, state.inference.schema().width());
        Some(state.admission.admit(rows)?)
    };
    let (schema, limit) = (Arc::clone(state.inference.schema()), state.rows_limit);
    let decode = move || read(&body.bytes, head, &schema, limit);
    let Question { id, rows, outputs } = state.admission.run(is_small, decode).await?;
    let decoding = started.elapsed();
    let kinds: Vec<_> = outputs.iter().map(|output| output.kind).collect();
    let mut answered = answer(&state, rows, &kinds).await?;
    check_version(&answered.model.version, named.get("version").map(String::as_str))?;
    answered.stages.decode = decoding;
    let numbers: usize = answered.outputs.iter().map(|output| output.shape.iter().product::<usize>()).sum();
    let (name, stages) = (state.model_name.clone(), answered.stages);
    let encode = move || respond::inferred(&name, id.as_deref(), &answered, &outputs);
    let mut response = state.admission.run(numbers <= SMALL_ANSWER, encode).await;
    response.extensions_mut().insert(stages);
    drop(lease);
    Ok(response)
}
