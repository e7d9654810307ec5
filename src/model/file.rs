//! A model in a local file, told from its successor by identity, size and time of change.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{ModelFile, ModelSource, Revision, SourceError};

/// The file at a path, which may be replaced, rewritten, or a link that is pointed elsewhere.
pub struct LocalFile(PathBuf);

impl LocalFile {
    /// The file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What `read` makes of the path, on the blocking pool.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SourceError> {
        let path = self.0.clone();
        let reading = tokio::task::spawn_blocking(move || read(&path));
        let read = reading.await.map_err(|error| SourceError(error.to_string()))?;
        read.map_err(|error| SourceError(error.to_string()))
    }
}

#[async_trait]
impl ModelSource for LocalFile {
    fn location(&self) -> String {
        self.0.display().to_string()
    }

    async fn fetch(&self) -> Result<ModelFile, SourceError> {
        self.read(|path| read(path, revision(&fs::metadata(path)?))).await
    }

    async fn fetch_if_changed(&self, known: &Revision) -> Result<Option<ModelFile>, SourceError> {
        let known = known.clone();
        self.read(move |path| {
            let revision = revision(&fs::metadata(path)?);
            if revision == known { Ok(None) } else { read(path, revision).map(Some) }
        })
        .await
    }
}

fn read(path: &Path, revision: Revision) -> io::Result<ModelFile> {
    Ok(ModelFile { bytes: fs::read(path)?, revision })
}

fn revision(file: &Metadata) -> Revision {
    let (device, inode, size) = (file.dev(), file.ino(), file.size());
    Revision(format!("{device}:{inode} {size} {}.{:09}", file.mtime(), file.mtime_nsec()))
}
