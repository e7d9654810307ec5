//! Whether the service should be sent requests: not while it drains, and only while its own parts work.
//!
//! Upstreams count once: until they have answered for the first time the service is not ready. After that it is: another
//! instance would meet the same upstreams, and a request that needs none of them is answered. Upstreams are reported separately.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::inference::{Inference, InferenceError};

/// How long a probe's result is reused, so that many probers cost no more than one. What is wrong with our own parts
/// costs nothing to find, and is looked for each time.
const BELIEVED: Duration = Duration::from_secs(1);
/// Longest time a probe may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state of one service, shared by its server and its probers.
pub struct Readiness {
    inference: Arc<Inference>,
    draining: AtomicBool,
    /// Whether all upstreams have answered once.
    begun: AtomicBool,
    own: Probe,
    upstreams: Probe,
}

/// Why the service should not be sent requests.
#[derive(Debug, Clone, thiserror::Error)]
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

    /// What may be said of it to those who ask about upstreams.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Probe(error) if error.upstream().is_some() => error.to_string(),
            other => other.to_string(),
        }
    }
}

impl Readiness {
    /// The readiness of a service that scores through `inference`.
    #[must_use]
    pub fn new(inference: Arc<Inference>) -> Self {
        Self {
            inference,
            draining: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            own: Probe::default(),
            upstreams: Probe::default(),
        }
    }

    /// Whether the service is ready: from a recent probe, or from one made now.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn check(&self) -> Result<(), NotReady> {
        if self.is_draining() {
            return Err(NotReady::Draining);
        }
        self.own.outcome(self.inference.probe_own()).await?;
        if self.begun.load(Ordering::Relaxed) { Ok(()) } else { self.check_upstreams().await }
    }

    /// Whether the upstreams answer, whatever the service's own state.
    ///
    /// # Errors
    /// Why one does not.
    pub async fn check_upstreams(&self) -> Result<(), NotReady> {
        self.upstreams.outcome(self.inference.probe_upstreams()).await?;
        self.begun.store(true, Ordering::Relaxed);
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

/// What the last probe of a kind found, and when.
#[derive(Default)]
struct Probe(Mutex<Option<(Instant, Result<(), NotReady>)>>);

impl Probe {
    /// What `probe` finds, or what another one found a moment ago.
    async fn outcome(&self, probe: impl Future<Output = Result<(), InferenceError>>) -> Result<(), NotReady> {
        // Held during the probe on purpose: the others wait for its outcome instead of probing too.
        let mut last = timeout(PATIENCE, self.0.lock()).await.map_err(|_| NotReady::Slow)?;
        if let Some((at, found)) = &*last
            && at.elapsed() < BELIEVED
            && found.as_ref().err().is_none_or(NotReady::is_of_upstream)
        {
            return found.clone();
        }
        let found = match timeout(PATIENCE, probe).await {
            Ok(found) => found.map_err(NotReady::from),
            Err(_) => Err(NotReady::Slow),
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}
