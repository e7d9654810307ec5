//! What is counted of comparisons in the background.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of differences of scores: from float32 rounding to another decision.
const BUCKETS: [f64; 8] = [0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// The counters of a shadow; cheap to clone.
#[derive(Clone)]
pub struct ShadowMetrics {
    differences: Histogram,
    failed: Counter,
    skipped: Counter,
}

impl Default for ShadowMetrics {
    fn default() -> Self {
        Self { differences: Histogram::new(BUCKETS), failed: Counter::default(), skipped: Counter::default() }
    }
}

impl ShadowMetrics {
    /// Rows were compared, with these differences.
    pub fn compared(&self, differences: impl Iterator<Item = f64>) {
        for difference in differences {
            self.differences.observe(difference);
        }
    }

    /// The shadow had no scores, or scores of another shape.
    pub fn failed(&self) {
        self.failed.inc();
    }

    /// A request was not compared, because as many as may were being compared.
    pub fn skipped(&self) {
        self.skipped.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "shadow_difference",
            "Difference of a row's score by the shadow from the one that was answered",
            self.differences.clone(),
        );
        registry.register("shadow_failed", "Requests that the shadow could not score", self.failed.clone());
        registry.register(
            "shadow_skipped",
            "Requests for which the shadow had no time",
            self.skipped.clone(),
        );
    }
}
