//! What can be wrong with a request's rows, in words for the person who sent them.

use std::borrow::Cow;

/// What kind of mistake a body, a header or a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowErrorKind {
    /// The whole cannot be read.
    Malformed,
    /// A row has too many or too few columns.
    Width,
    /// A name is unknown, repeated or absent.
    Name,
    /// A value has the wrong type.
    Value,
    /// Something else stands where a row should.
    Shape,
    /// Nothing is stored for the pair.
    UnknownPair,
    /// What is stored for the pair cannot be read as a row.
    Unreadable,
}

/// A mistake, and the column it is in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct RowError {
    /// Its kind.
    pub kind: RowErrorKind,
    /// What is wrong and what was expected.
    pub detail: Cow<'static, str>,
    /// The column's name, when it is of one column.
    pub column: Option<String>,
}

impl RowError {
    /// A mistake of no single column.
    pub fn new(kind: RowErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), column: None }
    }

    /// The same mistake, of `column`.
    #[must_use]
    pub fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }
}
