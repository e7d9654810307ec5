//! Metrics about requests.

use std::sync::OnceLock;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::BUCKETS;
use crate::telemetry::Stages;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

/// A route, and the counters of its good answers: nearly every request is one, and need not look them up.
pub struct RouteMetrics {
    /// The pattern, never a path: a client cannot invent labels.
    pub pattern: &'static str,
    good: OnceLock<(Counter, Histogram)>,
}

impl RouteMetrics {
    /// The route of a pattern, which has not answered yet.
    #[must_use]
    pub fn new(pattern: &'static str) -> Self {
        Self { pattern, good: OnceLock::new() }
    }
}

/// The counters of requests; cheap to clone.
#[derive(Clone)]
pub struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram>,
    in_flight: Gauge<i64, AtomicI64>,
    stages: [Histogram; 3],
}

impl HttpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = Family::<RequestLabels, Counter>::default();
        registry.register(
            "http_requests",
            "Answered requests; status 499 means the client hung up",
            requests.clone(),
        );
        let durations = Family::<RequestLabels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            durations.clone(),
        );
        let in_flight = Gauge::default();
        registry.register("http_requests_in_flight", "Requests being answered", in_flight.clone());
        let stages = Family::<StageLabels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        registry.register_with_unit(
            "stage_duration",
            "Time of one stage of a scored request",
            Unit::Seconds,
            stages.clone(),
        );
        let stages =
            Stages::default().named().map(|(stage, _)| stages.get_or_create(&StageLabels { stage }).clone());
        Self { requests, durations, in_flight, stages }
    }

    /// A request has come.
    pub fn begin(&self) {
        self.in_flight.inc();
    }

    /// It is answered, or its client is gone.
    pub fn end(&self, route: &RouteMetrics, status: u16, elapsed: Duration) {
        self.in_flight.dec();
        if status == 200 {
            let (requests, durations) = route.good.get_or_init(|| self.counters(route.pattern, status));
            requests.inc();
            durations.observe(elapsed.as_secs_f64());
        } else {
            let (requests, durations) = self.counters(route.pattern, status);
            requests.inc();
            durations.observe(elapsed.as_secs_f64());
        }
    }

    fn counters(&self, route: &'static str, status: u16) -> (Counter, Histogram) {
        let labels = RequestLabels { route, status };
        let requests = self.requests.get_or_create(&labels).clone();
        (requests, self.durations.get_or_create(&labels).clone())
    }

    /// It was scored, with these stages.
    pub fn stages(&self, stages: &Stages) {
        for (histogram, (_, time)) in self.stages.iter().zip(stages.named()) {
            histogram.observe(time.as_secs_f64());
        }
    }
}
