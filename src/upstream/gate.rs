//! The gate before an upstream: a bulkhead before each call, then for each of its attempts a circuit breaker and a timeout,
//! and a count of what came of them.
//!
//! Each upstream has its own, so that a failing one takes nothing from the others. The deadline of a request needs no gate:
//! when it expires, the request is dropped with all that it waits for here. The clients themselves retry nothing: an attempt
//! that is not counted would escape the limits.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::UpstreamError;
use super::aws::CredentialsCache;
use super::breaker::{CircuitBreaker, Outcome};
use super::budget::RetryBudget;
use super::bulkhead::{Bulkhead, WaitQueue};
use crate::cause::cause;
use crate::config::Calls;
use crate::telemetry::metrics::UpstreamMetrics;

/// First and longest wait before another attempt; each is shortened at random.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(500));

/// The gate of one upstream.
pub struct Gate {
    upstream: &'static str,
    calls: Calls,
    bulkhead: Bulkhead,
    breaker: CircuitBreaker,
    budget: RetryBudget,
    credentials: CredentialsCache,
    /// Whether the last attempt was answered, even if only with an objection to the rows.
    answered: AtomicBool,
    metrics: UpstreamMetrics,
}

impl Gate {
    /// A gate with the limits of `calls` before a client that holds its credentials in `credentials`; `upstream` is its name
    /// in metrics.
    #[must_use]
    pub fn new(
        upstream: &'static str,
        calls: &Calls,
        credentials: CredentialsCache,
        metrics: UpstreamMetrics,
    ) -> Self {
        metrics.circuit(upstream, false);
        Self {
            upstream,
            bulkhead: Bulkhead::new(calls.in_flight, calls.waiting),
            breaker: CircuitBreaker::new(calls.breaker_rate, calls.breaker_calls, calls.breaker_pause),
            budget: RetryBudget::default(),
            calls: calls.clone(),
            credentials,
            answered: AtomicBool::new(false),
            metrics,
        }
    }

    /// The queue before it.
    #[must_use]
    pub fn queue(&self) -> WaitQueue {
        self.bulkhead.queue()
    }

    /// Makes `call`, which consists of attempts, when there is room for it. `fault` finds in an error what it says about the
    /// upstream, if anything.
    ///
    /// # Errors
    /// Those of `call`; also that there is no room.
    pub async fn call<T, E: From<UpstreamError>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        fault: impl Fn(&E) -> Option<&UpstreamError>,
    ) -> Result<T, E> {
        let outcome = match self.bulkhead.permit().await {
            Ok(_permit) => call.await,
            Err(full) => Err(full.into()),
        };
        let word = match &outcome {
            Ok(_) => "ok",
            Err(error) => fault(error).map_or("rejected", UpstreamError::outcome),
        };
        self.metrics.called(self.upstream, word);
        outcome
    }

    /// Makes one request by `attempt`, again where that may help: the upstream failed and the budget for retries allows it,
    /// or it no longer takes our credentials and there may be newer ones.
    ///
    /// # Errors
    /// That of the last attempt; also that the circuit is open.
    pub async fn attempts<T, E: From<UpstreamError>, F: Future<Output = Result<T, E>>>(
        &self,
        attempt: impl Fn() -> F,
        fault: impl Fn(&E) -> Option<&UpstreamError>,
    ) -> Result<T, E> {
        let until = Instant::now() + self.calls.timeout;
        let mut retries = self.budget.call();
        let (mut left, mut pause) = (self.calls.attempts, BACKOFF.0);
        let mut last = None;
        loop {
            let admitted = match self.breaker.admit() {
                Ok(admitted) => admitted,
                // The upstream's own error says more.
                Err(open) => return Err(last.unwrap_or_else(|| open.into())),
            };
            self.metrics.attempted(self.upstream);
            let started = Instant::now();
            let outcome = in_time(self.calls.attempt_timeout.min(until - started), attempt()).await;
            let error = outcome.as_ref().err().and_then(&fault);
            self.answered.store(error.is_none_or(UpstreamError::is_answer), Ordering::Relaxed);
            if let Some(is_open) = admitted.over(outcome_of(error)) {
                self.metrics.circuit(self.upstream, is_open);
            }
            left -= 1;
            let again = match error {
                Some(UpstreamError::Expired { .. }) => self.credentials.renew(started),
                Some(error) if error.is_outage() && left > 0 && self.breaker.is_closed() => {
                    let timed_out = matches!(error, UpstreamError::TimedOut(_));
                    // After a timeout there is one retry only: the caller has waited long enough.
                    left = if timed_out { 1 } else { left };
                    let wait = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
                    let again = Instant::now() + wait < until && retries.pay(timed_out);
                    if again {
                        sleep(wait).await;
                        pause = (pause * 2).min(BACKOFF.1);
                    }
                    again
                }
                _ => false,
            };
            match outcome {
                Err(error) if again => last = Some(error),
                Ok(answer) => {
                    retries.succeeded();
                    return Ok(answer);
                }
                Err(error) => return Err(error),
            }
            left = left.max(1);
        }
    }

    /// Whether the upstream answered last time, so that no extra call is needed to find out.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.answered.load(Ordering::Relaxed) && self.breaker.is_closed()
    }
}

fn outcome_of(error: Option<&UpstreamError>) -> Outcome {
    match error {
        Some(UpstreamError::TimedOut(_)) => Outcome::TimedOut,
        Some(error) if error.is_outage() => Outcome::Failed,
        _ => Outcome::Answered,
    }
}

async fn in_time<T, E: From<UpstreamError>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(limit, work).await.unwrap_or_else(|_| {
        Err(UpstreamError::TimedOut(cause(format!("there was no answer within {limit:?}"))).into())
    })
}
