//! Metrics about cached answers.

use std::sync::atomic::AtomicI64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of cached answers; cheap to clone.
#[derive(Clone, Default)]
pub struct AnswerMetrics {
    /// Requests answered from the cache.
    pub hits: Counter,
    /// Requests whose answer was not in the cache.
    pub misses: Counter,
    /// Requests that asked for a fresh answer.
    pub bypassed: Counter,
    /// About how many answers are cached.
    pub entries: Gauge<i64, AtomicI64>,
    /// About how much memory they take.
    pub bytes: Gauge<i64, AtomicI64>,
}

impl AnswerMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("answer_cache_hits", "Requests answered by a remembered answer", self.hits.clone());
        registry.register(
            "answer_cache_misses",
            "Requests whose answer was not remembered",
            self.misses.clone(),
        );
        registry.register("answer_cache_bypassed", "Requests for a fresh answer", self.bypassed.clone());
        registry.register("answer_cache_entries", "Answers that are remembered", self.entries.clone());
        registry.register("answer_cache_bytes", "Memory for remembered answers", self.bytes.clone());
    }
}
