//! The embedded store: one redb file, ordered by user, then product.
//!
//! Reads run on the caller's thread: a lookup is a few page reads from redb's own cache, shorter than a hand-over to
//! another thread. Writes wait for the disk, so they run on the blocking pool.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};

use super::{
    FeatureStore, FeatureWriter, Lookup, ProductRow, StoreError, UnreadableRow, UserIndex, row_format,
};
use crate::cause::cause;
use crate::row::{FeatureRow, PairKey};

/// (user, product) → the row's bytes, see [`row_format`].
const ROWS: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("rows");
/// What the store is, by name; `columns` holds the column names as JSON.
const ABOUT: TableDefinition<&str, &str> = TableDefinition::new("about");
const COLUMNS: &str = "columns";

/// A feature store in a local file.
pub struct EmbeddedStore {
    database: Arc<Database>,
    width: usize,
}

/// Why a store file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the store is in use by another process; stop that process or set features.embedded.path to another file"
    )]
    Locked,
    /// It was made for other columns.
    #[error("the store was made for other columns than features.columns: {0}")]
    OtherColumns(String),
    /// It is not a store, or a damaged one.
    #[error("this is not a readable feature store: {0}")]
    NotAStore(String),
    /// The file system said no.
    #[error("{0}")]
    Io(std::io::Error),
}

impl EmbeddedStore {
    /// Opens the store at `path`, or makes it there with its folder, for rows of `columns`. `cache` is in bytes.
    ///
    /// # Errors
    /// The file is locked, unreadable, no store, or one for other columns.
    pub fn open(path: &Path, columns: &[String], cache: usize) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(OpenError::Io)?;
        }
        let database = Database::builder().set_cache_size(cache).create(path)?;
        let store = Self { database: Arc::new(database), width: columns.len() };
        store.claim(columns)?;
        Ok(store)
    }

    /// Checks that the rows are of `columns`, or notes in a new store that they are.
    fn claim(&self, columns: &[String]) -> Result<(), OpenError> {
        let wanted =
            serde_json::to_string(columns).map_err(|error| OpenError::NotAStore(error.to_string()))?;
        let transaction = self.database.begin_write().map_err(not_a_store)?;
        {
            transaction.open_table(ROWS).map_err(not_a_store)?;
            let mut about = transaction.open_table(ABOUT).map_err(not_a_store)?;
            let found = about.get(COLUMNS).map_err(not_a_store)?.map(|found| found.value().to_owned());
            match found {
                Some(found) if found == wanted => return Ok(()),
                Some(found) => return Err(OpenError::OtherColumns(first_difference(&found, columns))),
                None => about.insert(COLUMNS, wanted.as_str()).map_err(not_a_store)?,
            };
        }
        transaction.commit().map_err(not_a_store)
    }

    /// Number of pairs in the store.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn len(&self) -> Result<u64, StoreError> {
        let transaction = self.database.begin_read().map_err(unavailable)?;
        transaction.open_table(ROWS).map_err(unavailable)?.len().map_err(unavailable)
    }

    /// Whether the store holds no pair.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.len().map(|pairs| pairs == 0)
    }

    fn decode(&self, bytes: &[u8]) -> Result<FeatureRow, UnreadableRow> {
        row_format::decode(bytes, self.width).map_err(UnreadableRow)
    }
}

#[async_trait]
impl FeatureStore for EmbeddedStore {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        let transaction = self.database.begin_read().map_err(unavailable)?;
        let rows = transaction.open_table(ROWS).map_err(unavailable)?;
        keys.iter()
            .map(|key| {
                let found = rows.get((key.user(), key.product())).map_err(unavailable)?;
                Ok(found.map(|bytes| self.decode(bytes.value())).transpose())
            })
            .collect()
    }

    async fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, StoreError> {
        let transaction = self.database.begin_read().map_err(unavailable)?;
        let rows = transaction.open_table(ROWS).map_err(unavailable)?;
        let mut products = Vec::new();
        for entry in rows.range((user, "")..).map_err(unavailable)? {
            let (key, bytes) = entry.map_err(unavailable)?;
            let (owner, product) = key.value();
            if owner != user {
                break;
            }
            products.push((product.to_owned(), self.decode(bytes.value())));
        }
        Ok(products)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.len().map(drop)
    }
}

#[async_trait]
impl UserIndex for EmbeddedStore {
    /// One seek per user, however many products each has.
    async fn users(&self, prefix: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let transaction = self.database.begin_read().map_err(unavailable)?;
        let rows = transaction.open_table(ROWS).map_err(unavailable)?;
        let mut users = Vec::new();
        let mut from = prefix.to_owned();
        while users.len() < limit {
            let Some(entry) = rows.range((from.as_str(), "")..).map_err(unavailable)?.next() else { break };
            let (key, _) = entry.map_err(unavailable)?;
            let (user, _) = key.value();
            if !user.starts_with(prefix) {
                break;
            }
            // No identifier holds a NUL, so this is the least text after every identifier up to this user.
            from = format!("{user}\0");
            users.push(user.to_owned());
        }
        Ok(users)
    }
}

#[async_trait]
impl FeatureWriter for EmbeddedStore {
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError> {
        if let Some((key, row)) = rows.iter().find(|(_, row)| row.len() != self.width) {
            return Err(StoreError::Rejected(format!(
                "{key}: {} values, expected {}",
                row.len(),
                self.width
            )));
        }
        let database = Arc::clone(&self.database);
        tokio::task::spawn_blocking(move || put_all(&database, &rows)).await.map_err(unavailable)?
    }
}

/// One transaction: all of `rows`, durable on return, or none.
fn put_all(database: &Database, rows: &[(PairKey, FeatureRow)]) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(unavailable)?;
    {
        let mut table = transaction.open_table(ROWS).map_err(unavailable)?;
        let mut bytes = Vec::new();
        for (key, row) in rows {
            row_format::encode(row, &mut bytes);
            table.insert((key.user(), key.product()), bytes.as_slice()).map_err(unavailable)?;
        }
    }
    transaction.commit().map_err(unavailable)
}

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(cause(error))
}

fn not_a_store(error: impl std::fmt::Display) -> OpenError {
    OpenError::NotAStore(error.to_string())
}

impl From<DatabaseError> for OpenError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::Locked,
            DatabaseError::Storage(redb::StorageError::Io(error))
                if error.kind() != std::io::ErrorKind::InvalidData =>
            {
                Self::Io(error)
            }
            other => not_a_store(other),
        }
    }
}

fn first_difference(found: &str, wanted: &[String]) -> String {
    let Ok(found) = serde_json::from_str::<Vec<String>>(found) else {
        return "its list of columns is unreadable".to_owned();
    };
    let differs = found.iter().zip(wanted).position(|(found, wanted)| found != wanted);
    match differs {
        Some(at) => format!("column {} is {:?} there and {:?} here", at + 1, found[at], wanted[at]),
        None => format!("{} columns there and {} here", found.len(), wanted.len()),
    }
}
