//! A circuit breaker: after many failures an upstream is left alone for a while, then one trial call decides.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::UpstreamError;

/// The breaker of one upstream.
pub struct CircuitBreaker {
    state: Mutex<State>,
    failures: u32,
    pause: Duration,
}

#[derive(Debug)]
enum State {
    /// Nothing is known yet.
    New,
    /// Calls pass; so many of them failed since the last good one.
    Closed { failed: u32 },
    /// None passes before then; after it, the next one is the trial.
    Open { until: Instant },
    /// One call is in flight that decides.
    HalfOpen,
}

impl CircuitBreaker {
    /// Opens after `failures` in a row, for `pause`.
    #[must_use]
    pub fn new(failures: u32, pause: Duration) -> Self {
        Self { state: Mutex::new(State::New), failures, pause }
    }

    /// Whether calls pass and one has succeeded.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }

    /// Lets a call pass. The trial, if the call is one, must live until the call is recorded.
    ///
    /// # Errors
    /// The circuit is open.
    pub fn admit(&self) -> Result<Trial<'_>, UpstreamError> {
        let mut state = self.state();
        match *state {
            State::New | State::Closed { .. } => Ok(Trial { breaker: None }),
            State::Open { until } => match until.checked_duration_since(Instant::now()) {
                Some(pause) if !pause.is_zero() => Err(UpstreamError::Open { pause }),
                _ => {
                    *state = State::HalfOpen;
                    Ok(Trial { breaker: Some(self) })
                }
            },
            State::HalfOpen => Err(UpstreamError::Open { pause: self.pause }),
        }
    }

    /// Counts a call; says whether the circuit is open, if that has changed.
    pub fn record(&self, failed: bool) -> Option<bool> {
        let mut state = self.state();
        let was_open = matches!(*state, State::Open { .. } | State::HalfOpen);
        *state = match (&*state, failed) {
            (State::New | State::Closed { .. } | State::HalfOpen, false) => State::Closed { failed: 0 },
            (State::New, true) if self.failures > 1 => State::Closed { failed: 1 },
            (State::Closed { failed }, true) if failed + 1 < self.failures => {
                State::Closed { failed: failed + 1 }
            }
            // A call from before it opened says nothing about the time after.
            (State::Open { until }, _) => State::Open { until: *until },
            (_, true) => State::Open { until: Instant::now() + self.pause },
        };
        let is_open = matches!(*state, State::Open { .. } | State::HalfOpen);
        (was_open != is_open).then_some(is_open)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that may decide; if it is dropped before it did, the next call may.
pub struct Trial<'b> {
    breaker: Option<&'b CircuitBreaker>,
}

impl Trial<'_> {
    /// The call is recorded.
    pub fn over(mut self) {
        self.breaker = None;
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.breaker {
            *breaker.state() = State::Open { until: Instant::now() };
        }
    }
}
