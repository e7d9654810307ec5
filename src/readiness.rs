//! Whether the service should be sent requests: not while it drains, and only while both of its ports answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::inference::{Inference, InferenceError};

/// A probe that went well is believed for this long, so that many probers cost the upstreams no more than one.
const BELIEVED: Duration = Duration::from_secs(1);
/// Longest time a probe may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state of one service, shared by its server and its probers.
pub struct Readiness {
    inference: Arc<Inference>,
    draining: AtomicBool,
    last_good: Mutex<Option<Instant>>,
}

/// Why the service should not be sent requests.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It is about to stop.
    #[error("the service is draining: it finishes what it has and stops")]
    Draining,
    /// A port does not answer.
    #[error("a part of the service does not answer")]
    Probe(#[from] InferenceError),
    /// A port does not answer in time.
    #[error("a part of the service did not answer within {PATIENCE:?}")]
    Slow,
}

impl NotReady {
    /// Whether an upstream is down, which may be over soon, rather than a part of our own.
    #[must_use]
    pub fn is_of_upstream(&self) -> bool {
        match self {
            Self::Probe(error) => error.upstream().is_some(),
            Self::Slow => true,
            Self::Draining => false,
        }
    }
}

impl Readiness {
    /// The readiness of a service that scores through `inference`.
    #[must_use]
    pub fn new(inference: Arc<Inference>) -> Self {
        Self { inference, draining: AtomicBool::new(false), last_good: Mutex::new(None) }
    }

    /// Whether the service is ready: from a recent probe, or from one made now.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn check(&self) -> Result<(), NotReady> {
        if self.is_draining() {
            return Err(NotReady::Draining);
        }
        // Held over the probe on purpose: the others wait for its outcome instead of probing too.
        let mut last_good = self.last_good.lock().await;
        if last_good.is_some_and(|at| at.elapsed() < BELIEVED) {
            return Ok(());
        }
        tokio::time::timeout(PATIENCE, self.inference.probe()).await.map_err(|_| NotReady::Slow)??;
        *last_good = Some(Instant::now());
        Ok(())
    }

    /// From now on the service is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the service is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
