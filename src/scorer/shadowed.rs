//! A scorer that answers while another one is compared with it, in the background and for a share of the requests.
//!
//! Nobody waits for the shadow, and its failures are only counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::{Output, ScoreError, ScoreRequest, Scorer, Scores};
use crate::model::ModelInfo;
use crate::row::Schema;
use crate::telemetry::metrics::ShadowMetrics;

/// Most comparisons under way at once; further requests are not compared.
const AT_ONCE: usize = 16;

/// Answers from one scorer and compares another.
pub struct ShadowedScorer {
    scorer: Arc<dyn Scorer>,
    shadow: Arc<dyn Scorer>,
    share: f64,
    requests: AtomicU64,
    room: Arc<Semaphore>,
    metrics: ShadowMetrics,
}

impl ShadowedScorer {
    /// Answers from `scorer`; compares `shadow` for `share` of the requests, from 0 for none to 1 for all.
    #[must_use]
    pub fn new(scorer: Arc<dyn Scorer>, shadow: Arc<dyn Scorer>, share: f64, metrics: ShadowMetrics) -> Self {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        Self { scorer, shadow, share, requests: AtomicU64::new(0), room, metrics }
    }

    /// Whether this request is one of the share: evenly spread, so that a share of 0.1 is every tenth. Rows for a target
    /// of their own are for another model than the shadow's, and scores alone are compared.
    fn is_sampled(&self, request: &ScoreRequest) -> bool {
        if request.target.is_some() || request.output != Output::Score {
            return false;
        }
        let nth = self.requests.fetch_add(1, Ordering::Relaxed) as f64;
        ((nth + 1.0) * self.share).floor() > (nth * self.share).floor()
    }

    fn compare(&self, request: ScoreRequest, scores: &Scores) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else { return self.metrics.skipped() };
        let (shadow, metrics, scores) = (Arc::clone(&self.shadow), self.metrics.clone(), scores.clone());
        tokio::spawn(async move {
            let others = shadow.score(request).await.ok();
            match others.as_ref().and_then(|others| differences(&scores, others)) {
                Some(differences) => metrics.compared(differences),
                None => metrics.failed(),
            }
            drop(permit);
        });
    }
}

#[async_trait]
impl Scorer for ShadowedScorer {
    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        let sample = self.is_sampled(&request).then(|| request.clone());
        let scores = self.scorer.score(request).await?;
        if let Some(request) = sample {
            self.compare(request, &scores);
        }
        Ok(scores)
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

/// By how much the scores of each row differ: the largest difference among its numbers. `None` if they are not of the same
/// shape, and so of different models.
#[must_use]
pub fn differences<'s>(one: &'s Scores, other: &'s Scores) -> Option<impl Iterator<Item = f64> + 's> {
    if one.width != other.width || one.values.len() != other.values.len() {
        return None;
    }
    let of_row = |(one, other): (&[f64], &[f64])| {
        one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
    };
    Some(one.rows().zip(other.rows()).map(of_row))
}
