//! What a user will buy next: every product stored for the user, scored in one batch and ranked.

use std::sync::Arc;
use std::time::Instant;

use tracing::error;

use super::answer::is_likely;
use super::{Inference, InferenceError};
use crate::model::ModelInfo;
use crate::row::Batch;
use crate::scorer::{InferenceTarget, Output, ScoreRequest};
use crate::telemetry::Stages;

/// The products of a user, the likeliest first.
#[derive(Debug)]
pub struct Ranking {
    /// The model that scored all of them.
    pub model: Arc<ModelInfo>,
    /// The score above which a purchase counts as likely.
    pub threshold: f64,
    /// Number of products stored for the user, of which `products` are the first.
    pub stored: usize,
    /// Those with equal scores stand in the order of their identifiers.
    pub products: Vec<RankedProduct>,
    /// Products whose stored rows cannot be read, and which therefore have no place.
    pub unreadable: Vec<String>,
    /// Where the time went.
    pub stages: Stages,
}

/// A product with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedProduct {
    /// Its identifier.
    pub product: String,
    /// Its score.
    pub score: f64,
    /// Whether the score is above the threshold.
    pub likely: bool,
    /// When its row was made, where the store knows.
    pub feature_time: Option<Arc<str>>,
}

impl Inference {
    /// The `limit` likeliest products of `user` by the model that `target` names.
    ///
    /// # Errors
    /// The store's or the scorer's; also when nothing is stored for the user, or when the model gives several numbers per
    /// row, which have no order; with `all_or_nothing` also when a stored row cannot be read.
    pub async fn recommend(
        &self,
        user: &str,
        limit: usize,
        target: Option<Arc<InferenceTarget>>,
        all_or_nothing: bool,
    ) -> Result<Ranking, InferenceError> {
        one_number_per_row(&self.model())?;
        let mut stages = Stages::default();
        let started = Instant::now();
        let stored = self.features()?.store.products_of(user).await?;
        stages.lookup = started.elapsed();
        if stored.is_empty() {
            return Err(InferenceError::UnknownUser(user.to_owned()));
        }

        let count = stored.len();
        let (mut rows, mut products, mut unreadable) =
            (Batch::new(self.schema.width()), Vec::with_capacity(count), Vec::new());
        for (product, row) in stored {
            match row {
                Ok(row) => {
                    rows.push(&row);
                    products.push((product, row.updated_at));
                }
                Err(why) => {
                    error!("the stored row of user {user}, product {product} cannot be read: {why}");
                    if all_or_nothing {
                        return Err(InferenceError::UnreadableProduct(product));
                    }
                    unreadable.push(product);
                }
            }
        }
        let scores = self.score(ScoreRequest { rows, target, output: Output::Score }, &mut stages).await?;
        // Again: the model may have been replaced since.
        one_number_per_row(&scores.model)?;
        let threshold = self.threshold(&scores.model);
        let mut products: Vec<_> = products
            .into_iter()
            .zip(scores.values)
            .map(|((product, feature_time), score)| RankedProduct {
                product,
                feature_time,
                score,
                likely: is_likely(&[score], threshold).unwrap_or_default(),
            })
            .collect();
        // The store gives products in the order of their identifiers, and this sort keeps that order among equals.
        products.sort_by(|left, right| right.score.total_cmp(&left.score));
        products.truncate(limit);
        Ok(Ranking { model: scores.model, threshold, stored: count, products, unreadable, stages })
    }
}

fn one_number_per_row(model: &ModelInfo) -> Result<(), InferenceError> {
    match model.outputs {
        1 => Ok(()),
        outputs => Err(InferenceError::Unranked { outputs }),
    }
}
