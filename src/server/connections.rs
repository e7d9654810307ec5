//! The connections that are open, and room for the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::activity::{Activity, Notice};

/// Connections beyond the limit that may be open while those told to make room are closing.
const CLOSING: usize = 16;
/// Time that an idle connection may take to close.
const CLOSED: Duration = Duration::from_millis(100);
/// Time between two log lines on newcomers without room.
const SAID: Duration = Duration::from_secs(10);

/// The open connections of one server.
pub(super) struct Connections {
    limit: usize,
    tasks: JoinSet<()>,
    open: HashMap<Id, Arc<Activity>>,
    /// When the log last told of newcomers without room, and how many there were since.
    said: Option<Instant>,
    turned_away: u64,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        let (tasks, open) = (JoinSet::new(), HashMap::new());
        Self { limit, tasks, open, said: None, turned_away: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Runs a new connection. If there is no room, the one that has been idle longest is told to close; if none is idle, the
    /// new one is dropped at once.
    pub(super) fn open<F>(&mut self, connection: impl FnOnce(Arc<Activity>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.forget(ended.map_or_else(|panic| panic.id(), |(id, ())| id));
        }
        let has_room =
            self.len() < self.limit || (self.len() < self.limit + CLOSING && self.close_longest_idle());
        if !has_room {
            self.turn_away();
            return;
        }
        let activity = Arc::new(Activity::new());
        let task = self.tasks.spawn(connection(Arc::clone(&activity)));
        self.open.insert(task.id(), activity);
    }

    /// While there is no room: has the connection that has been idle longest close, and waits a moment for it, so that a burst
    /// of newcomers waits in the listener's backlog.
    pub(super) async fn make_room(&mut self) {
        while self.len() >= self.limit && self.close_longest_idle() {
            if timeout(CLOSED, self.ended()).await.is_err() {
                return;
            }
        }
    }

    /// Tells the connection that has been idle longest to close; `false` if none is idle.
    pub(super) fn close_longest_idle(&mut self) -> bool {
        let idle = self.open.values().filter_map(|activity| Some((activity.idle_since()?, activity)));
        let longest = idle.min_by_key(|(since, _)| *since);
        if let Some((_, activity)) = longest {
            activity.notify(Notice::Closing);
        }
        longest.is_some()
    }

    fn turn_away(&mut self) {
        self.turned_away += 1;
        if self.said.is_none_or(|said| said.elapsed() >= SAID) {
            warn!(
                server.turned_away = self.turned_away,
                "all {} connections (server.connections) are busy: new ones are closed", self.limit
            );
            self.said = Some(Instant::now());
            self.turned_away = 0;
        }
    }

    /// Tells all of them.
    pub(super) fn notify(&self, notice: Notice) {
        for activity in self.open.values() {
            activity.notify(notice);
        }
    }

    /// Completes when one of them has ended; never while there is none.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.forget(ended.map_or_else(|panic| panic.id(), |(id, ())| id)),
            None => std::future::pending().await,
        }
    }

    /// Completes when all of them have.
    pub(super) async fn all_ended(&mut self) {
        while self.len() > 0 {
            self.ended().await;
        }
    }

    fn forget(&mut self, ended: Id) {
        self.open.remove(&ended);
    }
}
