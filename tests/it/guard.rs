use std::future::pending;
use std::time::Duration;

use imba::cause::cause;
use imba::config::Calls;
use imba::telemetry::metrics::UpstreamMetrics;
use imba::upstream::{Gate, UpstreamError};

const PAUSE: Duration = Duration::from_millis(30);

fn gate(in_flight: usize, waiting: usize) -> Gate {
    let calls = Calls {
        attempt_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        attempts: 1,
        in_flight,
        waiting,
        breaker_failures: 2,
        breaker_pause: PAUSE,
    };
    Gate::new("test", &calls, UpstreamMetrics::default())
}

async fn call(gate: &Gate, outcome: Result<(), UpstreamError>) -> Result<(), UpstreamError> {
    gate.call(async { outcome }, itself).await
}

#[expect(clippy::unnecessary_wraps, reason = "what the gate asks for")]
fn itself(error: &UpstreamError) -> Option<&UpstreamError> {
    Some(error)
}

fn down() -> Result<(), UpstreamError> {
    Err(UpstreamError::Unavailable(cause("down")))
}

#[tokio::test]
async fn failures_in_a_row_open_the_circuit_and_a_good_trial_closes_it() {
    let gate = gate(8, 8);
    assert!(!gate.is_healthy(), "nobody knows yet");
    for outcome in [down(), Ok(()), down()] {
        let _ = call(&gate, outcome).await;
    }
    let refused = UpstreamError::Refused { code: "ExpiredTokenException".to_owned(), source: cause("x") };
    call(&gate, Err(refused)).await.expect_err("refused");
    assert!(!gate.is_healthy(), "it is there, but not for us");
    call(&gate, Ok(())).await.expect("and the circuit is closed");
    assert!(gate.is_healthy());
    for _ in 0..2 {
        call(&gate, down()).await.expect_err("down");
    }
    assert!(matches!(call(&gate, Ok(())).await, Err(UpstreamError::Open { .. })));
    tokio::time::sleep(PAUSE).await;
    call(&gate, down()).await.expect_err("the trial fails");
    assert!(matches!(call(&gate, Ok(())).await, Err(UpstreamError::Open { .. })));
    tokio::time::sleep(PAUSE).await;
    call(&gate, Ok(())).await.expect("the trial succeeds");
    assert!(gate.is_healthy());
}

/// Whoever makes the trial may hang up; the next caller makes it then, and the circuit does not stay open for ever.
#[tokio::test]
async fn a_trial_that_is_dropped() {
    let gate = gate(8, 8);
    for _ in 0..2 {
        call(&gate, down()).await.expect_err("down");
    }
    tokio::time::sleep(PAUSE).await;
    let trial = gate.call(pending::<Result<(), UpstreamError>>(), itself);
    tokio::time::timeout(Duration::from_millis(5), trial).await.expect_err("the caller hangs up");
    call(&gate, Ok(())).await.expect("the next trial");
}

#[tokio::test]
async fn so_many_at_once_and_so_many_waiting() {
    let gate = gate(1, 1);
    let running = gate.call(pending::<Result<(), UpstreamError>>(), itself);
    let waiting = call(&gate, Ok(()));
    tokio::pin!(running, waiting);
    tokio::select! {
        biased;
        _ = &mut running => panic!("it never ends"),
        _ = &mut waiting => panic!("there is no room"),
        turned_away = call(&gate, Ok(())) => assert!(matches!(turned_away, Err(UpstreamError::Overloaded))),
    }
}
