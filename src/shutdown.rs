//! When to stop.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::telemetry::log::Lines;

/// How long a second signal waits for its log line.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Completes on the first SIGTERM or SIGINT. A second one then ends the process at once, with exit code 1.
///
/// # Errors
/// The process cannot listen for signals.
pub fn stop_signal(log: Lines) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!("{name}: stopping");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            warn!("second signal: stopping at once");
            log.flush(LAST_WORD);
            std::process::exit(1);
        });
    })
}
