//! PORT: where the feature rows of (user, product) pairs are kept.
//!
//! A store answers in the order it was asked, with `None` for what it does not hold; it decides no status, logs no
//! failure and retries nothing on its own.

pub mod batched;
pub mod cached;
pub mod dynamodb;
pub mod embedded;
mod row_format;
pub mod table;
mod user_block;

use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::cause::Cause;
use crate::row::{FeatureRow, PairKey};
use crate::upstream::UpstreamError;

/// A row as a store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// The row.
    pub values: FeatureRow,
    /// When it was made, in its maker's notation, if the store knows.
    pub updated_at: Option<Arc<str>>,
}

impl From<FeatureRow> for StoredRow {
    fn from(values: FeatureRow) -> Self {
        Self { values, updated_at: None }
    }
}

impl Deref for StoredRow {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

/// What a store holds for one pair: its row, nothing, or something unreadable.
pub type Lookup = Result<Option<StoredRow>, UnreadableRow>;

/// A product of a user with its row.
pub type ProductRow = (String, Result<StoredRow, UnreadableRow>);

/// Why what is stored for a pair is no row of this model. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnreadableRow(pub String);

/// A store of feature rows.
#[async_trait]
pub trait FeatureStore: Send + Sync {
    /// What is stored for `keys`, in their order and number.
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError>;

    /// Every product of `user` with its row, ordered by product identifier; empty for an unknown user.
    async fn products_of(&self, user: &str) -> Result<Vec<ProductRow>, StoreError>;

    /// One cheap read that shows the store answers.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// A store that lists its users without reading all it holds.
#[async_trait]
pub trait UserIndex: Send + Sync {
    /// Up to `limit` users whose identifiers begin with `prefix`, in order.
    async fn users(&self, prefix: &str, limit: usize) -> Result<Vec<String>, StoreError>;
}

/// What is known of a table of features.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableInfo {
    /// The same for equal tables, another for any other: a SHA-256 in hexadecimal; `None` for a table from before there were
    /// versions.
    pub version: Option<String>,
    /// Number of pairs.
    pub rows: u64,
    /// The file it was loaded from.
    pub source: Option<String>,
    /// When it was loaded.
    pub loaded_at: Option<SystemTime>,
}

/// A store that knows which table it holds.
pub trait VersionedTable: Send + Sync {
    /// The table in use now; the default where nothing is known of it.
    fn table(&self) -> Arc<TableInfo>;
}

/// A store that takes a table.
#[async_trait]
pub trait FeatureWriter: Send + Sync {
    /// Writes `rows`; a pair that is there already is replaced. After an error none of them is written, or, in a store that
    /// cannot promise that, some are: writing all of them again is harmless and completes them.
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError>;

    /// Ends the table: every row that was put is in the store, for good.
    async fn finish(&self) -> Result<TableInfo, StoreError>;

    /// Whether rows that were put stay in the store when no more follow; if not, all is as it was without [`Self::finish`].
    fn keeps_what_it_took(&self) -> bool;
}

/// Why a store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read or written now; a later try may succeed.
    #[error("the feature store is unavailable")]
    Unavailable(#[source] Cause),
    /// It holds something that is not a row, nobody knows whose; a later try will fail the same.
    #[error("the feature store contains something that is not a row: {0}")]
    Corrupt(String),
    /// A row that was to be written is none that it can hold.
    #[error("the feature store rejected a row: {0}")]
    Rejected(String),
    /// The upstream behind it gave no answer.
    #[error("the feature store did not answer: {0}")]
    Upstream(#[from] UpstreamError),
}
