//! What is counted of calls to upstreams.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{ShadowMetrics, TableMetrics};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    upstream: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    upstream: &'static str,
}

/// The counters of calls to upstreams; cheap to clone.
#[derive(Clone, Default)]
pub struct UpstreamMetrics {
    calls: Family<CallLabels, Counter>,
    attempts: Family<UpstreamLabels, Counter>,
    open: Family<UpstreamLabels, Gauge>,
    shadow: ShadowMetrics,
    table: TableMetrics,
}

impl UpstreamMetrics {
    /// A call to `upstream` came to `outcome`.
    pub fn called(&self, upstream: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&CallLabels { upstream, outcome }).inc();
    }

    /// An attempt at a call to `upstream` is made.
    pub fn attempted(&self, upstream: &'static str) {
        self.attempts.get_or_create(&UpstreamLabels { upstream }).inc();
    }

    /// The circuit before `upstream` is open or closed from now on.
    pub fn circuit(&self, upstream: &'static str, open: bool) {
        self.open.get_or_create(&UpstreamLabels { upstream }).set(i64::from(open));
    }

    /// The counters of comparisons with another upstream.
    #[must_use]
    pub fn shadow(&self) -> &ShadowMetrics {
        &self.shadow
    }

    /// The counters of the table of features.
    #[must_use]
    pub fn table(&self) -> &TableMetrics {
        &self.table
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "upstream_calls",
            "Calls to an upstream by what came of them, whatever number of attempts they took",
            self.calls.clone(),
        );
        registry.register(
            "upstream_attempts",
            "Attempts at calls to an upstream, retries and probes included",
            self.attempts.clone(),
        );
        registry.register(
            "upstream_circuit_open",
            "1 while an upstream is left alone because it fails or hangs",
            self.open.clone(),
        );
        self.shadow.register(registry);
        self.table.register(registry);
    }
}
