//! Every JSON document of the native API.

#![expect(clippy::struct_field_names, reason = "the names are the documents' members")]

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::fault::Code;
use crate::api::rows::RowInstance;
use crate::row::RowError;

/// The answer of `/predict` and `/predict/pair`.
#[derive(Serialize, ToSchema)]
pub(super) struct Predictions<'a> {
    pub(super) predictions: Vec<Prediction<'a>>,
    pub(super) threshold: f64,
    pub(super) model: &'a str,
}

/// One row of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Prediction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) product_id: Option<&'a str>,
    /// When the stored row was made, in the words of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feature_time: Option<&'a str>,
    #[serde(flatten)]
    pub(super) outcome: Outcome<'a, Score<'a>>,
}

/// What became of a row.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Outcome<'a, T> {
    Good(T),
    Bad { error: RowFault<'a> },
}

/// Why a row has no result.
#[derive(Serialize, ToSchema)]
pub(super) struct RowFault<'a> {
    #[schema(value_type = String)]
    code: Code,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    column: Option<&'a str>,
}

impl<'a> From<&'a RowError> for RowFault<'a> {
    fn from(RowError { kind, detail, column }: &'a RowError) -> Self {
        Self { code: (*kind).into(), detail, column: column.as_deref() }
    }
}

/// A row's score: one number, or one per class or target, of which none is likely or not.
#[derive(Serialize, ToSchema)]
pub(super) struct Score<'a> {
    score: Several<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    likely: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Several<'a> {
    One(f64),
    Many(&'a [f64]),
}

impl<'a> Score<'a> {
    pub(super) fn new(score: &'a [f64], likely: Option<bool>) -> Self {
        let score = match *score {
            [one] => Several::One(one),
            _ => Several::Many(score),
        };
        Self { score, likely }
    }
}

/// The answer of `/explain` and `/explain/pair`.
#[derive(Serialize, ToSchema)]
pub(super) struct Explanations<'a> {
    pub(super) explanations: Vec<Explanation<'a>>,
    pub(super) feature_names: &'a [String],
    pub(super) threshold: f64,
    pub(super) model: &'a str,
}

/// One row of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Explanation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) product_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) product_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feature_time: Option<&'a str>,
    #[serde(flatten)]
    pub(super) outcome: Outcome<'a, Explained<'a>>,
}

/// Why a row has its score.
#[derive(Serialize, ToSchema)]
pub(super) struct Explained<'a> {
    #[serde(flatten)]
    pub(super) score: Score<'a>,
    /// The sum of `base` and `contributions`: what the objective turns into the score.
    pub(super) margin: PerMargin<f64>,
    /// The model's expected margin, its bias, which is where the contributions start.
    pub(super) base: PerMargin<f64>,
    /// One per feature, in the order of `feature_names`.
    pub(super) contributions: PerMargin<Vec<f64>>,
    /// What the model saw, in the same order; null is missing.
    #[schema(value_type = Vec<Option<f32>>)]
    pub(super) values: &'a [f32],
}

/// One for most models; several for those of several classes or targets.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PerMargin<T> {
    One(T),
    Several(Vec<T>),
}

impl<T> From<Vec<T>> for PerMargin<T> {
    fn from(mut numbers: Vec<T>) -> Self {
        match numbers.pop() {
            Some(number) if numbers.is_empty() => Self::One(number),
            Some(number) => {
                numbers.push(number);
                Self::Several(numbers)
            }
            None => Self::Several(numbers),
        }
    }
}

/// The answer of `/recommend/{user_id}`.
#[derive(Serialize, ToSchema)]
pub(super) struct Recommendations<'a> {
    pub(super) user_id: &'a str,
    pub(super) stored: usize,
    pub(super) recommendations: Vec<Recommendation<'a>>,
    /// Products whose stored rows cannot be read.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) unreadable: &'a [String],
    pub(super) threshold: f64,
    pub(super) model: &'a str,
}

/// One product of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Recommendation<'a> {
    pub(super) product_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) product_name: Option<&'a str>,
    pub(super) score: f64,
    pub(super) likely: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feature_time: Option<&'a str>,
}

/// The answer of `/users`.
#[derive(Serialize, ToSchema)]
pub(super) struct Users {
    pub(super) users: Vec<String>,
}

/// The answer of `/model`.
#[derive(Serialize, ToSchema)]
pub(super) struct Model<'a> {
    pub(super) feature_names: &'a [String],
    /// Null, like `trees`, where the model is behind an endpoint, which does not tell.
    #[schema(required = true)]
    pub(super) objective: Option<&'a str>,
    #[schema(required = true)]
    pub(super) trees: Option<usize>,
    pub(super) outputs: usize,
    pub(super) threshold: f64,
    pub(super) version: &'a str,
    /// What the model file says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<Object>)]
    pub(super) card: Option<&'a RawValue>,
    pub(super) backends: Backends,
    pub(super) capabilities: Capabilities,
    /// Null where the store does not know which table it holds.
    #[schema(required = true)]
    pub(super) table: Option<Table<'a>>,
}

/// The table of features in use. What is null is not known.
#[derive(Serialize, ToSchema)]
pub(super) struct Table<'a> {
    pub(super) version: Option<&'a str>,
    pub(super) rows: u64,
    pub(super) source: Option<&'a str>,
    /// RFC 3339, in UTC.
    pub(super) loaded_at: Option<String>,
}

/// The adapters in use.
#[derive(Serialize, ToSchema)]
pub(super) struct Backends {
    pub(super) features: &'static str,
    pub(super) scorer: &'static str,
}

/// What this model and this store can do beyond scores.
#[derive(Serialize, ToSchema)]
pub(super) struct Capabilities {
    pub(super) explain: bool,
    pub(super) list_users: bool,
}

/// A failure (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    pub(super) r#type: String,
    pub(super) title: &'static str,
    pub(super) status: u16,
    pub(super) detail: &'a str,
    /// A stable word, which programs may branch on.
    #[schema(value_type = String)]
    pub(super) code: Code,
    pub(super) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) row: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) column: Option<&'a str>,
}

// The bodies of requests as readers are told of them; `formats::json` reads them piece by piece.

/// A body of feature rows; a row by names may also stand alone.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
pub(super) struct RowsRequest {
    #[schema(min_items = 1)]
    instances: Vec<RowInstance>,
}

/// A body of pairs; a pair by names may also stand alone.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
pub(super) struct PairsRequest {
    #[schema(min_items = 1)]
    instances: Vec<PairInstance>,
}

/// A pair: customer and product as a list, or by names.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
enum PairInstance {
    List([Id; 2]),
    ByName { user_id: Id, product_id: Id },
}

/// An identifier: a text, or a whole number as it is written.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}
