//! A table in memory only: it lives as long as its process.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::draft::{Open, check_width, named};
use super::file::{OpenError, StoreFile};
use super::{Current, EmbeddedStore, OpenOptions, unavailable};
use crate::admission::Admission;
use crate::features::{FeatureWriter, StoreError, TableInfo};
use crate::row::{FeatureRow, PairKey};

/// A table that is being written to memory.
pub struct MemoryDraft {
    memory: Memory,
    columns: Vec<String>,
    source: String,
    /// `None` once it is finished.
    open: Mutex<Option<Open>>,
}

impl MemoryDraft {
    /// Begins a table of `columns`, which will record `source` as its origin.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn begin(columns: &[String], source: &str) -> Result<Self, OpenError> {
        let memory = Memory(Arc::new(InMemoryBackend::new()));
        let open = Mutex::new(Some(Open::over(memory.clone(), columns.len())?));
        Ok(Self { memory, columns: columns.to_vec(), source: source.to_owned(), open })
    }

    /// The store with the finished table.
    ///
    /// # Errors
    /// The table is not finished.
    pub fn into_store(self, options: OpenOptions) -> Result<EmbeddedStore, OpenError> {
        let file = StoreFile::over(self.memory, &self.columns, options.cache, false)?;
        let current = ArcSwap::new(Current::of(file));
        let (path, admission) = (PathBuf::from(":memory:"), Admission::default());
        Ok(EmbeddedStore { path, columns: self.columns, options, current, admission })
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Option<Open>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        work(&mut *self.open.lock().map_err(|_| unavailable("an earlier write was broken off"))?)
    }
}

#[async_trait]
impl FeatureWriter for MemoryDraft {
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        check_width(&rows, self.columns.len())?;
        self.with(|open| {
            let open = open.as_ref().ok_or_else(|| unavailable("the table is finished"))?;
            open.put(&rows).map_err(|error| unavailable(named(error)))
        })
    }

    async fn finish(&self) -> Result<TableInfo, StoreError> {
        let open = self.with(|open| open.take().ok_or_else(|| unavailable("the table is finished")))?;
        open.seal(&self.columns, &self.source).map_err(|error| unavailable(named(error)))?;
        let file = StoreFile::over(self.memory.clone(), &self.columns, 0, false).map_err(unavailable)?;
        Ok(file.table)
    }

    fn keeps_what_it_took(&self) -> bool {
        false
    }
}

/// Memory that outlives the database over it, so that what was written can be opened to be read.
#[derive(Debug, Clone)]
struct Memory(Arc<InMemoryBackend>);

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        StorageBackend::len(&*self.0)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        StorageBackend::read(&*self.0, offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        StorageBackend::set_len(&*self.0, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        StorageBackend::sync_data(&*self.0)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        StorageBackend::write(&*self.0, offset, data)
    }
}
