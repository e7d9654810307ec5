//! What a user will buy next: every product stored for the user, scored in one batch and ranked.

use std::sync::Arc;
use std::time::Instant;

use tracing::error;

use super::answer::is_likely;
use super::{Inference, InferenceError};
use crate::features::ProductRow;
use crate::model::ModelInfo;
use crate::row::Batch;
use crate::scorer::{InferenceTarget, Output, ScoreRequest};
use crate::telemetry::Stages;

/// So many products are ranked where they are; more take turns with other heavy work.
const INLINE_PRODUCTS: usize = 1024;

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

        let (count, width, owner) = (stored.len(), self.schema.width(), user.to_owned());
        let is_small = count <= INLINE_PRODUCTS;
        let batch = move || batch(stored, width, &owner, all_or_nothing);
        let (rows, products, unreadable) = self.admission.run(is_small, batch).await?;
        let scores = self.score(ScoreRequest { rows, target, output: Output::Score }, &mut stages).await?;
        // Again: the model may have been replaced since.
        one_number_per_row(&scores.model)?;
        let threshold = self.threshold(&scores.model);
        let (model, values) = (scores.model, scores.values);
        let ranked = move || ranked(products, values, threshold, limit);
        let products = self.admission.run(is_small, ranked).await;
        Ok(Ranking { model, threshold, stored: count, products, unreadable, stages })
    }
}

/// A product, and when its row was made.
type Product = (String, Option<Arc<str>>);

/// The rows to score, their products, and those that have no row that can be read.
fn batch(
    stored: Vec<ProductRow>,
    width: usize,
    user: &str,
    all_or_nothing: bool,
) -> Result<(Batch, Vec<Product>, Vec<String>), InferenceError> {
    let (mut rows, mut products, mut unreadable) =
        (Batch::new(width), Vec::with_capacity(stored.len()), Vec::new());
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
    Ok((rows, products, unreadable))
}

/// The first `limit` of `products`, which come in the order of their identifiers and have these scores.
fn ranked(products: Vec<Product>, scores: Vec<f64>, threshold: f64, limit: usize) -> Vec<RankedProduct> {
    let mut ranked: Vec<_> = products
        .into_iter()
        .zip(scores)
        .map(|((product, feature_time), score)| RankedProduct {
            product,
            feature_time,
            score,
            likely: is_likely(&[score], threshold).unwrap_or_default(),
        })
        .collect();
    // This sort keeps the order among equals.
    ranked.sort_by(|left, right| right.score.total_cmp(&left.score));
    ranked.truncate(limit);
    ranked
}

fn one_number_per_row(model: &ModelInfo) -> Result<(), InferenceError> {
    match model.outputs {
        1 => Ok(()),
        outputs => Err(InferenceError::Unranked { outputs }),
    }
}
