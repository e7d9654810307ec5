//! A user and a product: the key of a stored row.

use std::fmt;

/// A user and a product: the key that a row is stored under.
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
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// More than [`MAX_ID_BYTES`].
    #[error("is longer than {MAX_ID_BYTES} bytes")]
    TooLong,
    /// A line break, a NUL or the like.
    #[error("contains a control character")]
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
