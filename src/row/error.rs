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
    /// There are more rows than a request may have.
    TooManyRows,
}

impl RowErrorKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::Width,
        Self::Name,
        Self::Value,
        Self::Shape,
        Self::UnknownPair,
        Self::Unreadable,
        Self::TooManyRows,
    ];

    /// A mistake of this kind in a few words, for rows beyond those whose mistakes are told in full.
    #[must_use]
    pub fn brief(self) -> &'static RowError {
        const fn brief(kind: RowErrorKind, detail: &'static str) -> RowError {
            RowError { kind, detail: Cow::Borrowed(detail), column: None }
        }
        static MALFORMED: RowError = brief(RowErrorKind::Malformed, "the row cannot be read");
        static WIDTH: RowError = brief(RowErrorKind::Width, "the number of columns is wrong");
        static NAME: RowError = brief(RowErrorKind::Name, "a name is unknown, repeated or absent");
        static VALUE: RowError = brief(RowErrorKind::Value, "a value is wrong");
        static SHAPE: RowError = brief(RowErrorKind::Shape, "this is no row");
        static UNKNOWN: RowError = brief(RowErrorKind::UnknownPair, "no features are stored for the pair");
        static UNREADABLE: RowError = brief(RowErrorKind::Unreadable, "the stored row cannot be read");
        static TOO_MANY: RowError = brief(RowErrorKind::TooManyRows, "there are too many rows");
        match self {
            Self::Malformed => &MALFORMED,
            Self::Width => &WIDTH,
            Self::Name => &NAME,
            Self::Value => &VALUE,
            Self::Shape => &SHAPE,
            Self::UnknownPair => &UNKNOWN,
            Self::Unreadable => &UNREADABLE,
            Self::TooManyRows => &TOO_MANY,
        }
    }
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
