//! The watch over a store file: a good new table is put into use, a bad one leaves the old one serving.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{error, info};

use super::EmbeddedStore;
use crate::features::VersionedTable;
use crate::telemetry::metrics::TableMetrics;

/// The store's file, watched for another table.
pub struct TableWatcher {
    store: Arc<EmbeddedStore>,
    /// Time between two looks; `None` to look only when told to.
    every: Option<Duration>,
    /// The file last seen, good or bad; `None` if it could not be seen.
    seen: Option<String>,
    /// Why the newest table is not in use, if it is not. Logged once, not at each look.
    failure: Option<String>,
    now: Arc<Notify>,
    metrics: TableMetrics,
}

impl TableWatcher {
    /// Watches the file of `store`, which has just been opened: `every` so often, or only when told to.
    #[must_use]
    pub fn new(store: Arc<EmbeddedStore>, every: Option<Duration>, metrics: TableMetrics) -> Self {
        let seen = revision(&store.path).ok();
        Self { store, every, seen, failure: None, now: Arc::default(), metrics }
    }

    /// When notified, the watcher looks at once, and opens the file even if it seems unchanged.
    #[must_use]
    pub fn now(&self) -> Arc<Notify> {
        Arc::clone(&self.now)
    }

    /// Watches until dropped.
    pub async fn run(mut self) {
        let now = self.now();
        loop {
            let is_told = tokio::select! {
                () = now.notified() => true,
                () = sleep(self.every.unwrap_or(Duration::MAX)) => false,
            };
            if is_told {
                self.failure = None;
            }
            self.look(is_told).await;
        }
    }

    async fn look(&mut self, is_told: bool) {
        let found = match revision(&self.store.path) {
            Ok(found) => found,
            Err(error) => {
                self.seen = None;
                return self.failed(error.to_string());
            }
        };
        if !is_told && self.seen.as_ref() == Some(&found) {
            return;
        }
        self.seen = Some(found);
        let before = self.store.table();
        let store = Arc::clone(&self.store);
        // A large table is read whole.
        let table = match tokio::task::spawn_blocking(move || store.reopen()).await {
            Ok(Ok(table)) => table,
            Ok(Err(refused)) => return self.failed(refused.to_string()),
            Err(panicked) => return self.failed(panicked.to_string()),
        };
        self.failure = None;
        let path = self.store.path.display();
        if table == before {
            self.metrics.reloads.is_current();
            if is_told {
                info!("the table at {path} is the one in use");
            }
        } else {
            self.metrics.reloads.reloaded();
            info!(
                table.version = table.version,
                table.previous = before.version,
                table.rows = table.rows,
                "features reloaded from {path}"
            );
        }
    }

    fn failed(&mut self, why: String) {
        if self.failure.as_ref() != Some(&why) {
            self.metrics.reloads.not_reloaded();
            let path = self.store.path.display();
            error!("features.embedded.path: {path}: {why}; the old table goes on serving");
            self.failure = Some(why);
        }
    }
}

fn revision(path: &Path) -> io::Result<String> {
    let file = fs::metadata(path)?;
    let (device, inode, size) = (file.dev(), file.ino(), file.size());
    Ok(format!("{device}:{inode} {size} {}.{:09}", file.mtime(), file.mtime_nsec()))
}
