//! `GET /model`: what scores here.

use axum::extract::State;
use axum::response::Response;

use super::negotiate::ReplyType;
use super::respond::{by_model, reply};
use super::wire::{Backends, Capabilities, Model, Table};
use crate::api::json;
use crate::api::state::ApiState;
use crate::model::ModelCard;

/// What is known of the model and of what stands around it.
pub(in crate::api) async fn model(State(state): State<ApiState>) -> Response {
    let inference = &state.inference;
    let model = inference.model();
    let table = inference.table();
    let body = json::bytes(&Model {
        feature_names: &model.feature_names,
        objective: model.objective.as_deref(),
        trees: model.trees,
        outputs: model.outputs,
        threshold: inference.threshold(&model),
        version: &model.version,
        card: model.card.as_ref().map(ModelCard::json),
        backends: Backends { features: inference.features_kind(), scorer: model.backend },
        capabilities: Capabilities { explain: inference.explains(), list_users: inference.lists_users() },
        table: table.as_deref().map(|table| Table {
            version: table.version.as_deref(),
            rows: table.rows,
            source: table.source.as_deref(),
            loaded_at: table.loaded_at.map(|at| humantime::format_rfc3339_seconds(at).to_string()),
        }),
    });
    by_model(reply(ReplyType::Json, body), &model)
}
