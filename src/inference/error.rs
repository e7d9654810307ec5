//! Why there is no answer.

use crate::features::StoreError;
use crate::row::RowError;
use crate::scorer::ScoreError;
use crate::upstream::UpstreamError;

/// Why a request has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InferenceError {
    /// A row is bad, in a request of all or nothing.
    #[error("row {row}: {error}")]
    Row {
        /// 1-based.
        row: usize,
        /// What is wrong with it.
        error: RowError,
    },
    /// The lookup failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The scoring failed.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// There is no store to look pairs up in.
    #[error("this service has no feature store (features.kind = \"none\"); send feature rows to /predict")]
    NoStore,
    /// The store has no list of users.
    #[error("the feature store in use cannot list its users")]
    NoUserIndex,
    /// Nothing is stored for the user.
    #[error("no features are stored for user {0}")]
    UnknownUser(String),
    /// What is stored for a product of the user cannot be read.
    #[error("the stored row of product {0} cannot be read")]
    UnreadableProduct(String),
    /// Scores of several numbers have no order.
    #[error("cannot rank by {outputs} outputs: the model gives several numbers per row")]
    Unranked {
        /// Numbers per row.
        outputs: usize,
    },
    /// Nothing here explains scores.
    #[error("scores cannot be explained here: the scorer in use gives scores only")]
    Unexplained,
}

impl InferenceError {
    /// What it says about the upstream of a port, if anything.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamError> {
        match self {
            Self::Store(StoreError::Upstream(upstream)) | Self::Score(ScoreError::Upstream(upstream)) => {
                Some(upstream)
            }
            _ => None,
        }
    }
}
