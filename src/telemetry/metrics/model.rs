//! What is told of the model in use and of its reloads.

use std::fmt;
use std::sync::atomic::AtomicI64;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

const LOADED: &str = "loaded";
const FAILED: &str = "failed";

/// The counters of reloads; cheap to clone.
#[derive(Clone)]
pub struct ModelMetrics {
    reloads: Family<ReloadLabels, Counter>,
    reload_failed: Gauge<i64, AtomicI64>,
}

impl ModelMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let reloads = Family::<ReloadLabels, Counter>::default();
        registry.register(
            "model_reloads",
            "New models that were put to use, or that failed to be",
            reloads.clone(),
        );
        for outcome in [LOADED, FAILED] {
            drop(reloads.get_or_create(&ReloadLabels { outcome }));
        }
        let reload_failed = Gauge::default();
        registry.register(
            "model_reload_failed",
            "1 while the newest model could not be put to use and an older one serves, else 0",
            reload_failed.clone(),
        );
        Self { reloads, reload_failed }
    }

    /// A new model serves.
    pub fn reloaded(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: LOADED }).inc();
        self.is_current();
    }

    /// A new model could not be put to use.
    pub fn not_reloaded(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: FAILED }).inc();
        self.reload_failed.set(1);
    }

    /// The model in use is the newest there is.
    pub fn is_current(&self) {
        self.reload_failed.set(0);
    }
}

/// Says which model is in use when the metrics are fetched; the function gives its version and objective.
pub struct ModelInUse<F>(pub F);

impl<F> fmt::Debug for ModelInUse<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelInUse")
    }
}

impl<F: Fn() -> (String, String) + Send + Sync + 'static> Collector for ModelInUse<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (version, objective) = (self.0)();
        let info = Info::new([("version", version), ("objective", objective)]);
        info.encode(encoder.encode_descriptor("model", "The model in use", None, MetricType::Info)?)
    }
}
