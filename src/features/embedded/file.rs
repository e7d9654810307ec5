//! One store file: opened, checked and described. It is never changed; another table is another file.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, SystemTime};

use redb::{Database, ReadTransaction, ReadableDatabase, StorageBackend, TableDefinition, TableHandle};

use super::pages::{BadBlock, Pages};
use super::rows::Rows;
use crate::features::{Lookup, ProductRow, StoredRow, TableInfo, UnreadableRow};
use crate::row::{FeatureRow, PairKey};

/// What the store is, by name.
pub(super) const ABOUT: TableDefinition<&str, &str> = TableDefinition::new("about");
/// The names of the columns, as JSON.
pub(super) const COLUMNS: &str = "columns";
/// The version of the table. Written last, so that a table with one is whole. Tables from before there were versions have
/// columns alone.
pub(super) const VERSION: &str = "version";
/// Number of rows.
pub(super) const COUNT: &str = "rows";
/// Number of users.
pub(super) const USER_COUNT: &str = "users";
/// What the table was loaded from.
pub(super) const SOURCE: &str = "source";
/// When, in whole seconds since 1970-01-01 UTC.
pub(super) const LOADED_AT: &str = "loaded_at";

/// Why a store file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none.
    #[error("there is no feature store yet; load one with `imba features import`")]
    Absent,
    /// Another process is writing a table.
    #[error("another process is loading a table into this store; wait for it to end, or stop it")]
    Locked,
    /// It was made for other columns.
    #[error("the store was made for other columns than the model's: {0}")]
    OtherColumns(String),
    /// It is not a store.
    #[error("this is not a feature store: {0}; move the file away, or set features.embedded.path to another")]
    NotAStore(String),
    /// It is a store that is damaged.
    #[error("the feature store is damaged: {0}; load the table again with `imba features import --replace`")]
    Damaged(String),
    /// The file, or the folder it is to be in, cannot be made.
    #[error("{0}; set features.embedded.path to a place that can be written, or to \":memory:\" for none")]
    NotWritable(io::Error),
    /// The file system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What is wrong with a file that has been opened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damage(pub(super) String);

/// Runs a read and treats any failure in it as damage to the file: redb panics on a page that makes no sense.
pub(super) fn reading<T>(read: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Damage> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Damage(error.to_string())),
        Err(payload) => Err(Damage(match payload.downcast::<BadBlock>() {
            Ok(bad) => bad.0,
            Err(_) => "a page of the file makes no sense".to_owned(),
        })),
    }
}

/// An open store file.
pub(super) struct StoreFile {
    rows: Rows,
    width: usize,
    pub(super) table: TableInfo,
    /// Held while `rows` is read from.
    _database: Database,
}

impl StoreFile {
    /// Opens the store at `path` for rows of `columns`, with a `cache` of that many bytes. A file of up to `check_limit` bytes
    /// is read whole and compared with its checksums.
    pub(super) fn open(
        path: &Path,
        columns: &[String],
        cache: usize,
        check_limit: u64,
    ) -> Result<Self, OpenError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenError::Absent,
            _ => OpenError::Io(error),
        })?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(OpenError::NotAStore("it is not a regular file".to_owned()));
        }
        if about.len() == 0 {
            return Err(OpenError::NotAStore("it is empty".to_owned()));
        }
        Self::over(Pages::over(file)?, columns, cache, about.len() <= check_limit)
    }

    /// Opens the store in `backend`, which is read whole if it is to be checked.
    pub(super) fn over(
        backend: impl StorageBackend,
        columns: &[String],
        cache: usize,
        checked: bool,
    ) -> Result<Self, OpenError> {
        let mut builder = Database::builder();
        builder.set_cache_size(cache).set_check_integrity_on_open(checked);
        let opened = catch_unwind(AssertUnwindSafe(|| builder.create_with_backend(backend)));
        let database = match opened {
            Ok(Ok(database)) => database,
            Ok(Err(redb::DatabaseError::Storage(redb::StorageError::Io(error)))) => {
                return Err(match error.kind() {
                    io::ErrorKind::InvalidData => OpenError::NotAStore(error.to_string()),
                    io::ErrorKind::UnexpectedEof => OpenError::Damaged("the file is cut off".to_owned()),
                    _ => OpenError::Io(error),
                });
            }
            Ok(Err(error)) => return Err(OpenError::Damaged(error.to_string())),
            Err(_) => return Err(OpenError::Damaged("its pages make no sense".to_owned())),
        };
        let damaged = |damage: Damage| OpenError::Damaged(damage.0);
        let transaction = reading(|| Ok(database.begin_read()?)).map_err(damaged)?;
        let (rows, table) = described(&transaction, columns)?;
        Ok(Self { rows, width: columns.len(), table, _database: database })
    }

    /// The rows of `keys`. What is unreadable of one user or pair fails on its own.
    pub(super) fn get_many(&self, keys: &[PairKey]) -> Vec<Lookup> {
        self.rows.get_many(keys, self.width)
    }

    /// How many products `user` has, where that is known without reading them.
    pub(super) fn count_of(&self, user: &str) -> Result<Option<usize>, Damage> {
        self.rows.count_of(user)
    }

    /// The products of `user`, ordered by identifier.
    pub(super) fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, Damage> {
        let (mut products, mut damage) = (Vec::new(), None);
        self.rows.scan(user, self.width, |(owner, product), row| {
            if owner != user {
                return false;
            }
            match row {
                // It is not known which products they are.
                Err(UnreadableRow(why)) if product.is_empty() => damage = Some(Damage(why)),
                row => products.push((product.to_owned(), row.map(StoredRow::from))),
            }
            damage.is_none()
        })?;
        damage.map_or(Ok(products), Err)
    }

    /// Every row in order, until `take` returns false.
    pub(super) fn scan(
        &self,
        take: impl FnMut((&str, &str), Result<FeatureRow, UnreadableRow>) -> bool,
    ) -> Result<(), Damage> {
        self.rows.scan("", self.width, take)
    }

    /// Up to `limit` users whose identifiers begin with `prefix`, in order.
    pub(super) fn users(&self, prefix: &str, limit: usize) -> Result<Vec<String>, Damage> {
        self.rows.users(prefix, limit)
    }

    /// Whether the rows are kept as tables are written now.
    pub(super) fn is_current(&self) -> bool {
        matches!(self.rows, Rows::ByUser(_))
    }
}

/// The file's description and its rows; it must be a complete table of `columns`.
fn described(transaction: &ReadTransaction, columns: &[String]) -> Result<(Rows, TableInfo), OpenError> {
    let damaged = |damage: Damage| OpenError::Damaged(damage.0);
    let names =
        reading(|| Ok(transaction.list_tables()?.map(|table| table.name().to_owned()).collect::<Vec<_>>()))
            .map_err(damaged)?;
    if !names.iter().any(|name| name == ABOUT.name()) {
        return Err(OpenError::NotAStore("it is a database of another program".to_owned()));
    }
    let found = reading(|| {
        let about = transaction.open_table(ABOUT)?;
        let read = |name| Ok::<_, redb::Error>(about.get(name)?.map(|value| value.value().to_owned()));
        Ok([read(COLUMNS)?, read(VERSION)?, read(COUNT)?, read(USER_COUNT)?, read(SOURCE)?, read(LOADED_AT)?])
    })
    .map_err(damaged)?;
    let rows = reading(|| Rows::open(transaction, &names)).map_err(damaged)?;
    let [found_columns, version, count, users, source, loaded_at] = found;
    let found_columns =
        found_columns.ok_or_else(|| OpenError::Damaged("it does not say what its columns are".to_owned()))?;
    check_columns(&found_columns, columns)?;
    let present = reading(|| rows.count()).map_err(damaged)?;
    let said = if let Rows::ByUser(_) = &rows { &users } else { &count };
    if let Some(said) = said
        && *said != present.to_string()
    {
        return Err(OpenError::Damaged(format!("{present} of {said} entries are there")));
    }
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(present);
    let seconds = loaded_at.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let loaded_at = seconds.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    let table = TableInfo { version, rows: count, source, loaded_at };
    Ok((rows, table))
}

/// Whether the columns `found`, as JSON, are `wanted`.
fn check_columns(found: &str, wanted: &[String]) -> Result<(), OpenError> {
    let Ok(found) = serde_json::from_str::<Vec<String>>(found) else {
        return Err(OpenError::Damaged("its list of columns is unreadable".to_owned()));
    };
    if found == wanted {
        return Ok(());
    }
    let differs = found.iter().zip(wanted).position(|(found, wanted)| found != wanted);
    Err(OpenError::OtherColumns(match differs {
        Some(at) => format!("column {} is {:?} there and {:?} here", at + 1, found[at], wanted[at]),
        None => format!("{} columns there and {} here", found.len(), wanted.len()),
    }))
}
