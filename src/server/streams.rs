//! The tasks of HTTP/2's streams. A peer that lets its window stay shut holds up one stream, which no write shows: the answer
//! waits in its task, and is cut there.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, sleep};

tokio::task_local! {
    /// When the last piece of this stream's answer was handed over; `None` while the service is producing the next one.
    static HANDED_OVER: Cell<Option<Instant>>;
}

/// The service is at work on this task's answer.
pub(super) fn producing() {
    // Answers of HTTP/1.1 are in no such task.
    let _ = HANDED_OVER.try_with(|at| at.set(None));
}

/// A piece of this task's answer is handed over, and the next one waits for the peer.
pub(super) fn handed_over() {
    let _ = HANDED_OVER.try_with(|at| at.set(Some(Instant::now())));
}

/// Runs the streams of a connection; one whose peer takes nothing for `write_timeout` is dropped, which resets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    pub(super) write_timeout: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        // Kilobytes, which are moved once so.
        let stream = Box::pin(stream);
        tokio::spawn(HANDED_OVER.scope(Cell::new(None), taken_in_time(stream, self.write_timeout)));
    }
}

async fn taken_in_time(mut stream: Pin<Box<impl Future<Output = ()>>>, patience: Duration) {
    let mut timer = pin!(sleep(patience));
    poll_fn(|context| {
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let Some(since) = HANDED_OVER.with(Cell::get) else { return Poll::Pending };
        if timer.deadline() != since + patience {
            timer.as_mut().reset(since + patience);
        }
        ready!(timer.as_mut().poll(context));
        tracing::debug!("a stream was reset: its peer took nothing for {patience:?} (server.write_timeout)");
        Poll::Ready(())
    })
    .await;
}
