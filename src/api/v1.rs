//! Version 1, as KServe, TensorFlow Serving and Vertex AI have it: `{"instances": [row, …]}` to `{"predictions": […]}`.

mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use self::wire::{Error, Explained, Explanations, Model, Models, Predictions, Version, VersionStatus, rows};
use super::fault::{Code, Fault};
use super::layers::Rendered;
use super::rows::{PerRow, Received, SMALL_ANSWER, json, receive};
use super::state::ApiState;
use crate::row::excerpt;
use crate::scorer::Explanation;

/// About how many scores take as long as one explanation.
const WEIGHT: usize = 64;

/// A fault in this protocol's words, with 400 for every mistake in what was sent.
pub(super) fn render(fault: &Fault, _request_id: &str) -> Rendered {
    let body =
        serde_json::to_vec(&Error { error: &fault.detail }).expect("text has a JSON form: this is a bug");
    let status = match fault.code.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    Rendered { status: Some(status), ..Rendered::new(HeaderValue::from_static("application/json"), body) }
}

/// `GET /v1/models`
pub(super) async fn models(State(state): State<ApiState>) -> Response {
    json(&Models { models: [&state.model_name] })
}

/// The parts of a path: `{name}`, or `{name}/versions/{version}`. The last part of a POST ends with a verb.
type Named = Path<HashMap<String, String>>;

/// `GET /v1/models/{name}`
pub(super) async fn model(State(state): State<ApiState>, Path(named): Named) -> Result<Response, Fault> {
    let model = state.inference.model();
    check(&state, part(&named, "name"), named.get("version").map(String::as_str), &model.version)?;
    let ready = state.readiness.check().await;
    ready.map_err(|error| Fault::new(Code::NotReady, error.to_string()).caused_by(error))?;
    Ok(json(&Model {
        name: &state.model_name,
        ready: true,
        model_version_status: [Version {
            version: &model.version,
            state: "AVAILABLE",
            status: VersionStatus::OK,
        }],
    }))
}

/// `POST /v1/models/{name}:predict` and `:explain`
pub(super) async fn act(
    State(state): State<ApiState>,
    Path(named): Named,
    request: Request,
) -> Result<Response, Fault> {
    let (name, version) = (part(&named, "name"), named.get("version").map(String::as_str));
    let Some((subject, verb)) = version.unwrap_or(name).rsplit_once(':') else {
        let what = "expected POST /v1/models/NAME:predict or :explain, or GET /v1/models/NAME";
        return Err(Fault::new(Code::MethodNotAllowed, what));
    };
    let (name, version) = if version.is_some() { (name, Some(subject)) } else { (subject, None) };
    check(&state, name, version, &state.inference.model().version)?;
    match verb {
        "predict" => predict(&state, version, request).await,
        "explain" => explain(&state, version, request).await,
        other => {
            let what = format!("there is no {:?}; expected predict or explain", excerpt(other));
            Err(Fault::new(Code::UnknownRoute, what))
        }
    }
}

fn part<'n>(named: &'n HashMap<String, String>, name: &str) -> &'n str {
    named.get(name).map(String::as_str).unwrap_or_default()
}

/// Refuses every model but ours, and every version but the one in use.
fn check(state: &ApiState, name: &str, version: Option<&str>, in_use: &str) -> Result<(), Fault> {
    let what = if name != state.model_name {
        format!("there is no model {:?}; this is {:?} (model.name)", excerpt(name), state.model_name)
    } else if let Some(version) = version.filter(|version| *version != in_use) {
        format!("there is no version {:?} of the model; the one in use is {in_use:?}", excerpt(version))
    } else {
        return Ok(());
    };
    Err(Fault::new(Code::UnknownModel, what))
}

async fn predict(state: &ApiState, version: Option<&str>, request: Request) -> Result<Response, Fault> {
    let Received { request, mut stages, lease } = receive(state, request, 1, rows).await?;
    let answer = state.inference.predict(request).await?;
    check(state, &state.model_name, version, &answer.results.model.version)?;
    stages.score = answer.stages.score;
    let encode = move || {
        let scores = &answer.results;
        json(&Predictions { predictions: PerRow { width: scores.width, values: &scores.values } })
    };
    let is_small = lease.is_none();
    let mut response = state.admission.run(is_small, encode).await;
    response.extensions_mut().insert(stages);
    drop(lease);
    Ok(response)
}

async fn explain(state: &ApiState, version: Option<&str>, request: Request) -> Result<Response, Fault> {
    let Received { request, mut stages, lease } = receive(state, request, WEIGHT, rows).await?;
    let answer = state.inference.explain(request).await?;
    check(state, &state.model_name, version, &answer.results.scores.model.version)?;
    stages.score = answer.stages.score;
    let is_small = answer.count() <= SMALL_ANSWER;
    let encode = move || {
        let explained = &answer.results;
        let (scores, model) = (&explained.scores, Arc::clone(&explained.scores.model));
        let predictions = PerRow { width: scores.width, values: &scores.values };
        let explanations = explained.rows().map(|row| explanation(&row, &model.feature_names)).collect();
        json(&Explanations { predictions, explanations })
    };
    let mut response = state.admission.run(is_small, encode).await;
    response.extensions_mut().insert(stages);
    drop(lease);
    Ok(response)
}

/// Margin after margin, most models having one.
fn explanation<'n>(row: &Explanation<'_>, names: &'n [String]) -> Vec<Explained<'n>> {
    let parts = row.contributions.chunks_exact(names.len() + 1);
    row.margins
        .iter()
        .zip(parts)
        .map(|(margin, parts)| {
            Explained::new(f64::from(*margin), f64::from(parts[names.len()]), names, parts)
        })
        .collect()
}
