//! The use case: rows, or pairs whose rows are looked up, to scores, explanations and rankings.
//!
//! Every protocol goes through the same calls. What is decided here is decided nowhere else: which rows are joined with
//! which pairs, what became of each row, what counts as likely, in which order products stand, and which model answered.

mod answer;
mod error;
mod join;
mod rank;

use std::sync::Arc;
use std::time::Instant;

use crate::admission::Admission;
use crate::features::{FeatureStore, TableInfo, UserIndex, VersionedTable};
use crate::model::ModelInfo;
use crate::model::card::DEFAULT_THRESHOLD;
use crate::row::{Batch, Decoded, PairKey, Schema};
use crate::scorer::{Explainer, Explanations, InferenceTarget, Output, ScoreRequest, Scorer, Scores};
use crate::telemetry::Stages;

pub use answer::{Answer, RowAnswer};
pub use error::InferenceError;
pub use rank::{RankedProduct, Ranking};

/// The kinds of stores and scorers that are services of their own, which may be down while this one is well.
const UPSTREAMS: [&str; 2] = ["dynamodb", "sagemaker"];

/// What a request asks about.
#[derive(Debug)]
pub enum Input {
    /// Feature rows.
    Rows(Decoded<Batch>),
    /// Pairs whose rows are stored.
    Pairs(Decoded<Vec<PairKey>>),
}

/// A request, whatever protocol it came by.
#[derive(Debug)]
pub struct InferenceRequest {
    /// What it asks about.
    pub input: Input,
    /// Which of several models behind the scorer it is for.
    pub target: Option<Arc<InferenceTarget>>,
    /// What is wanted of it; explanations are of scores.
    pub output: Output,
    /// Whether the first bad row fails the request, as it must where the answer has no place to say so.
    pub all_or_nothing: bool,
}

/// The store that pairs are looked up in.
#[derive(Clone)]
pub struct Features {
    /// Its name in the configuration, e.g. `embedded`.
    pub kind: &'static str,
    /// The store.
    pub store: Arc<dyn FeatureStore>,
    /// Its users, if it can list them.
    pub users: Option<Arc<dyn UserIndex>>,
    /// Its table, if it knows which it holds.
    pub table: Option<Arc<dyn VersionedTable>>,
}

/// What scores rows.
#[derive(Clone)]
pub struct Model {
    /// Gives scores.
    pub scorer: Arc<dyn Scorer>,
    /// Gives reasons, if there is one that can.
    pub explainer: Option<Arc<dyn Explainer>>,
}

/// Scores rows and pairs through the two ports.
pub struct Inference {
    schema: Arc<Schema>,
    features: Option<Features>,
    model: Model,
    /// The configured one.
    threshold: Option<f64>,
    admission: Admission,
}

impl Inference {
    /// The use case over a store and a scorer of the same `schema`. A score above `threshold`, or where that is
    /// `None` above the model's own, counts as likely.
    #[must_use]
    pub fn new(
        schema: Arc<Schema>,
        features: Option<Features>,
        model: Model,
        threshold: Option<f64>,
        admission: Admission,
    ) -> Self {
        Self { schema, features, model, threshold, admission }
    }

    /// The inputs of a row.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The score above which a purchase counts as likely by `model`: as configured, else the model's own.
    #[must_use]
    pub fn threshold(&self, model: &ModelInfo) -> f64 {
        self.threshold.or(model.threshold).unwrap_or(DEFAULT_THRESHOLD)
    }

    /// The model in use now.
    #[must_use]
    pub fn model(&self) -> Arc<ModelInfo> {
        self.model.scorer.info()
    }

    /// The store's kind; `none` where there is none.
    #[must_use]
    pub fn features_kind(&self) -> &'static str {
        self.features.as_ref().map_or("none", |features| features.kind)
    }

    /// The table of features in use, if the store knows which it holds.
    #[must_use]
    pub fn table(&self) -> Option<Arc<TableInfo>> {
        let table = self.features.as_ref()?.table.as_ref()?.table();
        (*table != TableInfo::default()).then_some(table)
    }

    /// Whether scores of the model in use can be explained.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.model.explainer.is_some() && self.model().explains
    }

    /// Whether the store's users can be listed.
    #[must_use]
    pub fn lists_users(&self) -> bool {
        self.features.as_ref().is_some_and(|features| features.users.is_some())
    }

    /// Scores every good row of `request`.
    ///
    /// # Errors
    /// The store's or the scorer's; in a request of all or nothing also the first bad row.
    pub async fn predict(&self, request: InferenceRequest) -> Result<Answer<Scores>, InferenceError> {
        let mut stages = Stages::default();
        let joined = self.join(request.input, request.all_or_nothing, &mut stages).await?;
        let (rows, outcomes) = (joined.rows, joined.outcomes);
        let InferenceRequest { target, output, .. } = request;
        let scores = self.score(ScoreRequest { rows, target, output }, &mut stages).await?;
        let threshold = self.threshold(&scores.model);
        Ok(Answer::new(scores, outcomes, threshold, stages))
    }

    /// Scores and explains every good row of `request`.
    ///
    /// # Errors
    /// As [`Self::predict`]; also that nothing here explains.
    pub async fn explain(&self, request: InferenceRequest) -> Result<Answer<Explanations>, InferenceError> {
        let explainer = self.model.explainer.as_ref().ok_or(InferenceError::Unexplained)?;
        let mut stages = Stages::default();
        let joined = self.join(request.input, request.all_or_nothing, &mut stages).await?;
        let started = Instant::now();
        let explanations = explainer.explain(joined.rows).await?;
        stages.score = started.elapsed();
        let threshold = self.threshold(&explanations.scores.model);
        Ok(Answer::new(explanations, joined.outcomes, threshold, stages))
    }

    /// Up to `limit` users whose identifiers begin with `prefix`, in order.
    ///
    /// # Errors
    /// The store's; also that there is none, or that it cannot list its users.
    pub async fn users(&self, prefix: &str, limit: usize) -> Result<Vec<String>, InferenceError> {
        let users = self.features()?.users.as_ref().ok_or(InferenceError::NoUserIndex)?;
        Ok(users.users(prefix, limit).await?)
    }

    /// Shows that those ports answer that are parts of this process.
    ///
    /// # Errors
    /// That of the first one that does not.
    pub async fn probe_own(&self) -> Result<(), InferenceError> {
        self.probe(|kind| !UPSTREAMS.contains(&kind)).await
    }

    /// Shows that those ports answer that are upstreams.
    ///
    /// # Errors
    /// That of the first one that does not.
    pub async fn probe_upstreams(&self) -> Result<(), InferenceError> {
        self.probe(|kind| UPSTREAMS.contains(&kind)).await
    }

    async fn probe(&self, is_meant: fn(&str) -> bool) -> Result<(), InferenceError> {
        if is_meant(self.model().backend) {
            self.model.scorer.probe().await?;
        }
        match &self.features {
            Some(features) if is_meant(features.kind) => Ok(features.store.probe().await?),
            _ => Ok(()),
        }
    }

    fn features(&self) -> Result<&Features, InferenceError> {
        self.features.as_ref().ok_or(InferenceError::NoStore)
    }

    /// The scores of `request`; no call for no rows.
    async fn score(&self, request: ScoreRequest, stages: &mut Stages) -> Result<Scores, InferenceError> {
        if request.rows.is_empty() {
            let model = self.model();
            return Ok(Scores { width: model.outputs, model, values: Vec::new() });
        }
        let started = Instant::now();
        let scores = self.model.scorer.score(request).await?;
        stages.score = started.elapsed();
        Ok(scores)
    }
}
