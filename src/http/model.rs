//! `GET /model`: what scores here.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::{HttpState, answer};

#[derive(Serialize)]
struct Document<'a> {
    feature_names: &'a [String],
    /// Null, like `trees`, where the model is behind an endpoint, which does not tell.
    objective: Option<&'a str>,
    trees: Option<usize>,
    outputs: usize,
    threshold: f64,
    version: &'a str,
    backends: Backends,
    capabilities: Capabilities,
}

#[derive(Serialize)]
struct Backends {
    features: &'static str,
    scorer: &'static str,
}

/// What this model and this store can do beyond scores.
#[derive(Serialize)]
struct Capabilities {
    explain: bool,
    list_users: bool,
}

pub(super) async fn model(State(state): State<HttpState>) -> Response {
    let inference = &state.0.inference;
    let model = inference.model();
    let (features, scorer) = inference.backends();
    let response = answer::json_document(&Document {
        feature_names: &model.feature_names,
        objective: model.objective.as_deref(),
        trees: model.trees,
        outputs: model.outputs,
        threshold: inference.threshold(),
        version: &model.version,
        backends: Backends { features, scorer },
        capabilities: Capabilities { explain: inference.explains(), list_users: inference.lists_users() },
    });
    answer::by_model(response, &model)
}
