//! A model in a local file, told from its successor by identity, size and time of change.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use async_trait::async_trait;

use super::{ModelFile, ModelSource, SourceError, Stamp};

/// The file at a path, which may be replaced, rewritten, or a link that is pointed elsewhere.
pub struct LocalFile(PathBuf);

impl LocalFile {
    /// The file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

#[async_trait]
impl ModelSource for LocalFile {
    fn location(&self) -> String {
        self.0.display().to_string()
    }

    async fn fetch(&self, known: Option<&Stamp>) -> Result<Option<ModelFile>, SourceError> {
        let (path, known) = (self.0.clone(), known.cloned());
        let read = tokio::task::spawn_blocking(move || -> io::Result<Option<ModelFile>> {
            let stamp = stamp(&fs::metadata(&path)?);
            if known.is_some_and(|known| known == stamp) {
                return Ok(None);
            }
            Ok(Some(ModelFile { bytes: fs::read(&path)?, stamp }))
        });
        read.await
            .map_err(|error| SourceError(error.to_string()))?
            .map_err(|error| SourceError(error.to_string()))
    }
}

fn stamp(file: &Metadata) -> Stamp {
    let (device, inode, size) = (file.dev(), file.ino(), file.size());
    Stamp(format!("{device}:{inode} {size} {}.{:09}", file.mtime(), file.mtime_nsec()))
}
