//! The rows of a request: the good ones, and what is wrong with the others.

use super::{RowError, RowErrorKind};

/// Bad rows whose errors are kept in full. Beyond them only the kind is kept: a body of millions of bad rows must not make
/// millions of messages.
const IN_FULL: usize = 100;

/// How much of a body is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLimits {
    /// Most rows of a request; more fail it.
    pub rows: usize,
    /// Whether the first bad row fails the request, so that nothing after it need be read.
    pub all_or_nothing: bool,
}

impl Default for RowLimits {
    fn default() -> Self {
        Self { rows: 100_000, all_or_nothing: false }
    }
}

impl RowLimits {
    /// Whether one more row may follow `count` rows.
    ///
    /// # Errors
    /// The limit is reached.
    pub fn check(self, count: usize) -> Result<(), RowError> {
        if count < self.rows {
            return Ok(());
        }
        let detail = format!("more than {} rows; send them in several requests", self.rows);
        Err(RowError::new(RowErrorKind::TooManyRows, detail))
    }
}

/// The good rows of a body, and the outcome of every row.
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
        Self { items, outcomes: Outcomes { count, ..Outcomes::default() } }
    }
}

/// For every row of a request in order, whether it is good; only the bad ones take room.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// The first bad rows, by their places from 0.
    first: Vec<(usize, RowError)>,
    /// Those after them.
    others: Vec<(usize, RowErrorKind)>,
    count: usize,
}

impl Outcomes {
    /// Notes the outcome of the next row, and tells whether it is bad.
    pub fn note(&mut self, outcome: Result<(), RowError>) -> bool {
        let at = self.count;
        self.count += 1;
        let Err(error) = outcome else { return false };
        if self.first.len() < IN_FULL {
            self.first.push((at, error));
        } else {
            self.others.push((at, error.kind));
        }
        true
    }

    /// Number of rows, good and bad.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is wrong with each row, if anything, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&RowError>> {
        let mut failures = self.failures().peekable();
        (0..self.count).map(move |at| failures.next_if(|(bad, _)| *bad == at).map(|(_, error)| error))
    }

    fn failures(&self) -> impl Iterator<Item = (usize, &RowError)> {
        let first = self.first.iter().map(|(at, error)| (*at, error));
        first.chain(self.others.iter().map(|(at, kind)| (*at, kind.brief())))
    }

    /// The first bad row: its 1-based number and what is wrong with it.
    #[must_use]
    pub fn first_failure(&self) -> Option<(usize, &RowError)> {
        self.first.first().map(|(at, error)| (at + 1, error))
    }

    /// The first bad rows, up to 100, with all that is wrong with them: their places, from 0.
    #[must_use]
    pub fn in_full(&self) -> &[(usize, RowError)] {
        &self.first
    }

    /// How many rows beyond those are bad, by kind; kinds without any are left out.
    #[must_use]
    pub fn other_failures(&self) -> Vec<(RowErrorKind, usize)> {
        let count = |kind| self.others.iter().filter(|(_, other)| *other == kind).count();
        RowErrorKind::ALL
            .into_iter()
            .map(|kind| (kind, count(kind)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// The bad rows: their places, from 0, and what is wrong with each.
    pub fn into_failures(self) -> impl Iterator<Item = (usize, RowError)> {
        self.first.into_iter().chain(self.others.into_iter().map(|(at, kind)| (at, kind.brief().clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_beyond_the_first_hundred_are_kinds() {
        let mut outcomes = Outcomes::default();
        for row in 0..250 {
            let bad = RowError::new(RowErrorKind::Width, format!("row {row}")).in_column("a");
            assert_eq!(outcomes.note(if row % 2 == 0 { Err(bad) } else { Ok(()) }), row % 2 == 0);
        }
        assert_eq!((outcomes.count(), outcomes.in_full().len()), (250, 100));
        assert_eq!(outcomes.other_failures(), [(RowErrorKind::Width, 25)]);
        let errors: Vec<_> = outcomes.iter().collect();
        assert_eq!(errors[198].unwrap().detail, "row 198");
        assert_eq!(errors[200], Some(RowErrorKind::Width.brief()));
        assert_eq!(errors[201], None);
        assert_eq!(outcomes.first_failure().unwrap().0, 1);
        let places: Vec<_> = outcomes.into_failures().map(|(at, _)| at).collect();
        assert_eq!(places, (0..250).step_by(2).collect::<Vec<_>>());
    }
}
