//! What one connection is doing, told by all who work on it, and by when it has to do something else.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Timeouts;

/// What a connection is told about its end. Later ones include earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Notice {
    /// The service is about to stop: a protocol that can refuse further requests without losing one does so.
    Draining,
    /// No request is expected any more: close when idle.
    Closing,
}

/// One connection, as its own task, its streams' tasks and the registry see it.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    noticed: Notify,
}

#[derive(Debug)]
struct State {
    /// Requests whose answer is not yet handed over.
    exchanges: usize,
    /// Whether a part of a request's head is here.
    receiving: bool,
    /// When the connection became idle, or the first byte of that head came.
    since: Instant,
    /// When the peer stopped taking what is written, if it has.
    blocked: Option<Instant>,
    notice: Option<Notice>,
}

impl Activity {
    pub(super) fn new() -> Self {
        let state =
            State { exchanges: 0, receiving: false, since: Instant::now(), blocked: None, notice: None };
        Self { state: Mutex::new(state), noticed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request's head is complete.
    pub(super) fn begin_exchange(&self) {
        let mut state = self.lock();
        state.exchanges += 1;
        state.receiving = false;
    }

    /// An answer is handed over, or given up.
    pub(super) fn end_exchange(&self) {
        let mut state = self.lock();
        state.exchanges -= 1;
        if state.exchanges == 0 {
            state.since = Instant::now();
        }
    }

    /// Bytes came in; while no request is under way they are of the next one's head.
    pub(super) fn received(&self) {
        let mut state = self.lock();
        if state.exchanges == 0 && !state.receiving {
            state.receiving = true;
            state.since = Instant::now();
        }
    }

    /// What came in was no head of a request.
    pub(super) fn is_idle(&self) {
        self.lock().receiving = false;
    }

    /// The peer takes no more for now, or takes something again.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.lock().blocked = blocked.then(Instant::now);
    }

    /// Since when the connection has been of no use to anybody; `None` while it works or is told to close.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        let idle = state.exchanges == 0 && state.blocked.is_none() && state.notice != Some(Notice::Closing);
        idle.then_some(state.since)
    }

    /// When the connection is to be cut, if nothing happens before; `None` while that is up to the service.
    pub(super) fn expires(&self, timeouts: &Timeouts) -> Option<Instant> {
        let state = self.lock();
        if let Some(blocked) = state.blocked {
            return Some(blocked + timeouts.write);
        }
        let patience = match (state.exchanges, state.receiving, state.notice) {
            (1.., ..) => return None,
            (_, true, _) => timeouts.head,
            // HTTP/2 may hold the end of an answer that the peer does not take.
            (_, _, Some(Notice::Closing)) => timeouts.idle.min(timeouts.write),
            _ => timeouts.idle,
        };
        Some(state.since + patience)
    }

    /// Tells the connection.
    pub(super) fn notify(&self, notice: Notice) {
        let mut state = self.lock();
        state.notice = state.notice.max(Some(notice));
        drop(state);
        self.noticed.notify_one();
    }

    /// Completes when the connection is told `notice`, or more. For one listener at a time.
    pub(super) async fn noticed(&self, notice: Notice) {
        while self.lock().notice < Some(notice) {
            self.noticed.notified().await;
        }
    }
}
