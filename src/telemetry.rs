//! Logging: levels and form from configuration, everything to standard error.
//!
//! Lines of the access log are gathered and written together, at the latest after [`FLUSH_EVERY`]: one system call for
//! many requests. Every other line is written at once, with what was gathered before it, so that the order is kept.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

/// Target of the access log's events.
pub const ACCESS: &str = "imba::access";

const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Gathered bytes that are written without waiting.
const FLUSH_SIZE: usize = 64 * 1024;

/// Writes what is gathered when dropped, at the end of the process.
pub struct Flush(Lines);

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Starts logging for the whole process, panics included.
///
/// # Errors
/// The thread that writes gathered lines cannot be started.
pub fn init(log: Log) -> io::Result<Flush> {
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
    Ok(Flush(lines))
}

/// Finished lines that wait to be written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn add(&self, line: &[u8], at_once: bool) {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.extend_from_slice(line);
        if at_once || gathered.len() >= FLUSH_SIZE {
            write_out(&mut gathered);
        }
    }

    fn flush(&self) {
        write_out(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The line of one event; the formatting layer writes it whole.
struct Line<'a> {
    lines: &'a Lines,
    at_once: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: self, at_once: true }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line { lines: self, at_once: event.target() != ACCESS }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.at_once);
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
