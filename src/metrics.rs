//! What the service counts, for Prometheus to fetch.

mod shadow;
mod upstreams;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::inference::Stages;
use crate::scorer::Scorer;

pub use shadow::ShadowMetrics;
pub use upstreams::UpstreamMetrics;

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
    /// The route that a request for `path` takes.
    #[must_use]
    pub fn of(path: &str) -> Self {
        Self(ROUTES.into_iter().find(|pattern| matches(pattern, path)).unwrap_or("other"))
    }
}

/// Whether `path` is of `pattern`, in which `{name}` stands for the rest of the path, a segment.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('{') {
        None => pattern == path,
        Some((prefix, _)) => {
            path.strip_prefix(prefix).is_some_and(|segment| !segment.is_empty() && !segment.contains('/'))
        }
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
struct ReloadLabels {
    outcome: &'static str,
}

const LOADED: &str = "loaded";
const FAILED: &str = "failed";

/// The counters of one service; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram>,
    in_flight: Gauge<i64, AtomicI64>,
    stages: [Histogram; 3],
    reloads: Family<ReloadLabels, Counter>,
    reload_failed: Gauge<i64, AtomicI64>,
}

/// The model that `scorer` uses when the metrics are fetched.
struct ModelInUse(Arc<dyn Scorer>);

impl fmt::Debug for ModelInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelInUse").field(&self.0.info()).finish()
    }
}

impl Collector for ModelInUse {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let model = self.0.info();
        let objective = model.objective.clone().unwrap_or_default();
        let info = Info::new([("version", model.version.clone()), ("objective", objective)]);
        info.encode(encoder.encode_descriptor("model", "The model in use", None, MetricType::Info)?)
    }
}

impl Metrics {
    /// All counters at zero, and the model that `scorer` uses; `upstreams` counts already.
    #[must_use]
    pub fn new(scorer: Arc<dyn Scorer>, upstreams: &UpstreamMetrics) -> Self {
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
        registry.register_collector(Box::new(ModelInUse(scorer)));
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
        registry.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let stages =
            Stages::default().named().map(|(stage, _)| stages.get_or_create(&StageLabels { stage }).clone());
        let registry = Arc::new(registry);
        Self { registry, requests, durations, in_flight, stages, reloads, reload_failed }
    }

    /// A new model serves.
    pub fn model_reloaded(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: LOADED }).inc();
        self.model_is_current();
    }

    /// A new model could not be put to use.
    pub fn model_not_reloaded(&self) {
        self.reloads.get_or_create(&ReloadLabels { outcome: FAILED }).inc();
        self.reload_failed.set(1);
    }

    /// The model in use is the newest there is.
    pub fn model_is_current(&self) {
        self.reload_failed.set(0);
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
