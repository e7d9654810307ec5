use std::cell::Cell;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imba::cause::cause;
use imba::config::Calls;
use imba::telemetry::metrics::UpstreamMetrics;
use imba::upstream::aws::CredentialsCache;
use imba::upstream::{Gate, UpstreamError};
use tokio::task::JoinSet;
use tokio::time::Instant;

const PAUSE: Duration = Duration::from_millis(300);
const ATTEMPT: Duration = Duration::from_millis(120);

fn gate(in_flight: usize, waiting: usize, attempts: u32) -> Gate {
    let calls = Calls {
        attempt_timeout: ATTEMPT,
        timeout: Duration::from_secs(8),
        attempts,
        in_flight,
        waiting,
        breaker_rate: 0.6,
        breaker_calls: 4,
        breaker_pause: PAUSE,
    };
    Gate::new("test", &calls, CredentialsCache::default(), UpstreamMetrics::default())
}

/// A call of attempts that come to `outcome`, and their number.
async fn call(gate: &Gate, outcome: Result<(), UpstreamError>) -> (Result<(), UpstreamError>, usize) {
    let made = Cell::new(0);
    let attempt = || {
        made.set(made.get() + 1);
        std::future::ready(outcome.clone())
    };
    let outcome = gate.call(gate.attempts(attempt, itself), itself).await;
    (outcome, made.get())
}

#[expect(clippy::unnecessary_wraps, reason = "what the gate asks for")]
fn itself(error: &UpstreamError) -> Option<&UpstreamError> {
    Some(error)
}

fn down() -> Result<(), UpstreamError> {
    Err(UpstreamError::Unavailable(cause("down")))
}

fn is_open(outcome: &Result<(), UpstreamError>) -> bool {
    matches!(outcome, Err(UpstreamError::Open { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_failures_opens_the_circuit_and_a_good_trial_closes_it() {
    let gate = gate(8, 8, 1);
    assert!(!gate.is_healthy(), "nobody knows yet");
    for outcome in [down(), Ok(()), down(), Ok(()), Ok(()), down(), Ok(())] {
        let is_bad = outcome.is_err();
        assert_eq!(call(&gate, outcome).await.0.is_err(), is_bad);
    }
    let refused = UpstreamError::Refused { code: "AccessDeniedException".to_owned(), source: cause("x") };
    call(&gate, Err(refused)).await.0.expect_err("refused");
    assert!(!gate.is_healthy(), "it is there, but not for us");
    call(&gate, Ok(())).await.0.expect("three failures of nine are no outage");
    assert!(gate.is_healthy());
    while !is_open(&call(&gate, down()).await.0) {}
    assert!(is_open(&call(&gate, Ok(())).await.0));
    tokio::time::sleep(PAUSE).await;
    call(&gate, down()).await.0.expect_err("the trial fails");
    assert!(is_open(&call(&gate, Ok(())).await.0));
    tokio::time::sleep(PAUSE).await;
    call(&gate, Ok(())).await.0.expect("the trial succeeds");
    assert!(gate.is_healthy());
    call(&gate, down()).await.0.expect_err("one failure of one is not enough to open again");
    call(&gate, Ok(())).await.0.expect("closed");
}

/// Whoever makes the trial may hang up; the next caller makes it then, and the circuit does not stay open for ever.
#[tokio::test(start_paused = true)]
async fn a_trial_that_is_dropped() {
    let gate = gate(8, 8, 1);
    for _ in 0..4 {
        call(&gate, down()).await.0.expect_err("down");
    }
    tokio::time::sleep(PAUSE).await;
    let trial = gate.attempts(pending::<Result<(), UpstreamError>>, itself);
    tokio::time::timeout(Duration::from_millis(5), trial).await.expect_err("the caller hangs up");
    call(&gate, Ok(())).await.0.expect("the next trial");
}

/// Failures that the next attempt makes good never run out of retries, nor open the circuit.
#[tokio::test(start_paused = true)]
async fn every_other_attempt_fails() {
    let gate = gate(8, 8, 3);
    let attempts = Cell::new(0);
    for _ in 0..200 {
        let attempt = || {
            attempts.set(attempts.get() + 1);
            std::future::ready(if attempts.get() % 2 == 0 { down() } else { Ok(()) })
        };
        gate.attempts(attempt, itself).await.expect("made good");
    }
    assert_eq!(attempts.get(), 399, "the first succeeds, then every other one");
}

/// Callers come and come while an upstream hangs, then while it is down: few wait, none for three attempts, and the upstream
/// hears of few.
#[tokio::test(start_paused = true)]
async fn an_outage_costs_little() {
    for hangs in [true, false] {
        let gate = Arc::new(gate(64, 1024, 3));
        call(&gate, Ok(())).await.0.expect("well at first");
        let attempts = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..16 {
            let (gate, attempts) = (Arc::clone(&gate), Arc::clone(&attempts));
            callers.spawn(async move {
                let started = Instant::now();
                let (mut requests, mut slowest, mut most) = (0, Duration::ZERO, 0);
                while started.elapsed() < PAUSE * 10 {
                    let (asked, own) = (Instant::now(), AtomicUsize::new(0));
                    let attempt = || {
                        own.fetch_add(1, Ordering::Relaxed);
                        attempts.fetch_add(1, Ordering::Relaxed);
                        async move { if hangs { pending().await } else { down() } }
                    };
                    let outcome = gate.call(gate.attempts(attempt, itself), itself).await;
                    outcome.expect_err("down");
                    (requests, slowest) = (requests + 1, slowest.max(asked.elapsed()));
                    most = most.max(own.into_inner());
                    tokio::time::sleep(PAUSE / 5).await;
                }
                (requests, slowest, most)
            });
        }
        let callers = callers.join_all().await;
        let requests: usize = callers.iter().map(|(requests, ..)| requests).sum();
        let slowest = callers.iter().map(|(_, slowest, _)| *slowest).max().expect("callers");
        let most = callers.iter().map(|(.., most)| *most).max().expect("callers");
        let calls = attempts.load(Ordering::Relaxed);
        let rate = calls as f64 / requests as f64;
        println!(
            "hangs: {hangs}: {requests} requests, {calls} calls, {rate:.2} per request, slowest caller waited {slowest:?} (an attempt takes {ATTEMPT:?})"
        );
        assert!(rate <= 1.2, "{calls} calls for {requests} requests");
        assert!(!hangs || most <= 2, "no caller waits for {most} attempts");
    }
}

/// One caller alone, to whom everything hangs, does not wait for every attempt again and again.
#[tokio::test(start_paused = true)]
async fn one_caller_of_an_upstream_that_hangs() {
    let gate = gate(8, 8, 3);
    let mut attempts = Vec::new();
    for _ in 0..3 {
        let made = Cell::new(0);
        let attempt = || {
            made.set(made.get() + 1);
            pending::<Result<(), UpstreamError>>()
        };
        gate.call(gate.attempts(attempt, itself), itself).await.expect_err("it hangs");
        attempts.push(made.get());
    }
    assert_eq!(attempts, [2, 1, 0]);
}

/// Credentials that are refused are looked for anew and tried once more, not again and again.
#[tokio::test(start_paused = true)]
async fn expired_credentials_are_tried_once_more() {
    let gate = gate(8, 8, 3);
    let expired = || UpstreamError::Expired { code: "ExpiredToken".to_owned(), source: cause("x") };
    assert_eq!(call(&gate, Err(expired())).await.1, 2);
    assert_eq!(call(&gate, Err(expired())).await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_so_many_waiting() {
    let gate = gate(1, 1, 1);
    let running = gate.call(pending::<Result<(), UpstreamError>>(), itself);
    let waiting = call(&gate, Ok(()));
    tokio::pin!(running, waiting);
    tokio::select! {
        biased;
        _ = &mut running => panic!("it never ends"),
        _ = &mut waiting => panic!("there is no room"),
        (turned_away, _) = call(&gate, Ok(())) => assert!(matches!(turned_away, Err(UpstreamError::Overloaded))),
    }
}
