//! Pairs to their stored rows.

use std::time::Instant;

use tracing::error;

use super::answer::{FailedRow, RowOutcomes};
use super::{Inference, InferenceError, Input};
use crate::row::{Batch, Decoded, Outcomes, PairKey, RowError, RowErrorKind};
use crate::telemetry::Stages;

/// Up to this many pairs are joined where they are.
const SMALL_JOIN: usize = 256;

/// The rows to score, and what is known of each row of the request by then.
pub(super) struct Joined {
    pub(super) rows: Batch,
    pub(super) outcomes: RowOutcomes,
}

impl Inference {
    /// The good rows of `input`: as they stand, or as they are stored for its pairs.
    pub(super) async fn join(
        &self,
        input: Input,
        all_or_nothing: bool,
        stages: &mut Stages,
    ) -> Result<Joined, InferenceError> {
        let joined = match input {
            Input::Rows(Decoded { items, outcomes }) => {
                let (count, failures) = (outcomes.count(), failures(outcomes));
                Joined { rows: items, outcomes: RowOutcomes { count, pairs: Vec::new(), failures } }
            }
            Input::Pairs(pairs) => {
                let features = self.features()?;
                if all_or_nothing {
                    // Nothing is looked up for a request that fails anyway.
                    pairs.outcomes.first_failure().map_or(Ok(()), |(row, error)| {
                        Err(InferenceError::Row { row, error: error.clone() })
                    })?;
                }
                let started = Instant::now();
                let found = features.store.get_many(&pairs.items).await?;
                stages.lookup = started.elapsed();
                let (is_small, width) = (found.len() <= SMALL_JOIN, self.schema.width());
                self.admission.run(is_small, move || join_pairs(pairs, found, width)).await
            }
        };
        match joined.outcomes.failures.first() {
            Some(FailedRow { at, error, .. }) if all_or_nothing => {
                Err(InferenceError::Row { row: at + 1, error: error.clone() })
            }
            _ => Ok(joined),
        }
    }
}

fn failures(outcomes: Outcomes) -> Vec<FailedRow> {
    outcomes.into_failures().map(|(at, error)| FailedRow { at, pair: None, error }).collect()
}

/// The bad rows have no pair; the good ones have the next pair each, with what the store says of it.
fn join_pairs(
    Decoded { items: pairs, outcomes }: Decoded<Vec<PairKey>>,
    found: Vec<crate::features::Lookup>,
    width: usize,
) -> Joined {
    let count = outcomes.count();
    let mut rows = Batch::new(width);
    let (mut good, mut failed) = (Vec::with_capacity(pairs.len()), Vec::new());
    let mut bad = failures(outcomes).into_iter().peekable();
    let mut named = pairs.into_iter().zip(found);
    for at in 0..count {
        if let Some(bad) = bad.next_if(|bad| bad.at == at) {
            failed.push(bad);
            continue;
        }
        let (pair, found) = named.next().expect("a pair for each good row: its lack is a bug");
        let error = match found {
            Ok(Some(row)) => {
                rows.push(&row);
                good.push(pair);
                continue;
            }
            Ok(None) => {
                RowError::new(RowErrorKind::UnknownPair, format!("no features are stored for {pair}"))
            }
            Err(unreadable) => {
                // What is wrong with it concerns those who look after the store.
                error!("the stored row of {pair} cannot be read: {unreadable}");
                RowError::new(RowErrorKind::Unreadable, format!("the stored row of {pair} cannot be read"))
            }
        };
        failed.push(FailedRow { at, pair: Some(pair), error });
    }
    Joined { rows, outcomes: RowOutcomes { count, pairs: good, failures: failed } }
}
