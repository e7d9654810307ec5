//! The rows of a request: the good ones, and what is wrong with the others.

use super::RowError;

/// The good rows of a body and what became of all of them.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The good rows, in order.
    pub items: T,
    /// Good or bad, for every row.
    pub outcomes: Outcomes,
}

impl<T> Decoded<T> {
    /// Rows that are all good; `count` says how many they are.
    #[must_use]
    pub fn good(items: T, count: impl FnOnce(&T) -> usize) -> Self {
        let count = count(&items);
        Self { items, outcomes: Outcomes { failures: Vec::new(), count } }
    }
}

/// For every row of a request in order, whether it is good; only the bad ones take room.
#[derive(Debug, Default)]
pub struct Outcomes {
    failures: Vec<(usize, RowError)>,
    count: usize,
}

impl Outcomes {
    /// Notes the outcome of the next row.
    pub fn note(&mut self, outcome: Result<(), RowError>) {
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

    /// The bad rows: their places, from 0, and what is wrong with each.
    pub fn into_failures(self) -> impl Iterator<Item = (usize, RowError)> {
        self.failures.into_iter()
    }
}
