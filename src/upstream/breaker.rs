//! A circuit breaker: an upstream that mostly fails, or hangs, is not called for a while; then one trial attempt decides.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::UpstreamError;

/// How long an attempt is remembered, and how many at most: under heavy traffic only the newest count.
const WINDOW: Duration = Duration::from_secs(10);
const MOST: usize = 100;
/// After this many timeouts with no answer in between, the upstream counts as hanging.
const HANGS: u32 = 3;

/// What an attempt says about the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It answered, whether or not it accepted the request.
    Answered,
    /// It failed, or asks for fewer calls.
    Failed,
    /// It did not answer in time.
    TimedOut,
}

/// The breaker of one upstream.
pub(super) struct CircuitBreaker {
    state: Mutex<State>,
    rate: f64,
    calls: usize,
    pause: Duration,
}

struct State {
    phase: Phase,
    /// Attempts that have ended lately, and whether they failed.
    recent: VecDeque<(Instant, bool)>,
    /// Those that timed out since the last answer.
    timeouts: u32,
    /// How often it has opened: an attempt from before says nothing about the time after.
    opened: u64,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Attempts pass.
    Closed,
    /// None passes before then; after it, the next one is the trial.
    Open { until: Instant },
    /// One attempt is in flight that decides.
    HalfOpen,
}

impl CircuitBreaker {
    /// Opens for `pause` when `rate` of the attempts of the last seconds failed, of which there must be `calls`; also when
    /// several time out in a row.
    #[must_use]
    pub(super) fn new(rate: f64, calls: usize, pause: Duration) -> Self {
        let state = State { phase: Phase::Closed, recent: VecDeque::new(), timeouts: 0, opened: 0 };
        Self { state: Mutex::new(state), rate, calls: calls.min(MOST), pause }
    }

    /// Whether attempts pass.
    #[must_use]
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state().phase, Phase::Closed)
    }

    /// Lets an attempt pass.
    ///
    /// # Errors
    /// The circuit is open.
    pub(super) fn admit(&self) -> Result<Attempt<'_>, UpstreamError> {
        let mut state = self.state();
        let is_trial = match state.phase {
            Phase::Closed => false,
            Phase::Open { until } => match until.checked_duration_since(Instant::now()) {
                Some(pause) if !pause.is_zero() => return Err(UpstreamError::Open { pause }),
                _ => {
                    state.phase = Phase::HalfOpen;
                    true
                }
            },
            Phase::HalfOpen => return Err(UpstreamError::Open { pause: self.pause }),
        };
        Ok(Attempt { breaker: self, is_trial, opened: state.opened, recorded: false })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, state: &mut State) {
        state.phase = Phase::Open { until: Instant::now() + self.pause };
        state.opened += 1;
        state.recent.clear();
        state.timeouts = 0;
    }
}

impl State {
    fn remember(&mut self, outcome: Outcome) {
        let now = Instant::now();
        while self.recent.len() >= MOST || self.recent.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.recent.pop_front();
        }
        self.recent.push_back((now, outcome != Outcome::Answered));
        match outcome {
            Outcome::Answered => self.timeouts = 0,
            Outcome::Failed => {}
            Outcome::TimedOut => self.timeouts += 1,
        }
    }

    fn is_too_much(&self, rate: f64, calls: usize) -> bool {
        let failed = self.recent.iter().filter(|(_, failed)| *failed).count();
        let is_failing = self.recent.len() >= calls && failed as f64 >= rate * self.recent.len() as f64;
        is_failing || self.timeouts >= HANGS
    }
}

/// An attempt under way. A trial that is dropped before its outcome is known leaves the decision to the next one.
pub(super) struct Attempt<'b> {
    breaker: &'b CircuitBreaker,
    is_trial: bool,
    opened: u64,
    recorded: bool,
}

impl Attempt<'_> {
    /// Counts it; says whether the circuit is open from now on, if that has changed.
    #[must_use]
    pub(super) fn over(mut self, outcome: Outcome) -> Option<bool> {
        self.recorded = true;
        let mut state = self.breaker.state();
        if state.opened != self.opened {
            return None;
        }
        let failed = outcome != Outcome::Answered;
        match (self.is_trial, failed) {
            (true, true) => {
                self.breaker.open(&mut state);
                None
            }
            (true, false) => {
                state.phase = Phase::Closed;
                Some(false)
            }
            (false, _) => {
                state.remember(outcome);
                let opens = failed && state.is_too_much(self.breaker.rate, self.breaker.calls);
                if opens {
                    self.breaker.open(&mut state);
                }
                opens.then_some(true)
            }
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_trial && !self.recorded {
            self.breaker.state().phase = Phase::Open { until: Instant::now() };
        }
    }
}
