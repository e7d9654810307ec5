//! The gate before an upstream: a bulkhead, then a circuit breaker, and a count of what came of each call.
//!
//! Each upstream has its own, so that a failing one takes nothing from the others. The deadline of a request needs no gate:
//! when it passes, the request is dropped with all that it waits for here.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use super::UpstreamError;
use super::breaker::CircuitBreaker;
use super::bulkhead::{Bulkhead, WaitQueue};
use crate::config::Calls;
use crate::telemetry::metrics::UpstreamMetrics;

/// The gate of one upstream.
pub struct Gate {
    upstream: &'static str,
    bulkhead: Bulkhead,
    breaker: CircuitBreaker,
    /// Whether the last call was answered, if only with what it did not like about the rows.
    answered: AtomicBool,
    metrics: UpstreamMetrics,
}

impl Gate {
    /// A gate with the limits of `calls`; `upstream` is its name in metrics.
    #[must_use]
    pub fn new(upstream: &'static str, calls: &Calls, metrics: UpstreamMetrics) -> Self {
        metrics.circuit(upstream, false);
        Self {
            upstream,
            bulkhead: Bulkhead::new(calls.in_flight, calls.waiting),
            breaker: CircuitBreaker::new(calls.breaker_failures, calls.breaker_pause),
            answered: AtomicBool::new(false),
            metrics,
        }
    }

    /// The queue before it.
    #[must_use]
    pub fn queue(&self) -> WaitQueue {
        self.bulkhead.queue()
    }

    /// Makes `call` if it may be made, when there is room for it. `fault` finds in an error what it says about the upstream,
    /// if anything.
    ///
    /// # Errors
    /// Those of `call`; also that it may not be made.
    pub async fn call<T, E: From<UpstreamError>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        fault: impl Fn(&E) -> Option<&UpstreamError>,
    ) -> Result<T, E> {
        let permit = self.bulkhead.permit().await.map_err(|error| self.shed(error))?;
        let trial = self.breaker.admit().map_err(|error| self.shed(error))?;
        let outcome = call.await;
        let error = outcome.as_ref().err().and_then(&fault);
        self.metrics.called(
            self.upstream,
            match (&outcome, error) {
                (Ok(_), _) => "ok",
                (Err(_), None) => "rejected",
                (Err(_), Some(error)) => error.outcome(),
            },
        );
        self.answered.store(error.is_none(), Ordering::Relaxed);
        if let Some(is_open) = self.breaker.record(error.is_some_and(UpstreamError::is_outage)) {
            self.metrics.circuit(self.upstream, is_open);
        }
        // Recorded: there is nothing left to undo.
        trial.over();
        drop(permit);
        outcome
    }

    /// Whether the upstream answered last time, so that nobody needs to ask it again just to know.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.answered.load(Ordering::Relaxed) && self.breaker.is_closed()
    }

    fn shed(&self, error: UpstreamError) -> UpstreamError {
        self.metrics.called(self.upstream, error.outcome());
        error
    }
}
