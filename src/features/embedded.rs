//! The embedded store: one redb file, ordered by user, then product.
//!
//! A file is never changed. A table is written into a new file beside it, checked, and renamed over it (`draft`); a
//! running service opens the new one (`watcher`) while reads under way finish on the old. So a reader needs no lock, and
//! what was interrupted, by anything, is never served.
//!
//! Lookups of a few pairs, and of a user's products where they are not too many, run on the caller's thread: each is a few page
//! reads from redb's own cache, shorter than a hand-over to another thread. Others go through [`Admission`], pairs piece by piece.

mod draft;
mod file;
mod memory;
mod pages;
mod rows;
mod watcher;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tracing::error;

use self::file::{Damage, StoreFile};
use super::{
    FeatureStore, Lookup, ProductRow, StoreError, TableInfo, UnreadableRow, UserIndex, VersionedTable,
};
use crate::admission::Admission;
use crate::cause::cause;
use crate::row::{FeatureRow, PairKey};

pub use draft::{Base, StoreDraft};
pub use file::OpenError;
pub use memory::MemoryDraft;
pub use watcher::TableWatcher;

/// Up to this many pairs are looked up on the caller's thread.
const INLINE_PAIRS: usize = 64;
/// A user's products are read where they are if they are no more than this.
const INLINE_PRODUCTS: usize = 1024;
/// Pairs looked up between two chances to stop.
const PIECE_PAIRS: usize = 1024;

/// What a store file is opened with.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Memory for cached pages, in bytes.
    pub cache: usize,
    /// Size in bytes up to which a file is read whole and checked before it is used.
    pub check_limit: u64,
}

/// A feature store in a local file.
pub struct EmbeddedStore {
    path: PathBuf,
    columns: Vec<String>,
    options: OpenOptions,
    current: ArcSwap<Current>,
    admission: Admission,
}

struct Current {
    file: StoreFile,
    table: Arc<TableInfo>,
    /// The first damage found.
    damage: OnceLock<Damage>,
}

impl Current {
    fn open(path: &Path, columns: &[String], options: OpenOptions) -> Result<Arc<Self>, OpenError> {
        StoreFile::open(path, columns, options.cache, options.check_limit).map(Self::of)
    }

    fn of(file: StoreFile) -> Arc<Self> {
        let table = Arc::new(file.table.clone());
        Arc::new(Self { file, table, damage: OnceLock::new() })
    }
}

impl EmbeddedStore {
    /// Opens the store at `path`, whose rows are of `columns`.
    ///
    /// # Errors
    /// The file is absent, unreadable, damaged, no store, or one for other columns.
    pub fn open(path: &Path, columns: &[String], options: OpenOptions) -> Result<Self, OpenError> {
        let current = ArcSwap::new(Current::open(path, columns, options)?);
        let admission = Admission::default();
        Ok(Self { path: path.to_owned(), columns: columns.to_vec(), options, current, admission })
    }

    /// Has its large lookups wait for their turn among other heavy work.
    #[must_use]
    pub fn admitted(self, admission: Admission) -> Self {
        Self { admission, ..self }
    }

    /// Switches to the file that is at the path now.
    ///
    /// # Errors
    /// As [`Self::open`]; then the file that was open stays in use.
    pub fn reopen(&self) -> Result<Arc<TableInfo>, OpenError> {
        let current = Current::open(&self.path, &self.columns, self.options)?;
        let table = Arc::clone(&current.table);
        self.current.store(current);
        Ok(table)
    }

    /// Gives every row in order of user and product to `take`.
    ///
    /// # Errors
    /// The file is damaged; the rows before the damage have been given.
    pub fn for_each(
        &self,
        mut take: impl FnMut((&str, &str), Result<FeatureRow, UnreadableRow>) -> bool,
    ) -> Result<(), StoreError> {
        let scanned = self.current.load().file.scan(|pair, row| take(pair, row));
        scanned.map_err(|damage| StoreError::Corrupt(damage.0))
    }

    /// Notes damage, and says so the first time.
    fn damaged(&self, current: &Current, damage: &Damage) {
        let is_first = current.damage.set(damage.clone()).is_ok();
        if is_first {
            error!(
                "features.embedded.path: {}: the feature store is damaged: {damage}; not ready until the table is loaded again",
                self.path.display()
            );
        }
    }

    fn corrupt(&self, current: &Current, damage: Damage) -> StoreError {
        self.damaged(current, &damage);
        StoreError::Corrupt(damage.0)
    }

    fn read<T>(&self, read: impl FnOnce(&StoreFile) -> Result<T, Damage>) -> Result<T, StoreError> {
        let current = self.current.load();
        read(&current.file).map_err(|damage| self.corrupt(&current, damage))
    }

    async fn get_in_pieces(&self, current: &Arc<Current>, keys: &[PairKey]) -> Vec<Lookup> {
        let mut found = Vec::with_capacity(keys.len());
        for piece in keys.chunks(PIECE_PAIRS) {
            let (current, piece) = (Arc::clone(current), piece.to_vec());
            found.append(&mut self.admission.run(false, move || current.file.get_many(&piece)).await);
        }
        found
    }
}

#[async_trait]
impl FeatureStore for EmbeddedStore {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        // All from one table, even if it is replaced meanwhile.
        let current = self.current.load_full();
        let found = if keys.len() <= INLINE_PAIRS {
            current.file.get_many(keys)
        } else {
            self.get_in_pieces(&current, keys).await
        };
        if let Some(Err(unreadable)) = found.iter().find(|found| found.is_err()) {
            self.damaged(&current, &Damage(unreadable.0.clone()));
        }
        Ok(found)
    }

    async fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, StoreError> {
        let current = self.current.load_full();
        let count = current.file.count_of(user).map_err(|damage| self.corrupt(&current, damage))?;
        let found = if count.is_some_and(|count| count <= INLINE_PRODUCTS) {
            current.file.products_of(user)
        } else {
            let (current, user) = (Arc::clone(&current), user.to_owned());
            self.admission.run(false, move || current.file.products_of(&user)).await
        };
        let products = found.map_err(|damage| self.corrupt(&current, damage))?;
        if let Some((_, Err(unreadable))) = products.iter().find(|(_, row)| row.is_err()) {
            self.damaged(&current, &Damage(unreadable.0.clone()));
        }
        Ok(products)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        match self.current.load().damage.get() {
            Some(damage) => Err(StoreError::Corrupt(damage.0.clone())),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl UserIndex for EmbeddedStore {
    async fn users(&self, prefix: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.read(|file| file.users(prefix, limit))
    }
}

impl VersionedTable for EmbeddedStore {
    fn table(&self) -> Arc<TableInfo> {
        Arc::clone(&self.current.load().table)
    }
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(cause(error))
}
