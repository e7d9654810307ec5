//! The server and its model, in the protocol's terms.

use super::outputs::{Kind, offered};
use super::tensors::dimension;
use crate::api::state::ApiState;

/// What the server is called, of which version, and what it does beyond the protocol.
pub(super) const SERVER: &str = "imba";
pub(super) const SERVER_VERSION: &str = env!("CARGO_PKG_VERSION");
pub(super) const EXTENSIONS: [&str; 1] = ["binary_tensor_data"];

/// The project, which the protocol asks for as a platform.
pub(super) const PLATFORM: &str = "xgboost";

/// A dimension of any size.
const ANY: i64 = -1;

/// An input or an output.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) datatype: &'static str,
    pub(super) shape: Vec<i64>,
}

/// The one model here.
pub(super) struct DescribedModel {
    pub(super) version: String,
    pub(super) feature_names: Vec<String>,
    pub(super) inputs: Vec<Described>,
    pub(super) outputs: Vec<Described>,
}

/// What the model takes and gives.
pub(super) fn describe(state: &ApiState) -> DescribedModel {
    let model = state.inference.model();
    let width = dimension(model.feature_names.len());
    // A model of several classes may give one number of several margins.
    let is_single = model.outputs == 1 && model.objective.as_deref() != Some("multi:softmax");
    let outputs = offered(state).into_iter().map(|kind| {
        let shape = match kind {
            Kind::Score if model.outputs == 1 => vec![ANY],
            Kind::Score => vec![ANY, dimension(model.outputs)],
            Kind::Margin if is_single => vec![ANY],
            Kind::Margin => vec![ANY, ANY],
            Kind::Leaf => vec![ANY, model.trees.map_or(ANY, dimension)],
            Kind::Contributions if is_single => vec![ANY, width + 1],
            Kind::Contributions => vec![ANY, ANY, width + 1],
        };
        Described { name: kind.name(), datatype: kind.datatype(), shape }
    });
    DescribedModel {
        version: model.version.clone(),
        feature_names: model.feature_names.clone(),
        inputs: vec![Described { name: "input", datatype: "FP32", shape: vec![ANY, width] }],
        outputs: outputs.collect(),
    }
}
