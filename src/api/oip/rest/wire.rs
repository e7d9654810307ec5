//! The JSON documents of version 2.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::data::JsonData;
use crate::api::oip::describe;
use crate::api::oip::outputs::Values;

/// Parameters of a request or of one of its tensors. Most are of servers that keep sequences or classes, and mean nothing here.
pub(super) type Parameters = Map<String, Value>;

/// `POST …/infer`. Members that the protocol does not know are of some extension, and skipped.
#[derive(Deserialize)]
pub(super) struct InferRequest<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) parameters: Option<Parameters>,
    #[serde(borrow)]
    pub(super) inputs: Vec<Input<'a>>,
    #[serde(borrow, default)]
    pub(super) outputs: Option<Vec<RequestedOutput<'a>>>,
}

/// A tensor of it.
#[derive(Deserialize)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) shape: Vec<i64>,
    #[serde(borrow)]
    pub(super) datatype: Cow<'a, str>,
    #[serde(default)]
    pub(super) parameters: Option<Parameters>,
    /// Absent where it follows the document as bytes.
    #[serde(default)]
    pub(super) data: Option<JsonData>,
}

/// An output that it asks for.
#[derive(Deserialize)]
pub(super) struct RequestedOutput<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(default)]
    pub(super) parameters: Option<Parameters>,
}

/// The answer of `POST …/infer`.
#[derive(Serialize)]
pub(super) struct InferResponse<'a> {
    pub(super) model_name: &'a str,
    pub(super) model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) outputs: Vec<Output<'a>>,
}

/// A tensor of it.
#[derive(Serialize)]
pub(super) struct Output<'a> {
    pub(super) name: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<OutputParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Numbers<'a>>,
}

/// Of a tensor that follows the document as bytes.
#[derive(Serialize)]
pub(super) struct OutputParameters {
    pub(super) binary_data_size: usize,
}

/// The values of a tensor. What is float32 is written as the same number in float64: a reader of JSON gets what `/predict` says.
pub(super) struct Numbers<'a>(pub(super) &'a Values);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Values::Fp32(values) => serializer.collect_seq(values.iter().map(|value| f64::from(*value))),
            Values::Int32(values) => serializer.collect_seq(values),
        }
    }
}

/// The answer of `GET /v2`.
#[derive(Serialize)]
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) extensions: [&'static str; 1],
}

/// The answer of `GET /v2/health/live`.
#[derive(Serialize)]
pub(super) struct Live {
    pub(super) live: bool,
}

/// The answer of `GET /v2/health/ready` and, with a name, `GET …/ready`.
#[derive(Serialize)]
pub(super) struct Ready<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) ready: bool,
}

/// The answer of `GET /v2/models/{name}`.
#[derive(Serialize)]
pub(super) struct Model<'a> {
    pub(super) name: &'a str,
    pub(super) versions: [&'a str; 1],
    pub(super) platform: &'static str,
    pub(super) inputs: Vec<Described<'a>>,
    pub(super) outputs: Vec<Described<'a>>,
    pub(super) parameters: ModelParameters<'a>,
}

/// A tensor of it.
#[derive(Serialize)]
pub(super) struct Described<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: &'a [i64],
}

impl<'a> From<&'a describe::Described> for Described<'a> {
    fn from(tensor: &'a describe::Described) -> Self {
        Self { name: tensor.name, datatype: tensor.datatype, shape: &tensor.shape }
    }
}

/// Beyond the protocol: the columns of the input, in order.
#[derive(Serialize)]
pub(super) struct ModelParameters<'a> {
    pub(super) feature_names: &'a [String],
}

/// A model of `POST /v2/repository/index`.
#[derive(Serialize)]
pub(super) struct Indexed<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) state: &'static str,
    pub(super) reason: &'static str,
}
