//! What became of new versions of what is replaced while it serves.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

const LOADED: &str = "loaded";
const FAILED: &str = "failed";

/// The counters of one kind of reload; cheap to clone.
#[derive(Clone, Default)]
pub struct ReloadMetrics {
    reloads: Family<ReloadLabels, Counter>,
    failed: Gauge<i64, AtomicI64>,
}

impl ReloadMetrics {
    /// Tells of them under `name`; one of them is `what`, several are `plural`, in the help text.
    pub(super) fn register(&self, registry: &mut Registry, name: &str, what: &str, plural: &str) {
        for outcome in [LOADED, FAILED] {
            drop(self.reloads.get_or_create(&ReloadLabels { outcome }));
        }
        registry.register(
            format!("{name}_reloads"),
            format!("New {plural} that were put to use, or that failed to be"),
            self.reloads.clone(),
        );
        registry.register(
            format!("{name}_reload_failed"),
            format!("1 while the newest {what} could not be put to use and an older one serves, else 0"),
            self.failed.clone(),
        );
    }

    /// A new one serves.
    pub fn reloaded(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: LOADED }).inc();
        self.is_current();
    }

    /// A new one could not be put to use.
    pub fn not_reloaded(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: FAILED }).inc();
        self.failed.set(1);
    }

    /// The one in use is the newest there is.
    pub fn is_current(&self) {
        self.failed.set(0);
    }
}
