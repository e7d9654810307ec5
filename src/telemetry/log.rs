//! Logging: levels and form from configuration, everything to standard error.
//!
//! Callers put their lines into a queue and go on; one thread writes. Events are written soon, lines of the access log
//! together with others, at the latest after `FLUSH_EVERY`: one system call for many requests. When standard error takes
//! nothing, the queue fills, further lines are dropped and counted, and nobody waits.

use std::io::{self, IsTerminal, Write, stderr};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing::warn;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Gathered bytes that are written without waiting.
const FLUSH_SIZE: usize = 64 * 1024;
/// Bytes of lines that wait to be written; beyond it they are dropped.
const QUEUE: usize = 4 * 1024 * 1024;
/// Longest time that the end of the process waits for the last lines.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Lines dropped so far, process-wide as the log itself.
pub(super) static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// The log of this process. Writes what is still queued when dropped, at the end.
pub struct Telemetry {
    /// Where finished lines go.
    pub lines: Lines,
    /// Whether lines are JSON objects.
    pub json: bool,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.lines.flush(LAST_WORDS);
    }
}

/// Starts logging for the whole process, panics included.
///
/// # Errors
/// The thread that writes cannot be started.
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
        let ansi = terminal && !log.no_color;
        registry.with(layer().with_ansi(ansi).with_writer(lines.clone()).with_filter(filter)).init();
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
    thread::Builder::new().name("log".to_owned()).spawn(move || writer.write_to(stderr))?;
    Ok(Telemetry { lines, json })
}

/// Finished lines that wait to be written; cheap to clone.
#[derive(Clone, Default)]
pub struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write now.
    due: Condvar,
    /// All that was queued is written.
    written: Condvar,
}

#[derive(Default)]
struct Queue {
    gathered: Vec<u8>,
    /// Whether it should be written without waiting for more.
    is_due: bool,
    /// Whether the writer holds what it took before.
    is_writing: bool,
    /// Lines dropped since the log last said so.
    dropped: u64,
}

impl Lines {
    /// Takes the line that `write` appends, to be written soon with others.
    pub fn gather(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut queue = self.lock();
        let before = queue.gathered.len();
        write(&mut queue.gathered);
        self.taken(queue, before, FLUSH_SIZE);
    }

    /// The line after `before` is in the queue: keeps it if there is room, to be written at once with at least `due` bytes.
    fn taken(&self, mut queue: MutexGuard<'_, Queue>, before: usize, due: usize) {
        if queue.gathered.len() > QUEUE {
            queue.gathered.truncate(before);
            queue.dropped += 1;
            DROPPED.inc();
        }
        if queue.gathered.len() >= due && !queue.is_due {
            queue.is_due = true;
            self.0.due.notify_one();
        }
    }

    /// What is gathered now.
    #[must_use]
    pub fn gathered(&self) -> Vec<u8> {
        self.lock().gathered.clone()
    }

    /// Waits until all lines so far are written, for no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let mut queue = self.lock();
        queue.is_due = true;
        self.0.due.notify_one();
        let unwritten = |queue: &mut Queue| queue.is_writing || !queue.gathered.is_empty();
        drop(self.0.written.wait_timeout_while(queue, patience, unwritten));
    }

    /// Writes queued lines, for ever.
    fn write_to<W: Write>(&self, out: impl Fn() -> W) {
        let mut batch = Vec::new();
        loop {
            let queue = self.lock();
            let waited = self.0.due.wait_timeout_while(queue, FLUSH_EVERY, |queue| !queue.is_due);
            let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut queue.gathered, &mut batch);
            queue.is_due = false;
            queue.is_writing = true;
            drop(queue);
            // If standard error is closed there is nowhere to report it.
            let _ = out().write_all(&batch);
            batch.clear();
            // Gives the memory back after a flood.
            batch.shrink_to(FLUSH_SIZE);
            let mut queue = self.lock();
            queue.is_writing = false;
            let dropped = std::mem::take(&mut queue.dropped);
            drop(queue);
            self.0.written.notify_all();
            if dropped > 0 {
                warn!(
                    log.dropped = dropped,
                    "log lines were dropped: they came faster than they could be written"
                );
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events come whole from the formatting layer.
impl<'a> MakeWriter<'a> for Lines {
    type Writer = AtOnce<'a>;

    fn make_writer(&'a self) -> AtOnce<'a> {
        AtOnce(self)
    }
}

/// Queues lines to be written at once, after what was gathered before.
pub struct AtOnce<'a>(&'a Lines);

impl Write for AtOnce<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.lock();
        let before = queue.gathered.len();
        queue.gathered.extend_from_slice(line);
        self.0.taken(queue, before, 0);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A stream that takes a batch only when it is told to, and says what it took.
    struct Held {
        go: Arc<Mutex<Receiver<()>>>,
        took: Sender<Vec<u8>>,
    }

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.go.lock().expect("lock").recv();
            let _ = self.took.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Lines written by a thread of their own to a stream that takes nothing until told.
    fn held() -> (Lines, Sender<()>, Receiver<Vec<u8>>) {
        let lines = Lines::default();
        let ((go, told), (took, taken)) = (channel(), channel());
        let (writer, told) = (lines.clone(), Arc::new(Mutex::new(told)));
        thread::spawn(move || writer.write_to(|| Held { go: Arc::clone(&told), took: took.clone() }));
        (lines, go, taken)
    }

    #[test]
    fn a_stream_that_takes_nothing_holds_up_nobody_and_lines_are_dropped_and_counted() {
        let (lines, go, taken) = held();
        let line = [b'x'; 1024];
        let before = DROPPED.get();
        // Twice the queue: the writer may have taken as much before it was held up.
        let sent = 2 * QUEUE / line.len() + 10;
        for _ in 0..sent {
            lines.gather(|out| out.extend_from_slice(&line));
        }
        let dropped = DROPPED.get() - before;
        assert!(dropped >= 10, "{dropped}");
        assert!(lines.gathered().len() <= QUEUE);
        lines.flush(Duration::from_millis(1));
        drop(go);
        let kept = sent - dropped as usize;
        let mut bytes = 0;
        while bytes < kept * line.len() {
            bytes += taken.recv().expect("written").len();
        }
        assert_eq!(bytes, kept * line.len());
    }

    #[test]
    fn a_flush_waits_for_what_is_queued() {
        let (lines, go, taken) = held();
        drop(go);
        lines.gather(|out| out.extend_from_slice(b"one\n"));
        AtOnce(&lines).write_all(b"two\n").expect("queued");
        lines.flush(Duration::from_mins(1));
        let written: Vec<u8> = taken.try_iter().flatten().collect();
        assert_eq!(String::from_utf8_lossy(&written), "one\ntwo\n");
    }
}
