//! Version 1, as KServe, TensorFlow Serving and Vertex AI have it: `{"instances": [row, …]}` to `{"predictions": […]}`.

pub(super) mod openapi;
mod wire;

use std::collections::HashMap;

use axum::extract::{Path, Request, State};
use axum::response::Response;

use self::wire::{Explained, Explanations, Model, Models, Version, VersionStatus, rows};
use super::fault::{Code, Fault};
use super::json;
use super::kserve::{check_model, check_version};
use super::rows::{PerRow, Predictions, receive};
use super::state::ApiState;
use crate::inference::Answer;
use crate::row::excerpt;
use crate::scorer::{self, Explanation};

/// About how many scores take as long as one explanation.
const WEIGHT: usize = 64;

/// `GET /v1/models`
pub(super) async fn models(State(state): State<ApiState>) -> Response {
    json::answer(&Models { models: [&state.model_name] })
}

/// The parts of a path: `{name}`, or `{name}/versions/{version}`. The last part of a POST ends with a verb.
type Named = Path<HashMap<String, String>>;

/// `GET /v1/models/{name}`
pub(super) async fn model(State(state): State<ApiState>, Path(named): Named) -> Result<Response, Fault> {
    let model = state.inference.model();
    check_model(&state, part(&named, "name"), named.get("version").map(String::as_str))?;
    state.readiness.check().await?;
    Ok(json::answer(&Model {
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
    match verb_and_version(&state, &named)? {
        (Verb::Predict, version) => predict(&state, version, request).await,
        (Verb::Explain, version) => explain(&state, version, request).await,
    }
}

/// What is to be done with the rows of a request.
enum Verb {
    Predict,
    Explain,
}

/// What a path asks for, and of which version.
fn verb_and_version<'n>(
    state: &ApiState,
    named: &'n HashMap<String, String>,
) -> Result<(Verb, Option<&'n str>), Fault> {
    let (name, version) = (part(named, "name"), named.get("version").map(String::as_str));
    let Some((subject, verb)) = version.unwrap_or(name).rsplit_once(':') else {
        let what = "expected POST /v1/models/NAME:predict or :explain, or GET /v1/models/NAME";
        return Err(Fault::new(Code::MethodNotAllowed, what));
    };
    let (name, version) = if version.is_some() { (name, Some(subject)) } else { (subject, None) };
    check_model(state, name, version)?;
    let verb = match verb {
        "predict" => Verb::Predict,
        "explain" => Verb::Explain,
        other => {
            let what = format!("there is no {:?}; expected predict or explain", excerpt(other));
            return Err(Fault::new(Code::UnknownRoute, what));
        }
    };
    Ok((verb, version))
}

fn part<'n>(named: &'n HashMap<String, String>, name: &str) -> &'n str {
    named.get(name).map(String::as_str).unwrap_or_default()
}

async fn predict(state: &ApiState, version: Option<&str>, request: Request) -> Result<Response, Fault> {
    let (request, work) = receive(state, request, 1, rows).await?;
    let answer = state.inference.predict(request).await?;
    check_version(&answer.results.model.version, version)?;
    Ok(work.encode(state, answer, |answer| json::answer(&Predictions::of(&answer.results))).await)
}

async fn explain(state: &ApiState, version: Option<&str>, request: Request) -> Result<Response, Fault> {
    let (request, work) = receive(state, request, WEIGHT, rows).await?;
    let answer = state.inference.explain(request).await?;
    check_version(&answer.results.scores.model.version, version)?;
    let encode = |answer: &Answer<scorer::Explanations>| {
        let explained = &answer.results;
        let names = &explained.scores.model.feature_names;
        let predictions = PerRow::of(&explained.scores);
        let explanations = explained.rows().map(|row| explanation(&row, names)).collect();
        json::answer(&Explanations { predictions, explanations })
    };
    Ok(work.encode(state, answer, encode).await)
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
