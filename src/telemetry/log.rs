//! Logging: levels and form from configuration, everything to standard error.
//!
//! Lines of the access log are gathered and written together, at the latest after `FLUSH_EVERY`: one system call for
//! many requests. Every other line is written at once, with what was gathered before it, so that the order is kept.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Gathered bytes that are written without waiting.
const FLUSH_SIZE: usize = 64 * 1024;

/// The log of this process. Writes what is gathered when dropped, at its end.
pub struct Telemetry {
    /// Where finished lines go.
    pub lines: Lines,
    /// Whether lines are JSON objects.
    pub json: bool,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.lines.flush();
    }
}

/// Starts logging for the whole process, panics included.
///
/// # Errors
/// The thread that writes gathered lines cannot be started.
pub fn init(log: Log) -> io::Result<Telemetry> {
    let terminal = stderr().is_terminal();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let lines = Lines::default();
    let filter = Targets::new()
        .with_target("imba", LevelFilter::from_level(log.level))
        .with_default(LevelFilter::WARN);
    let registry = tracing_subscriber::registry();
    if json {
        registry
            .with(layer().json().flatten_event(true).with_writer(lines.clone()).with_filter(filter))
            .init();
    } else {
        registry.with(layer().with_ansi(terminal).with_writer(lines.clone()).with_filter(filter)).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        tracing::error!(
            panic.location = location,
            "panic: {}",
            panic.payload_as_str().unwrap_or("no message")
        );
    }));
    let writer = lines.clone();
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        loop {
            thread::sleep(FLUSH_EVERY);
            writer.flush();
        }
    })?;
    Ok(Telemetry { lines, json })
}

/// Finished lines that wait to be written; cheap to clone.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Takes the line that `write` appends, to be written soon with others.
    pub fn gather(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut gathered = self.lock();
        write(&mut gathered);
        if gathered.len() >= FLUSH_SIZE {
            write_out(&mut gathered);
        }
    }

    /// What is gathered now.
    #[must_use]
    pub fn gathered(&self) -> Vec<u8> {
        self.lock().clone()
    }

    fn flush(&self) {
        write_out(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events are written at once, whole, by the formatting layer.
impl<'a> MakeWriter<'a> for Lines {
    type Writer = AtOnce<'a>;

    fn make_writer(&'a self) -> AtOnce<'a> {
        AtOnce(self)
    }
}

/// Writes what was gathered, then what it is given.
pub struct AtOnce<'a>(&'a Lines);

impl Write for AtOnce<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut gathered = self.0.lock();
        gathered.extend_from_slice(line);
        write_out(&mut gathered);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_out(gathered: &mut Vec<u8>) {
    if !gathered.is_empty() {
        // Nobody is left to tell if standard error is closed.
        let _ = stderr().write_all(gathered);
        gathered.clear();
    }
}
