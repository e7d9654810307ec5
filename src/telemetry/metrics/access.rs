//! Metrics about callers: by plan and by reason, never by name.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlanLabels {
    plan: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DenialLabels {
    reason: &'static str,
}

/// The counters of callers; cheap to clone.
#[derive(Clone, Default)]
pub struct AccessMetrics {
    plans: Family<PlanLabels, Counter>,
    denials: Family<DenialLabels, Counter>,
}

/// Those of one plan.
pub struct PlanMetrics {
    /// Requests let in.
    pub admitted: Counter,
    /// Requests beyond the rate.
    pub over_rate: Counter,
    /// Requests beyond the quota.
    pub over_quota: Counter,
}

impl AccessMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "plan_requests",
            "Requests of the callers of a plan: let in, beyond its rate, beyond its quota",
            self.plans.clone(),
        );
        registry.register(
            "access_denied",
            "Requests refused because nobody is known by what they carry, or without the scope",
            self.denials.clone(),
        );
    }

    /// The counters of the plan that the configuration calls so.
    #[must_use]
    pub fn plan(&self, name: &str) -> PlanMetrics {
        let counter = |outcome| {
            let labels = PlanLabels { plan: name.to_owned(), outcome };
            self.plans.get_or_create(&labels).clone()
        };
        PlanMetrics {
            admitted: counter("admitted"),
            over_rate: counter("over_rate"),
            over_quota: counter("over_quota"),
        }
    }

    /// A request is refused; `reason` is one of few words.
    pub fn denied(&self, reason: &'static str) {
        self.denials.get_or_create(&DenialLabels { reason }).inc();
    }
}
