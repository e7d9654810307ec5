//! PORT: what turns feature rows into scores.
//!
//! A scorer answers one score per row, all finite, from one version of the model; it decides no status and logs no failure.

pub mod batched;
pub mod embedded;
pub mod sagemaker;
pub mod shadowed;
mod target;

use std::sync::Arc;

use async_trait::async_trait;

use crate::cause::Cause;
use crate::model::ModelInfo;
use crate::row::{Batch, Schema};
use crate::upstream::UpstreamError;

pub use target::InferenceTarget;

/// Rows to score, and by which model.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRequest {
    /// The rows.
    pub rows: Batch,
    /// The model, where the caller chose one of several.
    pub target: Option<Arc<InferenceTarget>>,
    /// What is wanted of it.
    pub output: Output,
}

/// What a model gives for a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Output {
    /// What it predicts, e.g. a probability.
    #[default]
    Score,
    /// The sum of the leaves before the objective's transform.
    Margin,
    /// The number of the leaf that the row reaches in each tree.
    Leaf,
}

impl From<Batch> for ScoreRequest {
    fn from(rows: Batch) -> Self {
        Self { rows, target: None, output: Output::Score }
    }
}

/// The scores of a batch, and the model that gave them.
#[derive(Debug, Clone)]
pub struct Scores {
    /// The model that scored all of these rows.
    pub model: Arc<ModelInfo>,
    /// Numbers per row: `model.outputs` where scores were asked for.
    pub width: usize,
    /// Row after row, all finite.
    ///
    /// A model in process gives float32; an endpoint's answer is text, kept as exact as Python's `float` reads it.
    pub values: Vec<f64>,
}

impl Scores {
    /// The numbers of each row, in order; none where a row has none, as the leaves of a model without trees.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

/// Why each row of a batch has its score: exact `TreeSHAP` contributions.
#[derive(Debug, Clone)]
pub struct Explanations {
    /// The rows that are explained.
    pub rows: Batch,
    /// The scores themselves.
    pub scores: Scores,
    /// Numbers per row before the objective's transform.
    pub margins_per_row: usize,
    /// The margins, row after row.
    pub margins: Vec<f32>,
    /// Row after row and margin after margin: one number per feature, then the bias. They sum to the margin.
    pub contributions: Vec<f32>,
}

/// Why one row has its score.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'a> {
    /// What the model saw; NaN is a missing value.
    pub values: &'a [f32],
    /// The numbers of the score.
    pub score: &'a [f64],
    /// The numbers before the objective's transform.
    pub margins: &'a [f32],
    /// Margin after margin: one number per feature, then the bias.
    pub contributions: &'a [f32],
}

impl Explanations {
    /// Each row, in order.
    pub fn rows(&self) -> impl Iterator<Item = Explanation<'_>> {
        let width = self.margins_per_row * (self.rows.width() + 1);
        let margins = self.margins.chunks_exact(self.margins_per_row);
        let contributions = self.contributions.chunks_exact(width);
        self.rows.rows().zip(self.scores.rows()).zip(margins).zip(contributions).map(
            |(((values, score), margins), contributions)| Explanation {
                values,
                score,
                margins,
                contributions,
            },
        )
    }
}

/// A model that scores rows.
#[async_trait]
pub trait Scorer: Send + Sync {
    /// Scores every row, with one version of the model.
    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError>;

    /// The model in use now.
    fn info(&self) -> Arc<ModelInfo>;

    /// The inputs of a row, the same for every model that takes this one's place.
    fn schema(&self) -> Schema {
        Schema::new(self.info().feature_names.clone())
    }

    /// One cheap call that shows the scorer answers.
    async fn probe(&self) -> Result<(), ScoreError>;
}

/// A model that tells how it comes to its scores; see [`ModelInfo::explains`].
#[async_trait]
pub trait Explainer: Send + Sync {
    /// Scores and explains every row, with one version of the model.
    async fn explain(&self, rows: Batch) -> Result<Explanations, ScoreError>;
}

/// Why a scorer gave no scores.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ScoreError {
    /// The rows do not fit the model.
    #[error("the rows do not fit the model: {0}")]
    Rejected(String),
    /// The model answered something that is no score.
    #[error("the model gave {value} for row {row}, which is not a score")]
    NotFinite {
        /// 1-based.
        row: usize,
        /// What came instead of a finite number.
        value: f64,
    },
    /// More rows than the scorer takes at once.
    #[error("the rows take {bytes} bytes, and the scorer takes {limit}")]
    TooLarge {
        /// Size of the rows as they would be sent.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The model behind an upstream answered with an error of its own.
    #[error("the model answered with status {status}{}", because(reason.as_deref()))]
    Refused {
        /// The model's HTTP status.
        status: u16,
        /// If it rejected the rows: why, in one line without internals.
        reason: Option<String>,
        /// All of its words, for the log.
        source: Cause,
    },
    /// There are scores, but no contributions.
    #[error("scores cannot be explained here: {0}")]
    Unexplained(String),
    /// The upstream behind it gave no answer.
    #[error("the scorer did not answer: {0}")]
    Upstream(#[from] UpstreamError),
}

fn because(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}
