//! The use case: rows, or pairs whose rows are looked up, to scores.

pub mod recommend;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::features::{FeatureRow, FeatureStore, PairKey, StoreError};
use crate::schema::Schema;
use crate::scorer::{Batch, Explanations, ModelInfo, ScoreError, Scorer, Scores};
use crate::upstream::UpstreamError;

/// Scores rows and pairs through the two ports.
pub struct Inference {
    schema: Arc<Schema>,
    store: Arc<dyn FeatureStore>,
    scorer: Arc<dyn Scorer>,
    threshold: f64,
}

/// Why there is no score.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The lookup failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The scoring failed.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// Scores of several numbers have no order.
    #[error("the model gives {outputs} numbers per row, which have no order")]
    Unranked {
        /// Numbers per row.
        outputs: usize,
    },
}

impl InferenceError {
    /// What it says about the upstream of a port, if anything.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamError> {
        match self {
            Self::Store(error) => match error.root() {
                StoreError::Upstream(upstream) => Some(upstream),
                _ => None,
            },
            Self::Score(error) => match error.root() {
                ScoreError::Upstream(upstream) => Some(upstream),
                _ => None,
            },
            Self::Unranked { .. } => None,
        }
    }

    /// Time after which another try may succeed, when it is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.upstream()? {
            UpstreamError::Open { pause } => Some(*pause),
            _ => None,
        }
    }
}

/// How long the stages of one request took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    /// Request body to rows or pairs.
    pub decode: Duration,
    /// Pairs to rows.
    pub lookup: Duration,
    /// Batch to scores.
    pub score: Duration,
}

impl Stages {
    /// Each stage with its name, in the order they happen.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Duration); 3] {
        [("decode", self.decode), ("lookup", self.lookup), ("score", self.score)]
    }
}

impl Inference {
    /// The use case over a store and a scorer of the same `schema`. A score above `threshold` counts as likely.
    #[must_use]
    pub fn new(
        schema: Arc<Schema>,
        store: Arc<dyn FeatureStore>,
        scorer: Arc<dyn Scorer>,
        threshold: f64,
    ) -> Self {
        Self { schema, store, scorer, threshold }
    }

    /// The inputs of a row.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The score above which a purchase counts as likely.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The model in use now.
    #[must_use]
    pub fn model(&self) -> Arc<ModelInfo> {
        self.scorer.info()
    }

    /// The adapters in use: the store's kind and the scorer's.
    #[must_use]
    pub fn backends(&self) -> (&'static str, &'static str) {
        (self.store.kind(), self.scorer.kind())
    }

    /// Scores every row.
    ///
    /// # Errors
    /// The scorer's.
    pub async fn score(&self, rows: Batch, stages: &mut Stages) -> Result<Scores, InferenceError> {
        if rows.is_empty() {
            return Ok(Scores { model: self.scorer.info(), values: Vec::new() });
        }
        let started = Instant::now();
        let scores = self.scorer.score(rows).await?;
        stages.score = started.elapsed();
        Ok(scores)
    }

    /// Scores and explains every row.
    ///
    /// # Errors
    /// The scorer's; also that it cannot explain.
    pub async fn explain(&self, rows: Batch, stages: &mut Stages) -> Result<Explanations, InferenceError> {
        let started = Instant::now();
        let explanations = self.scorer.explain(rows).await?;
        stages.score = started.elapsed();
        Ok(explanations)
    }

    /// Whether the scorer can explain the scores of the model in use.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.scorer.explains()
    }

    /// The stored rows of `pairs`, in their order; `None` for a pair that is not stored.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_up(
        &self,
        pairs: &[PairKey],
        stages: &mut Stages,
    ) -> Result<Vec<Option<FeatureRow>>, InferenceError> {
        let started = Instant::now();
        let rows = self.store.get_many(pairs).await?;
        stages.lookup = started.elapsed();
        Ok(rows)
    }

    /// Up to `limit` users whose identifiers begin with `prefix`, in order; `None` when the store cannot list them.
    ///
    /// # Errors
    /// The store's.
    pub async fn users(&self, prefix: &str, limit: usize) -> Result<Option<Vec<String>>, InferenceError> {
        Ok(self.store.users(prefix, limit).await?)
    }

    /// Whether the store can list its users.
    #[must_use]
    pub fn lists_users(&self) -> bool {
        self.store.lists_users()
    }

    /// Shows that both ports answer.
    ///
    /// # Errors
    /// That of the first port that does not.
    pub async fn probe(&self) -> Result<(), InferenceError> {
        self.scorer.probe().await?;
        Ok(self.store.probe().await?)
    }
}
