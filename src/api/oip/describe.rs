//! The server and its model, in the protocol's terms.

use super::outputs::{Kind, offered};
use super::tensors::dimension;
use crate::api::fault::{Code, Fault};
use crate::api::state::ApiState;
use crate::row::excerpt;

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

/// Refuses every model but ours, and every version but the one in use; `None` and "" are any.
pub(super) fn check_model(state: &ApiState, name: &str, version: Option<&str>) -> Result<(), Fault> {
    if name != state.model_name {
        let what =
            format!("there is no model {:?}; this is {:?} (model.name)", excerpt(name), state.model_name);
        return Err(Fault::new(Code::UnknownModel, what));
    }
    check_version(&state.inference.model().version, version)
}

/// Refuses every version but `ours`.
pub(super) fn check_version(ours: &str, version: Option<&str>) -> Result<(), Fault> {
    match version {
        Some(version) if !version.is_empty() && version != ours => {
            let what = format!(
                "there is no version {:?} of the model; the one in use is {ours:?}",
                excerpt(version)
            );
            Err(Fault::new(Code::UnknownModel, what))
        }
        _ => Ok(()),
    }
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
