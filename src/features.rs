//! PORT: where the feature rows of (user, product) pairs are kept.
//!
//! A store answers in the order it was asked and says `None` for what it does not hold; it decides no status, logs no
//! failure and retries nothing on its own.

pub mod cached;
pub mod coalesced;
pub mod dynamodb;
pub mod embedded;
mod row_format;
pub mod table;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::upstream::UpstreamError;

/// One row in model order; NaN is a missing value.
pub type FeatureRow = Box<[f32]>;

/// A user and a product: what a row is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairKey {
    user: String,
    product: String,
}

/// Longest identifier in bytes: what the narrowest store takes (a DynamoDB sort key).
pub const MAX_ID_BYTES: usize = 1024;

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// More than [`MAX_ID_BYTES`].
    #[error("is longer than {MAX_ID_BYTES} bytes")]
    TooLong,
    /// A line break, a NUL or the like.
    #[error("holds a control character")]
    Control,
}

/// Takes `id` as an identifier if it is one.
///
/// # Errors
/// What is wrong with it.
pub fn check_id(id: &str) -> Result<&str, InvalidId> {
    if id.is_empty() {
        Err(InvalidId::Empty)
    } else if id.len() > MAX_ID_BYTES {
        Err(InvalidId::TooLong)
    } else if id.chars().any(char::is_control) {
        Err(InvalidId::Control)
    } else {
        Ok(id)
    }
}

impl PairKey {
    /// A key of two identifiers that [`check_id`] took.
    #[must_use]
    pub fn new(user: &str, product: &str) -> Self {
        Self { user: user.to_owned(), product: product.to_owned() }
    }

    /// The user's identifier.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The product's identifier.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }
}

impl fmt::Display for PairKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, product {}", self.user, self.product)
    }
}

/// A store of feature rows.
#[async_trait]
pub trait FeatureStore: Send + Sync {
    /// The adapter's name in configuration, e.g. `embedded`.
    fn kind(&self) -> &'static str;

    /// The row of one pair; `None` when the store does not hold it.
    async fn get(&self, key: &PairKey) -> Result<Option<FeatureRow>, StoreError> {
        let rows = self.get_many(std::slice::from_ref(key)).await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// The rows of `keys`, in their order and number; `None` for each that the store does not hold.
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Option<FeatureRow>>, StoreError>;

    /// Every product of `user` with its row, ordered by product identifier; empty for an unknown user.
    async fn products_of(&self, user: &str) -> Result<Vec<(String, FeatureRow)>, StoreError>;

    /// Whether [`Self::users`] can answer.
    fn lists_users(&self) -> bool {
        false
    }

    /// Up to `limit` users whose identifiers begin with `prefix`, in order; `None` when the store cannot list them
    /// without reading all it holds.
    async fn users(&self, _prefix: &str, _limit: usize) -> Result<Option<Vec<String>>, StoreError> {
        Ok(None)
    }

    /// Writes `rows`; a pair that is there already is replaced. After an error none of them is written, or, in a store that
    /// cannot promise that, some are: writing all of them again is harmless and completes them.
    async fn put_many(&self, rows: Vec<(PairKey, FeatureRow)>) -> Result<(), StoreError>;

    /// One cheap read that shows the store answers.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// Why a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read or written now; a later try may succeed.
    #[error("the feature store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It holds something that is not a row of this model; a later try will fail the same.
    #[error("the feature store holds a row that cannot be read: {0}")]
    Corrupt(String),
    /// A row that was to be written is none that it can hold.
    #[error("the feature store does not take a row: {0}")]
    Rejected(String),
    /// The upstream behind it gave no answer.
    #[error("the feature store gave no answer: {0}")]
    Upstream(#[from] UpstreamError),
    /// What became of a call that several callers shared.
    #[error(transparent)]
    Shared(Arc<StoreError>),
}

impl StoreError {
    /// The error itself, shared or not.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(shared) => shared.root(),
            own => own,
        }
    }
}
