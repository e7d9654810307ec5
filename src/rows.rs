//! Feature rows and pairs as people and programs write them: CSV, JSON, libsvm; and what can be wrong with one.

pub mod csv;
pub mod json;
pub mod libsvm;
pub mod stream;

use std::borrow::Cow;

/// What kind of mistake a body, header or row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The whole cannot be read.
    Malformed,
    /// A row has too many or too few columns.
    Width,
    /// A name is unknown, repeated or absent.
    Name,
    /// A value has the wrong type.
    Value,
    /// Something else stands where a row should.
    NotARow,
}

/// A mistake in words, for the person who made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct RowError {
    /// Its kind.
    pub mistake: Mistake,
    /// What is wrong and what was expected.
    pub detail: Cow<'static, str>,
    /// The column's name, when it is of one column.
    pub column: Option<String>,
}

impl RowError {
    fn new(mistake: Mistake, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { mistake, detail: detail.into(), column: None }
    }

    fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }
}

/// The good rows of a body and what became of all of them.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The good rows, in order.
    pub items: T,
    /// Good or bad, for every row.
    pub outcomes: Outcomes,
}

/// For every row of a request in order, whether it is good; only the bad ones take room.
#[derive(Debug, Default)]
pub struct Outcomes {
    failures: Vec<(usize, RowError)>,
    count: usize,
}

impl Outcomes {
    /// Notes the outcome of the next row.
    fn note(&mut self, outcome: Result<(), RowError>) {
        if let Err(error) = outcome {
            self.failures.push((self.count, error));
        }
        self.count += 1;
    }

    /// Number of rows, good and bad.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is wrong with each row, if anything, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&RowError>> {
        let mut failures = self.failures.iter().peekable();
        (0..self.count).map(move |at| failures.next_if(|(bad, _)| *bad == at).map(|(_, error)| error))
    }

    /// The first bad row: its 1-based number and what is wrong with it.
    #[must_use]
    pub fn first_failure(&self) -> Option<(usize, &RowError)> {
        self.failures.first().map(|(at, error)| (at + 1, error))
    }
}
