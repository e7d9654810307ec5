//! A table on its way into the store: a file beside the one in use, which takes its place when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use redb::backends::FileBackend;
use redb::{Database, ReadableTable, StorageBackend, WriteTransaction};
use sha2::{Digest, Sha256};

use super::file::{ABOUT, COLUMNS, COUNT, LOADED_AT, OpenError, ROWS, SOURCE, StoreFile, VERSION};
use super::unavailable;
use crate::features::{FeatureWriter, StoreError, TableInfo, row_format};
use crate::row::{FeatureRow, PairKey};

/// Memory for pages while a table is written, in bytes.
const CACHE: usize = 64 << 20;

/// What a new table begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The rows of the store, if there is one.
    Present,
    /// Nothing: rows that are not written are gone.
    Empty,
}

/// A table that is being written. Until it is finished, the store is as it was.
pub struct StoreDraft {
    path: PathBuf,
    new: PathBuf,
    columns: Vec<String>,
    source: String,
    /// `None` before it has begun and once it is finished.
    open: Arc<Mutex<Option<Open>>>,
    /// Held to the end, so that there is one draft at a time.
    _lock: File,
}

/// A database with a table that is being written.
pub(super) struct Open {
    transaction: WriteTransaction,
    database: Database,
}

impl StoreDraft {
    /// Begins a table of `columns` for the store at `path`, which is to say that it comes from `source`.
    ///
    /// # Errors
    /// Another draft is being written; the store that it is to begin with is damaged or has other columns; or the file
    /// system says no.
    pub fn begin(path: &Path, columns: &[String], base: Base, source: &str) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(OpenError::NotWritable)?;
        }
        let lock = private(&beside(path, "lock")).map_err(OpenError::NotWritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let new = beside(path, "new");
        // What an earlier draft left behind when it was cut short.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = private(&new)?;
        let draft = Self {
            path: path.to_owned(),
            new,
            columns: columns.to_vec(),
            source: source.to_owned(),
            open: Arc::default(),
            _lock: lock,
        };
        if base == Base::Present {
            match StoreFile::open(path, columns, CACHE, u64::MAX) {
                Ok(_) => copy(path, &mut file)?,
                Err(OpenError::Absent) => {}
                Err(error) => return Err(error),
            }
        }
        let open = Open::over(FileBackend::new(file).map_err(|error| named(error.into()))?)?;
        *draft.open.lock().map_err(|_| io::Error::other("the draft is broken"))? = Some(open);
        Ok(draft)
    }

    /// Does what waits for the disk where waiting holds nobody up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Option<Open>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let open = Arc::clone(&self.open);
        let work =
            move || work(&mut *open.lock().map_err(|_| unavailable("an earlier write was broken off"))?);
        tokio::task::spawn_blocking(work).await.map_err(unavailable)?
    }
}

impl Drop for StoreDraft {
    fn drop(&mut self) {
        // Nothing if it is finished: then it has another name.
        let _ = fs::remove_file(&self.new);
    }
}

#[async_trait]
impl FeatureWriter for StoreDraft {
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        check_width(&rows, self.columns.len())?;
        self.blocking(move |open| {
            let open = open.as_ref().ok_or_else(|| unavailable("the table is finished"))?;
            open.put(&rows).map_err(|error| unavailable(named(error)))
        })
        .await
    }

    async fn finish(&self) -> Result<TableInfo, StoreError> {
        let (path, new) = (self.path.clone(), self.new.clone());
        let (columns, source) = (self.columns.clone(), self.source.clone());
        self.blocking(move |open| {
            let open = open.take().ok_or_else(|| unavailable("the table is finished"))?;
            open.seal(&columns, &source).map_err(|error| unavailable(named(error)))?;
            // What was written is what is read, before anybody depends on it.
            let table = StoreFile::open(&new, &columns, CACHE, u64::MAX).map_err(unavailable)?.table.clone();
            publish(&new, &path).map_err(unavailable)?;
            Ok(table)
        })
        .await
    }

    fn keeps_what_it_took(&self) -> bool {
        false
    }
}

impl Open {
    pub(super) fn over(backend: impl StorageBackend) -> Result<Self, OpenError> {
        let made = || {
            let database = Database::builder().set_cache_size(CACHE).create_with_backend(backend)?;
            let transaction = database.begin_write()?;
            transaction.open_table(ROWS)?;
            transaction.open_table(ABOUT)?;
            Ok::<_, redb::Error>(Self { transaction, database })
        };
        made().map_err(|error| OpenError::Io(named(error)))
    }

    pub(super) fn put(&self, rows: &[(PairKey, FeatureRow)]) -> Result<(), redb::Error> {
        let mut table = self.transaction.open_table(ROWS)?;
        let mut bytes = Vec::new();
        for (key, row) in rows {
            let pair = (key.user(), key.product());
            row_format::encode(pair, row, &mut bytes);
            table.insert(pair, bytes.as_slice())?;
        }
        Ok(())
    }

    /// Says what the table is, and puts it on the disk in one transaction.
    pub(super) fn seal(self, columns: &[String], source: &str) -> Result<(), redb::Error> {
        let Self { transaction, database } = self;
        {
            let (version, rows) = version_of(&transaction.open_table(ROWS)?)?;
            let columns = serde_json::Value::from(columns).to_string();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let mut about = transaction.open_table(ABOUT)?;
            for (name, value) in [
                (COLUMNS, columns.as_str()),
                (COUNT, &rows.to_string()),
                (SOURCE, source),
                (LOADED_AT, &now.as_secs().to_string()),
                (VERSION, &version),
            ] {
                about.insert(name, value)?;
            }
        }
        transaction.commit()?;
        Ok(database.close()?)
    }
}

/// Every one of `rows` must have `width` values.
pub(super) fn check_width(rows: &[(PairKey, FeatureRow)], width: usize) -> Result<(), StoreError> {
    match rows.iter().find(|(_, row)| row.len() != width) {
        Some((key, row)) => {
            Err(StoreError::Rejected(format!("{key}: {} values, expected {width}", row.len())))
        }
        None => Ok(()),
    }
}

/// The SHA-256 over every pair and row in order, in hexadecimal: equal tables have equal versions, whatever order they were
/// loaded in.
fn version_of(
    rows: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
) -> Result<(String, u64), redb::Error> {
    let (mut hasher, mut count) = (Sha256::new(), 0);
    for entry in rows.iter()? {
        let (key, bytes) = entry?;
        let (user, product) = key.value();
        for part in [user.as_bytes(), b"\0", product.as_bytes(), b"\0", bytes.value()] {
            hasher.update(part);
        }
        count += 1;
    }
    Ok((format!("{:x}", bytes::Bytes::copy_from_slice(&hasher.finalize())), count))
}

/// The error of the file system behind one of redb's, which says more.
pub(super) fn named(error: redb::Error) -> io::Error {
    match error {
        redb::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// The file at `path`, for us alone to read: it says who buys what.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn copy(from: &Path, to: &mut File) -> io::Result<()> {
    io::copy(&mut File::open(from)?, to)?;
    to.flush()
}

/// Puts `new` in the place of `path`, for good: a reader sees the one or the other.
fn publish(new: &Path, path: &Path) -> io::Result<()> {
    File::open(new)?.sync_all()?;
    fs::rename(new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
