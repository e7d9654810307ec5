//! A scorer whose callers share calls of another one; see [`crate::upstream::batcher`].

use std::sync::Arc;

use async_trait::async_trait;

use super::{ScoreError, ScoreRequest, Scorer, Scores};
use crate::model::ModelInfo;
use crate::row::{Batch, Schema};
use crate::upstream::batcher::{BatchCall, BatchLimits, Batcher};
use crate::upstream::{UpstreamError, WaitQueue};

/// Joins the rows of several requests into one call.
pub struct BatchedScorer {
    scorer: Arc<dyn Scorer>,
    calls: Batcher<ScoreCall>,
}

impl BatchedScorer {
    /// Joins calls to `scorer` within `limits`, whose items are rows; `queue` bounds the requests that wait.
    #[must_use]
    pub fn new(scorer: Arc<dyn Scorer>, limits: BatchLimits, queue: WaitQueue) -> Self {
        Self { calls: Batcher::new(ScoreCall(Arc::clone(&scorer)), limits, queue), scorer }
    }
}

#[async_trait]
impl Scorer for BatchedScorer {
    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        self.calls.call(request).await
    }

    fn info(&self) -> Arc<ModelInfo> {
        self.scorer.info()
    }

    fn schema(&self) -> Schema {
        self.scorer.schema()
    }

    async fn probe(&self) -> Result<(), ScoreError> {
        self.scorer.probe().await
    }
}

struct ScoreCall(Arc<dyn Scorer>);

impl BatchCall for ScoreCall {
    type Request = ScoreRequest;
    type Response = Scores;
    type Error = ScoreError;

    async fn call(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        self.0.score(request).await
    }

    fn size(request: &ScoreRequest) -> usize {
        request.rows.len()
    }

    /// An inference id names one caller's call, which is therefore not shared.
    fn fit(one: &ScoreRequest, other: &ScoreRequest) -> bool {
        one.target == other.target
            && one.output == other.output
            && one.target.as_ref().is_none_or(|target| target.inference_id.is_none())
    }

    fn join(requests: &[&ScoreRequest]) -> ScoreRequest {
        let mut rows = Batch::new(requests[0].rows.width());
        for request in requests {
            rows.append(&request.rows);
        }
        ScoreRequest { rows, target: requests[0].target.clone(), output: requests[0].output }
    }

    fn split(scores: Scores, sizes: &[usize]) -> Vec<Scores> {
        let mut rest = &scores.values[..];
        let part = |size: &usize| {
            let (part, others) = rest.split_at(size * scores.width);
            rest = others;
            Scores { model: Arc::clone(&scores.model), width: scores.width, values: part.to_vec() }
        };
        sizes.iter().map(part).collect()
    }

    fn may_concern_one(error: &ScoreError) -> bool {
        match error {
            ScoreError::Rejected(_)
            | ScoreError::NotFinite { .. }
            | ScoreError::Refused { .. }
            | ScoreError::TooLarge { .. }
            // An answer that is none, e.g. one with a word among its numbers.
            | ScoreError::Upstream(UpstreamError::Garbled { .. }) => true,
            ScoreError::Unexplained(_) | ScoreError::Upstream(_) => false,
        }
    }
}
