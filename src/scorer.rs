//! PORT: what turns feature rows into scores.
//!
//! A scorer answers one score per row, all finite, from one version of the model; it decides no status and logs no failure.

pub mod coalesced;
pub mod embedded;
pub mod sagemaker;
pub mod shadowed;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::upstream::UpstreamError;

/// Feature rows, row-major; NaN is a missing value.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    width: usize,
    values: Vec<f32>,
    target: Option<Arc<Target>>,
}

/// Which of several models behind a scorer rows are for, and what goes with them; a scorer of one model has no use for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// A production variant of an endpoint.
    pub variant: Option<String>,
    /// A model file of a multi-model endpoint.
    pub model: Option<String>,
    /// An inference component.
    pub component: Option<String>,
    /// An identifier under which the endpoint records the call.
    pub inference_id: Option<String>,
    /// Whatever the endpoint's container makes of it.
    pub custom_attributes: Option<String>,
}

impl Batch {
    /// No rows yet, each to be `width` values wide.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::with_capacity(width), target: None }
    }

    /// Appends all of `rows`.
    ///
    /// # Panics
    /// If they are not as wide as the others.
    pub fn append(&mut self, rows: &Self) {
        assert_eq!(rows.width, self.width, "rows of another width: this is a bug");
        self.values.extend_from_slice(&rows.values);
    }

    /// The same rows for `target`.
    #[must_use]
    pub fn aimed_at(self, target: Option<Arc<Target>>) -> Self {
        Self { target, ..self }
    }

    /// What the rows are for, if the request said so.
    #[must_use]
    pub fn target(&self) -> Option<&Arc<Target>> {
        self.target.as_ref()
    }

    /// Appends one row.
    ///
    /// # Panics
    /// If `row` is not as wide as the others: decoders check the width first.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.width, "row of another width: this is a bug");
        self.values.extend_from_slice(row);
    }

    /// Values per row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values, one row after the other.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// What a model is, for those who ask.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// See [`model_version`]; where the file is not at hand, the name of what scores, e.g. `sagemaker:imba`.
    pub version: String,
    /// Input names in order.
    pub feature_names: Vec<String>,
    /// XGBoost's name of the objective, e.g. `binary:logistic`; `None` for a model that does not say.
    pub objective: Option<String>,
    /// Number of trees; `None` for a model that does not say.
    pub trees: Option<usize>,
    /// Numbers per score: 1, or the number of classes or targets.
    pub outputs: usize,
}

/// The version of a model file: its SHA-256 in hexadecimal.
#[must_use]
pub fn model_version(file: &[u8]) -> String {
    format!("{:x}", bytes::Bytes::copy_from_slice(&Sha256::digest(file)))
}

/// The scores of a batch, and the model that gave them.
#[derive(Debug, Clone)]
pub struct Scores {
    /// The model that scored all of these rows.
    pub model: Arc<ModelInfo>,
    /// `model.outputs` numbers per row, row after row, all finite.
    ///
    /// A model in process gives float32; an endpoint's answer is text, kept as exact as Python's `float` reads it.
    pub values: Vec<f64>,
}

impl Scores {
    /// The numbers of each row, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.model.outputs)
    }
}

/// Why each row of a batch has its score: exact `TreeSHAP` contributions.
#[derive(Debug, Clone)]
pub struct Explanations {
    /// The scores themselves.
    pub scores: Scores,
    /// Numbers per row before the objective's transform.
    pub margins_per_row: usize,
    /// The margins, row after row.
    pub margins: Vec<f32>,
    /// Row after row and margin after margin: one number per feature, then the bias. They sum to the margin.
    pub contributions: Vec<f32>,
}

impl Explanations {
    /// Of each row: its score's numbers, its margins, and its contributions.
    pub fn rows(&self) -> impl Iterator<Item = (&[f64], &[f32], &[f32])> {
        let width = self.margins_per_row * (self.scores.model.feature_names.len() + 1);
        let margins = self.margins.chunks_exact(self.margins_per_row);
        let contributions = self.contributions.chunks_exact(width);
        self.scores
            .rows()
            .zip(margins)
            .zip(contributions)
            .map(|((score, margins), contributions)| (score, margins, contributions))
    }
}

/// A model that scores rows.
#[async_trait]
pub trait Scorer: Send + Sync {
    /// The adapter's name in configuration, e.g. `embedded`.
    fn kind(&self) -> &'static str;

    /// The model in use now.
    fn info(&self) -> Arc<ModelInfo>;

    /// Scores every row of `rows`, with one version of the model.
    async fn score(&self, rows: Batch) -> Result<Scores, ScoreError>;

    /// Whether [`Self::explain`] can answer for the model in use.
    fn explains(&self) -> bool {
        false
    }

    /// Scores and explains every row of `rows`, with one version of the model.
    async fn explain(&self, _rows: Batch) -> Result<Explanations, ScoreError> {
        Err(ScoreError::Unexplained("the scorer in use gives scores alone".to_owned()))
    }

    /// One cheap call that shows the scorer answers.
    async fn probe(&self) -> Result<(), ScoreError>;
}

/// Why a scorer gave no scores.
#[derive(Debug, thiserror::Error)]
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
    #[error("the model answered with status {status}: {message}")]
    Refused {
        /// The model's HTTP status.
        status: u16,
        /// Its words, without what is inside of it.
        message: String,
        /// All of them, for the log.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There are scores, but no contributions.
    #[error("scores cannot be explained here: {0}")]
    Unexplained(String),
    /// It cannot score now; a later try may succeed.
    #[error("the scorer is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The upstream behind it gave no answer.
    #[error("the scorer gave no answer: {0}")]
    Upstream(#[from] UpstreamError),
    /// What became of a call that several callers shared.
    #[error(transparent)]
    Shared(Arc<ScoreError>),
}

impl ScoreError {
    /// The error itself, shared or not.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(shared) => shared.root(),
            own => own,
        }
    }
}
