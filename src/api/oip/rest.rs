//! Version 2 over REST.

mod data;
pub(in crate::api) mod openapi;
mod request;
mod respond;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::HeaderName;
use axum::response::Response;

use self::request::{Question, header_length, read};
use super::describe::{EXTENSIONS, PLATFORM, SERVER, SERVER_VERSION, describe};
use super::outputs::{SMALL_ANSWER, answer};
use crate::api::body::{RequestBody, read_body};
use crate::api::fault::Fault;
use crate::api::kserve::{check_model, check_version};
use crate::api::state::ApiState;
use crate::api::work::Work;
use crate::api::{json, name};

/// Says in a request or an answer with binary tensors how long the JSON before them is.
pub(in crate::api) const HEADER_LENGTH: HeaderName = name("inference-header-content-length");

/// The model and the version that a path names.
type Named = Path<HashMap<String, String>>;

fn check(state: &ApiState, Path(named): &Named) -> Result<(), Fault> {
    let name = named.get("name").map(String::as_str).unwrap_or_default();
    check_model(state, name, named.get("version").map(String::as_str))
}

/// `GET /v2`
pub(in crate::api) async fn server() -> Response {
    json::answer(&wire::Server { name: SERVER, version: SERVER_VERSION, extensions: EXTENSIONS })
}

/// `GET /v2/health/live`
pub(in crate::api) async fn live() -> Response {
    json::answer(&wire::Live { live: true })
}

/// `GET /v2/health/ready`
pub(in crate::api) async fn ready(State(state): State<ApiState>) -> Result<Response, Fault> {
    state.readiness.check().await?;
    Ok(json::answer(&wire::Ready { name: None, ready: true }))
}

/// `GET /v2/models/{name}/ready`
pub(in crate::api) async fn model_ready(
    State(state): State<ApiState>,
    named: Named,
) -> Result<Response, Fault> {
    check(&state, &named)?;
    state.readiness.check().await?;
    Ok(json::answer(&wire::Ready { name: Some(&state.model_name), ready: true }))
}

/// `GET /v2/models/{name}`
pub(in crate::api) async fn model(State(state): State<ApiState>, named: Named) -> Result<Response, Fault> {
    check(&state, &named)?;
    let model = describe(&state);
    Ok(json::answer(&wire::Model {
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
    json::answer(&[wire::Indexed { name, version, state: "READY", reason: "" }])
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
    let (size, schema) = (body.bytes.len(), Arc::clone(state.inference.schema()));
    let (width, limit) = (schema.width(), state.rows_limit);
    let rows = |body: &RequestBody| request::likely_rows(&body.bytes, head, width);
    let decode = move |body: RequestBody| read(&body.bytes, head, &schema, limit);
    let (Question { id, rows, outputs }, work) =
        Work::decode(&state.admission, body, size, rows, decode).await?;
    let kinds: Vec<_> = outputs.iter().map(|output| output.kind).collect();
    let mut answered = answer(&state, rows, &kinds).await?;
    check_version(&answered.model.version, named.get("version").map(String::as_str))?;
    answered.stages.decode = work.decoding;
    let is_small = answered.count() <= SMALL_ANSWER;
    let (name, stages) = (state.model_name.clone(), answered.stages);
    let encode = move || respond::inferred(&name, id.as_deref(), &answered, &outputs);
    let mut response = state.admission.run(is_small, encode).await;
    response.extensions_mut().insert(stages);
    drop(work);
    Ok(response)
}
