//! The service's metrics, for Prometheus to fetch.

mod access;
mod answers;
mod http;
mod model;
mod reloads;
mod shadow;
mod table;
mod upstreams;

use std::sync::Arc;

pub use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use access::{AccessMetrics, PlanMetrics};
pub use answers::AnswerMetrics;
pub use http::{HttpMetrics, RouteMetrics};
pub use model::ModelInUse;
pub use reloads::ReloadMetrics;
pub use shadow::ShadowMetrics;
pub use table::{TableFacts, TableInUse, TableMetrics};
pub use upstreams::UpstreamMetrics;

/// Upper bounds in seconds: from a single row in process to an upstream at its deadline.
const BUCKETS: [f64; 17] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

/// The counters of one service; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Of requests.
    pub http: HttpMetrics,
    /// Of new models.
    pub model: ReloadMetrics,
    /// Of callers.
    pub access: AccessMetrics,
    /// Of cached answers.
    pub answers: AnswerMetrics,
}

impl Metrics {
    /// All counters at zero; `upstreams` counts already, and `collectors` are asked whenever the metrics are fetched.
    #[must_use]
    pub fn new(upstreams: &UpstreamMetrics, collectors: Vec<Box<dyn Collector>>) -> Self {
        let mut registry = Registry::with_prefix("imba");
        upstreams.register(&mut registry);
        let http = HttpMetrics::register(&mut registry);
        let model = ReloadMetrics::default();
        model.register(&mut registry, "model", "model", "models");
        let (access, answers) = (AccessMetrics::default(), AnswerMetrics::default());
        access.register(&mut registry);
        answers.register(&mut registry);
        for collector in collectors {
            registry.register_collector(collector);
        }
        registry.register(
            "log_lines_dropped",
            "Log lines that were not written because standard error did not take them",
            super::log::DROPPED.clone(),
        );
        registry.register("build", "This program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self { registry: Arc::new(registry), http, model, access, answers }
    }

    /// All of them as `OpenMetrics` text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String does not fail: this is a bug");
        text
    }
}
