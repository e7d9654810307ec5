//! The JSON documents of version 2.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::data::JsonData;
use crate::api::oip::datatype::Datatype;
use crate::api::oip::describe;
use crate::api::oip::outputs::Values;

/// Parameters of a request or of one of its tensors. Most are of servers that keep sequences or classes, and mean nothing here.
pub(super) type Parameters = Map<String, Value>;

/// `POST …/infer`. Members that the protocol does not know are of some extension, and skipped.
#[derive(Deserialize, ToSchema)]
pub(super) struct InferRequest<'a> {
    /// Comes back with the answer.
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    /// `binary_data_output` asks for all outputs as bytes; others are skipped.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) parameters: Option<Parameters>,
    /// One of shape `[rows, features]`, or one of shape `[rows]` per feature.
    #[serde(borrow)]
    pub(super) inputs: Vec<Input<'a>>,
    /// `score` where none is named.
    #[serde(borrow, default)]
    pub(super) outputs: Option<Vec<RequestedOutput<'a>>>,
}

/// A tensor of it.
#[derive(Deserialize, ToSchema)]
#[schema(as = InferInput)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    pub(super) shape: Vec<i64>,
    #[serde(borrow)]
    #[schema(value_type = Datatype)]
    pub(super) datatype: Cow<'a, str>,
    /// `binary_data_size` where the data follow as bytes.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) parameters: Option<Parameters>,
    /// Numbers, flat or nested like the shape, null for missing. Absent where they follow the document as bytes.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Value>>)]
    pub(super) data: Option<JsonData>,
}

/// An output that it asks for.
#[derive(Deserialize, ToSchema)]
#[schema(as = InferRequestedOutput)]
pub(super) struct RequestedOutput<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// `binary_data` asks for this one as bytes.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) parameters: Option<Parameters>,
}

/// The answer of `POST …/infer`.
#[derive(Serialize, ToSchema)]
pub(super) struct InferResponse<'a> {
    pub(super) model_name: &'a str,
    pub(super) model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) outputs: Vec<Output<'a>>,
}

/// A tensor of it.
#[derive(Serialize, ToSchema)]
#[schema(as = InferOutput)]
pub(super) struct Output<'a> {
    pub(super) name: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<OutputParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>, nullable = false)]
    pub(super) data: Option<Numbers<'a>>,
}

/// Of a tensor that follows the document as bytes.
#[derive(Serialize, ToSchema)]
#[schema(as = BinaryOutput)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = ServerMetadata)]
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) extensions: [&'static str; 1],
}

/// The answer of `GET /v2/health/live`.
#[derive(Serialize, ToSchema)]
#[schema(as = ServerLive)]
pub(super) struct Live {
    pub(super) live: bool,
}

/// The answer of `GET /v2/health/ready` and, with a name, `GET …/ready`.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(super) struct Ready<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) ready: bool,
}

/// The answer of `GET /v2/models/{name}`.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelMetadata)]
pub(super) struct Model<'a> {
    pub(super) name: &'a str,
    pub(super) versions: [&'a str; 1],
    pub(super) platform: &'static str,
    pub(super) inputs: Vec<Described<'a>>,
    pub(super) outputs: Vec<Described<'a>>,
    pub(super) parameters: ModelParameters<'a>,
}

/// A tensor of it.
#[derive(Serialize, ToSchema)]
#[schema(as = TensorMetadata)]
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
#[derive(Serialize, ToSchema)]
pub(super) struct ModelParameters<'a> {
    pub(super) feature_names: &'a [String],
}

/// A model of `POST /v2/repository/index`.
#[derive(Serialize, ToSchema)]
#[schema(as = RepositoryModel)]
pub(super) struct Indexed<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) state: &'static str,
    pub(super) reason: &'static str,
}
