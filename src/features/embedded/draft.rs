//! A table being written: a file beside the one in use, which replaces it once complete.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use redb::backends::FileBackend;
use redb::{Database, ReadableTable, ReadableTableMetadata, StorageBackend, Table, WriteTransaction};
use sha2::{Digest, Sha256};

use super::file::{ABOUT, COLUMNS, COUNT, LOADED_AT, OpenError, SOURCE, StoreFile, USER_COUNT, VERSION};
use super::rows::USERS;
use super::unavailable;
use crate::features::user_block::{self, UserBlock};
use crate::features::{FeatureWriter, StoreError, TableInfo, UnreadableRow};
use crate::row::{FeatureRow, PairKey};

/// Rows of an older file that are put into a draft at once.
const BATCH_ROWS: usize = 10_000;
/// How often, and after which pause, a lock that is held is tried again.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// Memory for pages while a table is written, in bytes.
const CACHE: usize = 64 << 20;

/// What a new table starts from.
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
    /// Values per row.
    width: usize,
    transaction: WriteTransaction,
    database: Database,
}

impl StoreDraft {
    /// Begins a table of `columns` for the store at `path`; the table will record `source` as its origin.
    ///
    /// # Errors
    /// Another draft is being written; the store that it is to begin with is damaged or has other columns; or the file
    /// system says no.
    pub fn begin(path: &Path, columns: &[String], base: Base, source: &str) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(OpenError::NotWritable)?;
        }
        let lock = private(&beside(path, "lock")).map_err(OpenError::NotWritable)?;
        let mut tries = LOCK_TRIES;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                // A child process holds its parent's locks until it has called exec.
                Err(TryLockError::WouldBlock) if tries > 0 => {
                    tries -= 1;
                    sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(OpenError::Locked),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        let new = beside(path, "new");
        // The remains of an earlier draft that was interrupted.
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
        let mut older = None;
        if base == Base::Present {
            match StoreFile::open(path, columns, CACHE, u64::MAX) {
                Ok(present) if present.is_current() => copy(path, &mut file)?,
                Ok(present) => older = Some(present),
                Err(OpenError::Absent) => {}
                Err(error) => return Err(error),
            }
        }
        let backend = FileBackend::new(file).map_err(|error| named(error.into()))?;
        let open = Open::over(backend, columns.len())?;
        if let Some(older) = older {
            open.take_over(&older)?;
        }
        *draft.open.lock().map_err(|_| io::Error::other("the draft is broken"))? = Some(open);
        Ok(draft)
    }

    /// Runs work that waits for the disk where it blocks nobody.
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
        // Removes nothing once finished: then the file has another name.
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
            // Reads back what was written before anybody depends on it.
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
    pub(super) fn over(backend: impl StorageBackend, width: usize) -> Result<Self, OpenError> {
        let made = || {
            let database = Database::builder().set_cache_size(CACHE).create_with_backend(backend)?;
            let transaction = database.begin_write()?;
            transaction.open_table(USERS)?;
            transaction.open_table(ABOUT)?;
            Ok::<_, redb::Error>(Self { width, transaction, database })
        };
        made().map_err(|error| OpenError::Io(named(error)))
    }

    /// Adds `rows`, the later of two with one pair, to those of their users.
    pub(super) fn put(&self, rows: &[(PairKey, FeatureRow)]) -> Result<(), redb::Error> {
        let mut users = self.transaction.open_table(USERS)?;
        let mut ordered: Vec<&(PairKey, FeatureRow)> = rows.iter().collect();
        if !ordered.is_sorted_by(|(one, _), (other, _)| one < other) {
            // A stable sort: of equal pairs the last remains last.
            ordered.sort_by(|(one, _), (other, _)| one.cmp(other));
            ordered = (0..ordered.len())
                .filter(|at| ordered.get(at + 1).is_none_or(|(next, _)| *next != ordered[*at].0))
                .map(|at| ordered[at])
                .collect();
        }
        let mut bytes = Vec::new();
        for of_one in ordered.chunk_by(|(one, _), (other, _)| one.user() == other.user()) {
            let user = of_one[0].0.user();
            let new = of_one.iter().map(|(pair, row)| (pair.product(), &**row)).collect();
            self.encode(&users, user, new, &mut bytes)?;
            users.insert(user, bytes.as_slice())?;
        }
        Ok(())
    }

    /// The block of `user` with the rows `new`, in order of their products, among those that are there.
    fn encode(
        &self,
        users: &Table<'_, &'static str, &'static [u8]>,
        user: &str,
        new: Vec<(&str, &[f32])>,
        out: &mut Vec<u8>,
    ) -> Result<(), redb::Error> {
        let Some(present) = users.get(user)? else {
            user_block::encode(user, &new, self.width, out);
            return Ok(());
        };
        let corrupted = |what: String| redb::Error::Corrupted(format!("user {user}: {what}"));
        let present = UserBlock::open(user, present.value(), self.width).map_err(corrupted)?;
        let mut merged: BTreeMap<&str, Cow<'_, [f32]>> = BTreeMap::new();
        for at in 0..present.len() {
            let product =
                present.product(at).ok_or_else(|| corrupted("a product makes no sense".to_owned()))?;
            merged.insert(product, Cow::Owned(present.row(at).into_vec()));
        }
        merged.extend(new.into_iter().map(|(product, row)| (product, Cow::Borrowed(row))));
        let rows: Vec<(&str, &[f32])> = merged.iter().map(|(product, row)| (*product, &**row)).collect();
        user_block::encode(user, &rows, self.width, out);
        Ok(())
    }

    /// Copies the rows of a file in an older format.
    fn take_over(&self, older: &StoreFile) -> Result<(), OpenError> {
        let (mut rows, mut outcome) = (Vec::new(), Ok(()));
        let scanned = older.scan(|(user, product), row| {
            outcome = row
                .map_err(|UnreadableRow(why)| OpenError::Damaged(why))
                .map(|row| rows.push((PairKey::new(user, product), row)));
            if outcome.is_ok() && rows.len() >= BATCH_ROWS {
                outcome = self.put(&std::mem::take(&mut rows)).map_err(|error| OpenError::Io(named(error)));
            }
            outcome.is_ok()
        });
        outcome?;
        scanned.map_err(|damage| OpenError::Damaged(damage.0))?;
        self.put(&rows).map_err(|error| OpenError::Io(named(error)))
    }

    /// Writes the table's description and commits it to disk in one transaction.
    pub(super) fn seal(self, columns: &[String], source: &str) -> Result<(), redb::Error> {
        let Self { width, transaction, database } = self;
        {
            let table = transaction.open_table(USERS)?;
            let (version, rows) = version_of(&table, width)?;
            let users = table.len()?;
            let columns = serde_json::Value::from(columns).to_string();
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let mut about = transaction.open_table(ABOUT)?;
            for (name, value) in [
                (COLUMNS, columns.as_str()),
                (COUNT, &rows.to_string()),
                (USER_COUNT, &users.to_string()),
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
    users: &impl ReadableTable<&'static str, &'static [u8]>,
    width: usize,
) -> Result<(String, u64), redb::Error> {
    let (mut hasher, mut count) = (Sha256::new(), 0);
    let mut bytes = Vec::new();
    for entry in users.iter()? {
        let (user, block) = entry?;
        let user = user.value();
        let block = UserBlock::open(user, block.value(), width)
            .map_err(|what| redb::Error::Corrupted(format!("user {user}: {what}")))?;
        for at in 0..block.len() {
            bytes.clear();
            bytes.extend(block.row(at).iter().flat_map(|value| value.to_le_bytes()));
            let product = block.product(at).unwrap_or_default();
            for part in [user.as_bytes(), b"\0", product.as_bytes(), b"\0", &bytes] {
                hasher.update(part);
            }
        }
        count += block.len() as u64;
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

/// The file at `path`, readable by its owner only: it says who buys what.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn copy(from: &Path, to: &mut File) -> io::Result<()> {
    io::copy(&mut File::open(from)?, to)?;
    to.flush()
}

/// Replaces `path` by `new`, durably: a reader sees one or the other.
fn publish(new: &Path, path: &Path) -> io::Result<()> {
    File::open(new)?.sync_all()?;
    fs::rename(new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
