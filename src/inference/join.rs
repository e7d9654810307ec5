//! Pairs to their stored rows.

use std::time::Instant;

use tracing::error;

use super::answer::{FailedRow, RowOutcomes};
use super::{Inference, InferenceError, Input};
use crate::row::{Batch, Decoded, Outcomes, PairKey, RowError, RowErrorKind};
use crate::telemetry::Stages;

/// Bad pairs of a request that are reported in full.
const IN_FULL: usize = 100;
/// Up to this many pairs are joined on the caller's thread.
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
                Joined { rows: items, outcomes: RowOutcomes { count, failures, ..RowOutcomes::default() } }
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
    let (mut good, mut failed, mut times) = (Vec::with_capacity(pairs.len()), Vec::new(), Vec::new());
    let mut unreadable = 0;
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
                if row.updated_at.is_some() {
                    times.resize(good.len(), None);
                    times.push(row.updated_at);
                }
                good.push(pair);
                continue;
            }
            // A request with a hundred thousand bad pairs must not produce as many messages, nor as many log lines.
            Ok(None) if failed.len() >= IN_FULL => RowErrorKind::UnknownPair.brief().clone(),
            Ok(None) => {
                RowError::new(RowErrorKind::UnknownPair, format!("no features are stored for {pair}"))
            }
            Err(why) => {
                unreadable += 1;
                if unreadable <= IN_FULL {
                    // The details are for the store's operators.
                    error!("the stored row of {pair} cannot be read: {why}");
                }
                if failed.len() >= IN_FULL {
                    RowErrorKind::Unreadable.brief().clone()
                } else {
                    let detail = format!("the stored row of {pair} cannot be read");
                    RowError::new(RowErrorKind::Unreadable, detail)
                }
            }
        };
        failed.push(FailedRow { at, pair: Some(pair), error });
    }
    if unreadable > IN_FULL {
        error!("and the stored rows of {} more pairs of the request cannot be read", unreadable - IN_FULL);
    }
    Joined { rows, outcomes: RowOutcomes { count, pairs: good, times, failures: failed } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Lookup, StoredRow, UnreadableRow};

    #[test]
    fn bad_pairs_beyond_the_first_hundred_make_no_sentences() {
        let pairs: Vec<_> = (0..300).map(|at| PairKey::new("u", &at.to_string())).collect();
        let lookup = |at: usize| -> Lookup {
            match at % 3 {
                0 => {
                    Ok(Some(StoredRow { values: Box::from([1.0]), updated_at: Some(at.to_string().into()) }))
                }
                1 => Ok(None),
                _ => Err(UnreadableRow("row format 9".to_owned())),
            }
        };
        let joined = join_pairs(Decoded::good(pairs, Vec::len), (0..300).map(lookup).collect(), 1);
        let (failures, times) = (joined.outcomes.failures, joined.outcomes.times);
        assert_eq!((joined.rows.len(), failures.len(), times.len()), (100, 200, 100));
        assert_eq!(times[99].as_deref(), Some("297"));
        assert_eq!(failures[99].error.detail, "the stored row of user u, product 149 cannot be read");
        assert_eq!(&failures[100].error, RowErrorKind::UnknownPair.brief());
        assert_eq!(&failures[199].error, RowErrorKind::Unreadable.brief());
    }
}
