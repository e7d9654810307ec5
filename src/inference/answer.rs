//! The outcome of each row of a request.

use std::sync::Arc;

use crate::row::{PairKey, RowError};
use crate::scorer::{Explanations, Scores};
use crate::telemetry::Stages;

/// Per row of a request, in order: the pair it named, if any, and what is wrong with it, if anything. Good rows of a request
/// that names no pairs take no room.
#[derive(Debug, Default)]
pub(super) struct RowOutcomes {
    pub(super) count: usize,
    /// Those of the good rows, in order; empty where rows were given.
    pub(super) pairs: Vec<PairKey>,
    /// When the rows of these pairs were made, in order, where the store knows.
    pub(super) times: Vec<Option<Arc<str>>>,
    /// By their place in the request, from 0.
    pub(super) failures: Vec<FailedRow>,
}

#[derive(Debug)]
pub(super) struct FailedRow {
    pub(super) at: usize,
    pub(super) pair: Option<PairKey>,
    pub(super) error: RowError,
}

/// The results for the good rows of a request, all by one model, and what is wrong with the others.
#[derive(Debug)]
pub struct Answer<T> {
    /// The results, row after row.
    pub results: T,
    /// The score above which a purchase counts as likely.
    pub threshold: f64,
    /// Where the time went.
    pub stages: Stages,
    outcomes: RowOutcomes,
}

/// One row of an answer.
#[derive(Debug)]
pub struct RowAnswer<'a, T> {
    /// The pair that the request named.
    pub pair: Option<&'a PairKey>,
    /// When its row was made, where the store knows.
    pub feature_time: Option<&'a str>,
    /// Its result, or why it has none.
    pub outcome: Result<T, &'a RowError>,
}

impl<T> Answer<T> {
    pub(super) fn new(results: T, outcomes: RowOutcomes, threshold: f64, stages: Stages) -> Self {
        Self { results, threshold, stages, outcomes }
    }

    /// Number of rows, good and bad.
    #[must_use]
    pub fn count(&self) -> usize {
        self.outcomes.count
    }

    /// Whether no row failed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.outcomes.failures.is_empty()
    }

    /// Whether a row of these numbers counts as likely; `None` where the model gives several, which are no one probability.
    #[must_use]
    pub fn is_likely(&self, score: &[f64]) -> Option<bool> {
        is_likely(score, self.threshold)
    }

    /// Each row of the request, the good ones with the next of `results`.
    fn zip<'a, R>(
        &'a self,
        mut results: impl Iterator<Item = R> + 'a,
    ) -> impl Iterator<Item = RowAnswer<'a, R>> {
        let mut pairs = self.outcomes.pairs.iter();
        let mut times = self.outcomes.times.iter();
        let mut failures = self.outcomes.failures.iter().peekable();
        (0..self.outcomes.count).map(move |at| match failures.next_if(|failed| failed.at == at) {
            Some(failed) => {
                RowAnswer { pair: failed.pair.as_ref(), feature_time: None, outcome: Err(&failed.error) }
            }
            None => RowAnswer {
                pair: pairs.next(),
                feature_time: times.next().and_then(Option::as_deref),
                outcome: Ok(results.next().expect("a result for each good row: its lack is a bug")),
            },
        })
    }
}

impl Answer<Scores> {
    /// Each row of the request with the numbers of its score.
    pub fn rows(&self) -> impl Iterator<Item = RowAnswer<'_, &[f64]>> {
        self.zip(self.results.rows())
    }
}

impl Answer<Explanations> {
    /// Each row of the request with its explanation.
    pub fn rows(&self) -> impl Iterator<Item = RowAnswer<'_, crate::scorer::Explanation<'_>>> {
        self.zip(self.results.rows())
    }
}

pub(super) fn is_likely(score: &[f64], threshold: f64) -> Option<bool> {
    match *score {
        [score] => Some(score > threshold),
        _ => None,
    }
}
