//! What handlers reach.

use std::sync::Arc;
use std::time::Duration;

use super::answers::AnswerCache;
use super::page::PageFiles;
use crate::access::Access;
use crate::admission::Admission;
use crate::config::Container;
use crate::inference::Inference;
use crate::products::ProductNames;
use crate::readiness::Readiness;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::Metrics;

/// The parts of one service that its APIs are made over; cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Parts>);

/// See [`ApiState`].
pub struct Parts {
    /// The use case.
    pub inference: Arc<Inference>,
    /// Whether requests should be sent.
    pub readiness: Arc<Readiness>,
    /// What is counted.
    pub metrics: Metrics,
    /// What products are called.
    pub product_names: Arc<ProductNames>,
    /// Where requests are logged, if they are.
    pub access_log: Option<AccessLog>,
    /// The bound on heavy work.
    pub admission: Admission,
    /// What protocols that name models call the one here.
    pub model_name: String,
    /// Headers that go on to the scorer.
    pub pass_headers: Vec<String>,
    /// Largest request body, in bytes.
    pub body_limit: usize,
    /// Most rows of a request.
    pub rows_limit: usize,
    /// How `/invocations` answers.
    pub container: Arc<Container>,
    /// The endpoints that `/endpoints/…` answers to; empty for any.
    pub endpoint_names: Vec<String>,
    /// Longest time of a request.
    pub deadline: Duration,
    /// The page's files.
    pub files: PageFiles,
    /// Who may ask; `None` for everybody.
    pub access: Option<Arc<Access>>,
    /// What is remembered of answers, if anything.
    pub answers: Option<AnswerCache>,
    /// Whether connections are secured, so that browsers may be told to come by TLS alone.
    pub is_tls: bool,
}

impl From<Parts> for ApiState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
