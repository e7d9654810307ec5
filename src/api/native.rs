//! The service's own API: feature rows and pairs, as CSV or JSON, to scores as text or JSON.

pub(super) mod explain;
pub(super) mod model;
mod negotiate;
pub(super) mod openapi;
pub(super) mod pair_link;
pub(super) mod predict;
mod problem;
mod receive;
pub(super) mod recommend;
mod respond;
mod wire;

use axum::http::HeaderName;

use super::name;

pub(super) use problem::render;

/// Names the model that an answer comes from.
pub(super) const MODEL_VERSION: HeaderName = name("x-model-version");
