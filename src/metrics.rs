//! What the service counts, for Prometheus to fetch.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::inference::Stages;
use crate::scorer::ModelInfo;

/// Upper bounds in seconds: from a single row in process to an upstream at its deadline.
const BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

/// A route as the metrics name it: the pattern it matched, or `other`, so that a client cannot invent labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route(&'static str);

/// The routes that are counted by name.
const ROUTES: [&str; 10] = [
    "/predict",
    "/predict/pair",
    "/recommend/{user_id}",
    "/explain",
    "/explain/pair",
    "/users",
    "/model",
    "/livez",
    "/readyz",
    "/metrics",
];

impl Route {
    /// The route of a matched pattern.
    #[must_use]
    pub fn of(pattern: Option<&str>) -> Self {
        Self(ROUTES.into_iter().find(|route| Some(*route) == pattern).unwrap_or("other"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

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
    open: Family<UpstreamLabels, Gauge>,
}

impl UpstreamMetrics {
    /// A call to `upstream` came to `outcome`.
    pub fn called(&self, upstream: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&CallLabels { upstream, outcome }).inc();
    }

    /// The circuit before `upstream` is open or closed from now on.
    pub fn circuit(&self, upstream: &'static str, open: bool) {
        self.open.get_or_create(&UpstreamLabels { upstream }).set(i64::from(open));
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "upstream_calls",
            "Calls to an upstream by what came of them; retries within a call are not counted apart",
            self.calls.clone(),
        );
        registry.register(
            "upstream_circuit_open",
            "1 while an upstream is left alone because it failed repeatedly",
            self.open.clone(),
        );
    }
}

/// The counters of one service; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram>,
    in_flight: Gauge<i64, AtomicI64>,
    stages: [Histogram; 3],
}

impl Metrics {
    /// All counters at zero, and the model in use; `upstreams` counts already.
    #[must_use]
    pub fn new(model: &ModelInfo, upstreams: &UpstreamMetrics) -> Self {
        let mut registry = Registry::with_prefix("imba");
        upstreams.register(&mut registry);
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
        registry.register(
            "model",
            "The model in use",
            Info::new([
                ("version", model.version.clone()),
                ("objective", model.objective.clone().unwrap_or_default()),
            ]),
        );
        registry.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let stages =
            Stages::default().named().map(|(stage, _)| stages.get_or_create(&StageLabels { stage }).clone());
        Self { registry: Arc::new(registry), requests, durations, in_flight, stages }
    }

    /// A request has come.
    pub fn begin(&self) {
        self.in_flight.inc();
    }

    /// It is answered, or its client is gone.
    pub fn end(&self, route: Route, status: u16, elapsed: Duration) {
        self.in_flight.dec();
        let labels = RequestLabels { route: route.0, status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    /// It was scored, with these stages.
    pub fn stages(&self, stages: &Stages) {
        for (histogram, (_, time)) in self.stages.iter().zip(stages.named()) {
            histogram.observe(time.as_secs_f64());
        }
    }

    /// All of them as `OpenMetrics` text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry)
            .unwrap_or_else(|_| unreachable!("writing to a String does not fail"));
        text
    }
}
