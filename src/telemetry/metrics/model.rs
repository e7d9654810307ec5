//! What is told of the model in use.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::info::Info;

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
