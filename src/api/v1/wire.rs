//! The JSON documents of version 1.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::rows::{PerRow, PlainScore, RowInstance};
use crate::formats::json;
use crate::row::{Batch, Decoded, RowError, RowErrorKind, RowLimits, Schema};

/// A request. `parameters` (Vertex AI) and `signature_name` (TensorFlow) choose nothing here, and are skipped like what else there is.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    instances: &'a RawValue,
}

/// The rows of a request.
pub(super) fn rows(body: &[u8], schema: &Schema, limits: RowLimits) -> Result<Decoded<Batch>, RowError> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(|error| {
        let what = format!("the request cannot be read: {error}; expected {{\"instances\": [row, …]}}, null for a missing value");
        RowError::new(RowErrorKind::Malformed, what)
    })?;
    json::feature_array(request.instances, schema, limits)
}

/// A request, as readers are told of it.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
pub(super) struct InstancesRequest {
    #[schema(min_items = 1)]
    instances: Vec<RowInstance>,
    /// Vertex AI's; it chooses nothing here.
    parameters: Option<Map<String, Value>>,
}

/// The answer of `:explain`.
#[derive(Serialize, ToSchema)]
#[schema(as = PlainExplanations)]
pub(super) struct Explanations<'a> {
    #[schema(value_type = Vec<PlainScore>)]
    pub(super) predictions: PerRow<'a>,
    #[serde(serialize_with = "one_or_several")]
    #[schema(value_type = Vec<PlainExplanation>)]
    pub(super) explanations: Vec<Vec<Explained<'a>>>,
}

/// A row's explanation: one for most models; several for those of several classes or targets.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
enum PlainExplanation<'a> {
    One(Explained<'a>),
    Several(Vec<Explained<'a>>),
}

/// Why one number of a row is what it is.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplainedByName)]
pub(super) struct Explained<'a> {
    /// The sum of `base` and `contributions`: what the objective turns into the score.
    margin: f64,
    base: f64,
    /// What each feature adds.
    #[serde(serialize_with = "named")]
    #[schema(value_type = BTreeMap<String, f64>)]
    contributions: (&'a [String], Vec<f64>),
}

impl<'a> Explained<'a> {
    /// `parts`: one number per name, and what follows them is skipped.
    pub(super) fn new(margin: f64, base: f64, names: &'a [String], parts: &[f32]) -> Self {
        let contributions = parts[..names.len()].iter().map(|part| f64::from(*part)).collect();
        Self { margin, base, contributions: (names, contributions) }
    }
}

fn named<S: Serializer>((names, values): &(&[String], Vec<f64>), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().zip(values))
}

/// One explanation of a row as it is, several as an array.
fn one_or_several<S: Serializer>(rows: &[Vec<Explained<'_>>], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Row<'r, 'a> {
        One(&'r Explained<'a>),
        Several(&'r [Explained<'a>]),
    }
    serializer.collect_seq(rows.iter().map(|row| match &row[..] {
        [one] => Row::One(one),
        several => Row::Several(several),
    }))
}

/// The answer of `GET /v1/models`.
#[derive(Serialize, ToSchema)]
pub(super) struct Models<'a> {
    pub(super) models: [&'a str; 1],
}

/// The answer of `GET /v1/models/{name}`: KServe reads the first two members, TensorFlow's clients the third.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelStatus)]
#[expect(clippy::struct_field_names, reason = "as the protocol names them")]
pub(super) struct Model<'a> {
    pub(super) name: &'a str,
    pub(super) ready: bool,
    pub(super) model_version_status: [Version<'a>; 1],
}

/// A version of it.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelVersionStatus)]
#[expect(clippy::struct_field_names, reason = "as the protocol names them")]
pub(super) struct Version<'a> {
    pub(super) version: &'a str,
    pub(super) state: &'static str,
    pub(super) status: VersionStatus,
}

/// Its state of health.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionStatus {
    error_code: &'static str,
    error_message: &'static str,
}

impl VersionStatus {
    pub(super) const OK: Self = Self { error_code: "OK", error_message: "" };
}
