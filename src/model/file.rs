//! A model in a local file or folder, told from its successor by identity, size and time of change.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::OFlags;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{ModelFile, ModelSource, Revision, SourceError, folder};

/// Longest time until the whole file is read: that of a large one from a slow disk.
const WHOLE: Duration = Duration::from_mins(1);

/// The file at a path, which may be replaced, rewritten, or a link that is pointed elsewhere.
pub struct LocalFile {
    path: PathBuf,
    /// Largest file that is read, in bytes.
    limit: usize,
    /// Of a folder of several models, whether the first is used alone.
    first_only: bool,
    /// A read that hangs, as on a network file system, cannot be cancelled. It keeps its thread, and no other one is started.
    reading: Arc<Semaphore>,
}

impl LocalFile {
    /// The file at `path`, which need not exist yet, of at most `limit` bytes.
    #[must_use]
    pub fn new(path: PathBuf, limit: usize) -> Self {
        Self { path, limit, first_only: false, reading: Arc::new(Semaphore::new(1)) }
    }

    /// The same place; of a folder of several models, the first by name alone.
    #[must_use]
    pub fn first_only(mut self, first_only: bool) -> Self {
        self.first_only = first_only;
        self
    }

    /// The file unless its revision is `known`, read on the blocking pool.
    async fn read(&self, known: Option<Revision>) -> Result<Option<ModelFile>, SourceError> {
        let (path, limit, first_only) = (self.path.clone(), self.limit, self.first_only);
        self.in_time(move || read(&path, limit, first_only, known.as_ref())).await
    }

    async fn in_time<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, SourceError> {
        let Ok(turn) = Arc::clone(&self.reading).try_acquire_owned() else {
            return Err(SourceError(format!("an earlier read has not ended after {WHOLE:?}")));
        };
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read()
        });
        match timeout(WHOLE, reading).await {
            Ok(Ok(read)) => read.map_err(|error| SourceError(said(&error))),
            Ok(Err(panicked)) => Err(SourceError(panicked.to_string())),
            Err(_) => Err(SourceError(format!("the file is not read after {WHOLE:?}"))),
        }
    }
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!(
                "{error}; set model.path to a model that xgboost saved, or to \"demo\" for the one that is built in"
            )
        }
        _ => error.to_string(),
    }
}

#[async_trait]
impl ModelSource for LocalFile {
    fn location(&self) -> String {
        self.path.display().to_string()
    }

    async fn fetch(&self) -> Result<ModelFile, SourceError> {
        Ok(self.read(None).await?.expect("a file is read unless it is known: this is a bug"))
    }

    async fn fetch_if_changed(&self, known: &Revision) -> Result<Option<ModelFile>, SourceError> {
        self.read(Some(known.clone())).await
    }
}

fn read(
    path: &Path,
    limit: usize,
    first_only: bool,
    known: Option<&Revision>,
) -> io::Result<Option<ModelFile>> {
    if path.is_dir() {
        return folder::read(path, limit, first_only, known);
    }
    read_one(path, limit, known)
}

/// The content of the regular file at `path`, of at most `limit` bytes: what the setting `key` says.
///
/// # Errors
/// It is no regular file, larger, or cannot be read.
pub fn read_file(path: &Path, limit: usize, key: &str) -> io::Result<Vec<u8>> {
    let (file, metadata) = open_regular(path)?;
    read_within(file, metadata.len(), limit, key)
}

fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // Opening a named pipe would wait for a writer.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::Error::other("expected a regular file")) }
}

/// The file at `path` unless its revision is `known`.
pub(super) fn read_one(path: &Path, limit: usize, known: Option<&Revision>) -> io::Result<Option<ModelFile>> {
    let (file, metadata) = open_regular(path)?;
    let revision = revision(&metadata);
    if known == Some(&revision) {
        return Ok(None);
    }
    Ok(Some(ModelFile { bytes: read_within(file, metadata.len(), limit, "model.size_limit")?, revision }))
}

/// The content of `file`, which has or had `size` bytes.
fn read_within(file: File, size: u64, limit: usize, key: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if size <= limit as u64 {
        bytes.reserve_exact(size as usize);
        // It may grow while it is read.
        file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    }
    let size = size.max(bytes.len() as u64);
    if size > limit as u64 {
        let what = format!("{size} bytes are more than the {limit} of {key}");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

pub(super) fn revision(file: &Metadata) -> Revision {
    let (device, inode, size) = (file.dev(), file.ino(), file.size());
    Revision(format!("{device}:{inode} {size} {}.{:09}", file.mtime(), file.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn source(content: &[u8], limit: usize) -> (tempfile::NamedTempFile, LocalFile) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, content).expect("written");
        let source = LocalFile::new(file.path().to_owned(), limit);
        (file, source)
    }

    #[tokio::test]
    async fn a_file_of_the_limit_is_read_and_a_larger_one_is_not() {
        let (_kept, source) = source(b"12345", 5);
        assert_eq!(source.fetch().await.expect("read").bytes, b"12345");
        let smaller = LocalFile::new(source.path.clone(), 4);
        let refused = smaller.fetch().await.err().expect("refused").0;
        assert_eq!(refused, "5 bytes are more than the 4 of model.size_limit");
    }

    #[tokio::test]
    async fn a_sparse_file_is_refused_unread() {
        let (file, source) = source(b"", 1 << 30);
        file.as_file().set_len(1 << 50).or_else(|_| file.as_file().set_len(1 << 40)).expect("a sparse file");
        let refused = source.fetch().await.err().expect("refused").0;
        assert!(refused.ends_with("are more than the 1073741824 of model.size_limit"), "{refused}");
    }

    #[tokio::test]
    async fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().expect("folder");
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("a named pipe");
        for path in [&pipe, Path::new("/dev/zero")] {
            let refused = LocalFile::new(path.to_owned(), 100).fetch().await.err().expect("refused").0;
            assert_eq!(refused, "expected a regular file", "{}", path.display());
        }
    }

    /// A read that hangs is given up, and none is started beside it.
    #[tokio::test(start_paused = true)]
    async fn a_read_that_hangs_is_given_up() {
        let (_kept, source) = source(b"12345", 5);
        let (end, hangs) = mpsc::channel::<()>();
        let hanging = source.in_time(move || {
            let _ = hangs.recv();
            Ok(())
        });
        let given_up = async {
            tokio::task::yield_now().await;
            tokio::time::advance(WHOLE).await;
        };
        let (hung, ()) = tokio::join!(hanging, given_up);
        assert_eq!(hung.expect_err("given up").0, "the file is not read after 60s");
        let next = source.fetch().await.err().expect("refused").0;
        assert_eq!(next, "an earlier read has not ended after 60s");
        drop(end);
        while source.reading.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(source.fetch().await.expect("read").bytes, b"12345");
    }
}
