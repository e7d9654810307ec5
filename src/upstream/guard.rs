//! The guard before an upstream: so many calls at once and no more, and none at all for a while after many failed.
//!
//! Each upstream has its own, so that a failing one takes nothing from the others. The deadline of a request needs no
//! guard: when it passes, the request is dropped with all that it waits for here.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::UpstreamError;
use crate::config::Calls;
use crate::metrics::UpstreamMetrics;

/// The guard of one upstream.
pub struct Guard {
    upstream: &'static str,
    permits: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
    /// Whether the last call was answered, if only with what it did not like about the rows.
    answered: AtomicBool,
    circuit: Mutex<Circuit>,
    failures: u32,
    pause: Duration,
    metrics: UpstreamMetrics,
}

/// The circuit breaker's state.
#[derive(Debug)]
enum Circuit {
    /// Nothing is known yet.
    New,
    /// Calls pass; so many of them failed since the last good one.
    Closed { failed: u32 },
    /// None passes before then; after it, the next one is the trial.
    Open { until: Instant },
    /// One call is under way that decides.
    Trial,
}

impl Guard {
    /// A guard with the limits of `calls`; `upstream` is its name in metrics.
    #[must_use]
    pub fn new(upstream: &'static str, calls: &Calls, metrics: UpstreamMetrics) -> Self {
        metrics.circuit(upstream, false);
        Self {
            upstream,
            permits: Semaphore::new(calls.in_flight.min(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            most_waiting: calls.waiting,
            answered: AtomicBool::new(false),
            circuit: Mutex::new(Circuit::New),
            failures: calls.breaker_failures,
            pause: calls.breaker_pause,
            metrics,
        }
    }

    /// Makes `call` if it may be made, when there is room for it. `ailment` finds in an error what it says about the
    /// upstream, if anything.
    ///
    /// # Errors
    /// Those of `call`; also that it may not be made.
    pub async fn call<T, E: From<UpstreamError>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        ailment: impl Fn(&E) -> Option<&UpstreamError>,
    ) -> Result<T, E> {
        let permit = self.permit().await.map_err(|error| self.turned_away(error))?;
        let trial = self.admit().map_err(|error| self.turned_away(error))?;
        let outcome = call.await;
        let error = outcome.as_ref().err().and_then(&ailment);
        self.metrics.called(
            self.upstream,
            match (&outcome, error) {
                (Ok(_), _) => "ok",
                (Err(_), None) => "rejected",
                (Err(_), Some(error)) => error.outcome(),
            },
        );
        self.answered.store(error.is_none(), Ordering::Relaxed);
        self.note(error.is_some_and(UpstreamError::is_outage));
        // Noted: there is nothing left to undo.
        trial.over();
        drop(permit);
        outcome
    }

    /// Whether the upstream answered last time, so that nobody needs to ask it again just to know.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.answered.load(Ordering::Relaxed) && matches!(*self.circuit(), Circuit::Closed { .. })
    }

    async fn permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, UpstreamError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.most_waiting).ok_or(UpstreamError::Overloaded)?;
        let permit = self.permits.acquire().await;
        Ok(permit.unwrap_or_else(|_| unreachable!("nobody closes this semaphore")))
    }

    fn admit(&self) -> Result<Trial<'_>, UpstreamError> {
        let mut circuit = self.circuit();
        match *circuit {
            Circuit::New | Circuit::Closed { .. } => Ok(Trial { guard: None }),
            Circuit::Open { until } => match until.checked_duration_since(Instant::now()) {
                Some(pause) if !pause.is_zero() => Err(UpstreamError::Open { pause }),
                _ => {
                    *circuit = Circuit::Trial;
                    Ok(Trial { guard: Some(self) })
                }
            },
            Circuit::Trial => Err(UpstreamError::Open { pause: self.pause }),
        }
    }

    fn note(&self, failed: bool) {
        let mut circuit = self.circuit();
        let was_closed = matches!(*circuit, Circuit::New | Circuit::Closed { .. });
        *circuit = match (&*circuit, failed) {
            (Circuit::New | Circuit::Closed { .. } | Circuit::Trial, false) => Circuit::Closed { failed: 0 },
            (Circuit::New, true) if self.failures > 1 => Circuit::Closed { failed: 1 },
            (Circuit::Closed { failed }, true) if failed + 1 < self.failures => {
                Circuit::Closed { failed: failed + 1 }
            }
            // A call from before it opened says nothing about the time after.
            (Circuit::Open { until }, _) => Circuit::Open { until: *until },
            (_, true) => Circuit::Open { until: Instant::now() + self.pause },
        };
        let is_closed = matches!(*circuit, Circuit::Closed { .. });
        if was_closed != is_closed {
            self.metrics.circuit(self.upstream, !is_closed);
        }
    }

    fn turned_away(&self, error: UpstreamError) -> UpstreamError {
        self.metrics.called(self.upstream, error.outcome());
        error
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that may decide; if it is dropped before it did, the next call may.
struct Trial<'g> {
    guard: Option<&'g Guard>,
}

impl Trial<'_> {
    fn over(mut self) {
        self.guard = None;
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let Some(guard) = self.guard {
            *guard.circuit() = Circuit::Open { until: Instant::now() };
        }
    }
}

/// A place in the queue for a permit, given back when its holder moves on or is gone.
struct Place<'g>(&'g AtomicUsize);

impl<'g> Place<'g> {
    fn take(waiting: &'g AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(waiting);
        // Counted before it is looked at, so that two that come together are two.
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
