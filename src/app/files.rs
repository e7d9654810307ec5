//! The watch over small files: a good new version is put into use, a bad one leaves the old in force.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tracing::{error, info};

/// Files being read again.
type Reloading = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Files that belong together.
pub(super) struct FilesWatcher {
    /// What they are, in the log.
    what: &'static str,
    files: Vec<PathBuf>,
    /// Time between two looks; `None` to look only when told to.
    every: Option<Duration>,
    /// Reads them again; its error is the text for the log.
    reload: Box<dyn Fn() -> Reloading + Send + Sync>,
    seen: Vec<Option<String>>,
    now: Arc<Notify>,
}

impl FilesWatcher {
    /// Watches `files`, which have just been read.
    pub(super) fn new<F>(
        what: &'static str,
        files: Vec<PathBuf>,
        every: Option<Duration>,
        reload: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let seen = files.iter().map(|file| revision(file)).collect();
        let reload = Box::new(move || Box::pin(reload()) as Reloading);
        Self { what, files, every, reload, seen, now: Arc::default() }
    }

    /// When notified, the watcher reads the files at once, even if they seem unchanged.
    pub(super) fn now(&self) -> Arc<Notify> {
        Arc::clone(&self.now)
    }

    /// Watches until dropped.
    pub(super) async fn run(mut self) {
        loop {
            let is_told = tokio::select! {
                () = self.now.notified() => true,
                () = pause(self.every) => false,
            };
            let found: Vec<_> = self.files.iter().map(|file| revision(file)).collect();
            if !is_told && found == self.seen {
                continue;
            }
            self.seen = found;
            match (self.reload)().await {
                Ok(()) => info!("{} read again", self.what),
                Err(why) => error!("{why}; the old {} stay in force", self.what),
            }
        }
    }
}

async fn pause(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => std::future::pending().await,
    }
}

/// What changes when a file does: its identity, length and times. Mounted secrets are symbolic links that are swapped as a whole.
fn revision(file: &Path) -> Option<String> {
    let found = fs::metadata(file).ok()?;
    let (inode, length) = (found.ino(), found.len());
    Some(format!("{inode} {length} {}.{} {}", found.mtime(), found.mtime_nsec(), found.ctime_nsec()))
}
