//! When to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Completes on the first SIGTERM or SIGINT. A second one then ends the process at once, by its default action.
///
/// # Errors
/// The process cannot listen for signals.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
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
            tracing::warn!("second signal: stopping at once");
            std::process::exit(1);
        });
    })
}
