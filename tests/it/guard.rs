use std::future::pending;
use std::time::Duration;

use imba::config::Calls;
use imba::metrics::UpstreamMetrics;
use imba::upstream::UpstreamError;
use imba::upstream::guard::Guard;

const PAUSE: Duration = Duration::from_millis(30);

fn guard(in_flight: usize, waiting: usize) -> Guard {
    let calls = Calls {
        attempt_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        attempts: 1,
        in_flight,
        waiting,
        breaker_failures: 2,
        breaker_pause: PAUSE,
    };
    Guard::new("test", &calls, UpstreamMetrics::default())
}

async fn call(guard: &Guard, outcome: Result<(), UpstreamError>) -> Result<(), UpstreamError> {
    guard.call(async { outcome }, itself).await
}

#[expect(clippy::unnecessary_wraps, reason = "what the guard asks for")]
fn itself(error: &UpstreamError) -> Option<&UpstreamError> {
    Some(error)
}

fn down() -> Result<(), UpstreamError> {
    Err(UpstreamError::Unavailable("down".into()))
}

#[tokio::test]
async fn failures_in_a_row_open_the_circuit_and_a_good_trial_closes_it() {
    let guard = guard(8, 8);
    assert!(!guard.is_well(), "nobody knows yet");
    for outcome in [down(), Ok(()), down()] {
        let _ = call(&guard, outcome).await;
    }
    let refused = UpstreamError::Refused { code: "ExpiredTokenException".to_owned(), source: "x".into() };
    call(&guard, Err(refused)).await.expect_err("refused");
    assert!(!guard.is_well(), "it is there, but not for us");
    call(&guard, Ok(())).await.expect("and the circuit is closed");
    assert!(guard.is_well());
    for _ in 0..2 {
        call(&guard, down()).await.expect_err("down");
    }
    assert!(matches!(call(&guard, Ok(())).await, Err(UpstreamError::Open { .. })));
    tokio::time::sleep(PAUSE).await;
    call(&guard, down()).await.expect_err("the trial fails");
    assert!(matches!(call(&guard, Ok(())).await, Err(UpstreamError::Open { .. })));
    tokio::time::sleep(PAUSE).await;
    call(&guard, Ok(())).await.expect("the trial succeeds");
    assert!(guard.is_well());
}

/// Whoever makes the trial may hang up; the next caller makes it then, and the circuit does not stay open for ever.
#[tokio::test]
async fn a_trial_that_is_dropped() {
    let guard = guard(8, 8);
    for _ in 0..2 {
        call(&guard, down()).await.expect_err("down");
    }
    tokio::time::sleep(PAUSE).await;
    let trial = guard.call(pending::<Result<(), UpstreamError>>(), itself);
    tokio::time::timeout(Duration::from_millis(5), trial).await.expect_err("the caller hangs up");
    call(&guard, Ok(())).await.expect("the next trial");
}

#[tokio::test]
async fn so_many_at_once_and_so_many_waiting() {
    let guard = guard(1, 1);
    let running = guard.call(pending::<Result<(), UpstreamError>>(), itself);
    let waiting = call(&guard, Ok(()));
    tokio::pin!(running, waiting);
    tokio::select! {
        biased;
        _ = &mut running => unreachable!("it never ends"),
        _ = &mut waiting => unreachable!("there is no room"),
        turned_away = call(&guard, Ok(())) => assert!(matches!(turned_away, Err(UpstreamError::Overloaded))),
    }
}
