//! A scorer whose callers share calls of another one; see [`crate::coalesce`].

use std::sync::Arc;

use async_trait::async_trait;

use super::{Batch, Explanations, ModelInfo, ScoreError, Scorer, Scores};
use crate::coalesce::{Coalescer, Joint, Limits};
use crate::upstream::UpstreamError;

/// Joins the rows of several requests into one call.
pub struct CoalescedScorer {
    scorer: Arc<dyn Scorer>,
    calls: Coalescer<Scoring>,
}

impl CoalescedScorer {
    /// Joins calls to `scorer` within `limits`, whose items are rows.
    #[must_use]
    pub fn new(scorer: Arc<dyn Scorer>, limits: Limits) -> Self {
        Self { calls: Coalescer::new(Scoring(Arc::clone(&scorer)), limits), scorer }
    }
}

#[async_trait]
impl Scorer for CoalescedScorer {
    fn kind(&self) -> &'static str {
        self.scorer.kind()
    }

    fn info(&self) -> Arc<ModelInfo> {
        self.scorer.info()
    }

    async fn score(&self, rows: Batch) -> Result<Scores, ScoreError> {
        self.calls.ask(rows).await
    }

    fn explains(&self) -> bool {
        self.scorer.explains()
    }

    async fn explain(&self, rows: Batch) -> Result<Explanations, ScoreError> {
        self.scorer.explain(rows).await
    }

    async fn probe(&self) -> Result<(), ScoreError> {
        self.scorer.probe().await
    }
}

struct Scoring(Arc<dyn Scorer>);

impl Joint for Scoring {
    type Ask = Batch;
    type Answer = Scores;
    type Error = ScoreError;

    async fn call(&self, rows: Batch) -> Result<Scores, ScoreError> {
        self.0.score(rows).await
    }

    fn size(rows: &Batch) -> usize {
        rows.len()
    }

    /// An inference id names one caller's call, which is therefore not shared.
    fn fit(one: &Batch, other: &Batch) -> bool {
        one.target() == other.target() && one.target().is_none_or(|target| target.inference_id.is_none())
    }

    fn join(asks: &[&Batch]) -> Batch {
        let mut all = Batch::new(asks[0].width()).aimed_at(asks[0].target().cloned());
        for rows in asks {
            all.append(rows);
        }
        all
    }

    fn split(scores: Scores, sizes: &[usize]) -> Vec<Scores> {
        let mut rest = &scores.values[..];
        let part = |size: &usize| {
            let (part, others) = rest.split_at(size * scores.model.outputs);
            rest = others;
            Scores { model: Arc::clone(&scores.model), values: part.to_vec() }
        };
        sizes.iter().map(part).collect()
    }

    fn may_be_of_one(error: &ScoreError) -> bool {
        match error {
            ScoreError::Rejected(_)
            | ScoreError::NotFinite { .. }
            | ScoreError::Refused { .. }
            | ScoreError::TooLarge { .. } => true,
            // An answer that is none, e.g. one with a word among its numbers.
            ScoreError::Upstream(UpstreamError::Failed { source, .. }) => source.is_none(),
            ScoreError::Unavailable(_)
            | ScoreError::Unexplained(_)
            | ScoreError::Upstream(_)
            | ScoreError::Shared(_) => false,
        }
    }

    fn copies(error: ScoreError, count: usize) -> Vec<ScoreError> {
        if count == 1 {
            return vec![error];
        }
        let shared = Arc::new(error);
        (0..count).map(|_| ScoreError::Shared(Arc::clone(&shared))).collect()
    }
}
