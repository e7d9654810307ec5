//! Logging: levels and form from configuration, everything to standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process, panics included.
pub fn init(log: Log) {
    let terminal = stderr().is_terminal();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let filter = Targets::new()
        .with_target("imba", LevelFilter::from_level(log.level))
        .with_default(LevelFilter::WARN);
    let registry = tracing_subscriber::registry();
    if json {
        let lines = layer().json().flatten_event(true).with_writer(stderr);
        registry.with(lines.with_filter(filter)).init();
    } else {
        let lines = layer().with_ansi(terminal).with_writer(stderr);
        registry.with(lines.with_filter(filter)).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        tracing::error!(
            panic.location = location,
            "panic: {}",
            panic.payload_as_str().unwrap_or("no message")
        );
    }));
}
