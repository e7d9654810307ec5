//! What a user will buy next: every product stored for the user, scored in one batch and ranked.

use std::sync::Arc;
use std::time::Instant;

use super::{Inference, InferenceError, Stages};
use crate::scorer::{Batch, ModelInfo, Target};

/// The products of a user, the likeliest first.
#[derive(Debug)]
pub struct Ranking {
    /// The model that scored all of them.
    pub model: Arc<ModelInfo>,
    /// Number of products stored for the user, of which `products` are the first.
    pub stored: usize,
    /// Products with their scores. Those with equal scores stand in the order of their identifiers.
    pub products: Vec<(String, f64)>,
}

impl Inference {
    /// The `limit` likeliest products of `user` by the model that `target` names; none for a user of whom nothing is stored.
    ///
    /// # Errors
    /// The store's or the scorer's; also when the model gives several numbers per row, which have no order.
    pub async fn recommend(
        &self,
        user: &str,
        limit: usize,
        target: Option<Arc<Target>>,
        stages: &mut Stages,
    ) -> Result<Ranking, InferenceError> {
        one_number_per_row(&self.scorer.info())?;
        let started = Instant::now();
        let (products, rows): (Vec<_>, Vec<_>) = self.store.products_of(user).await?.into_iter().unzip();
        stages.lookup = started.elapsed();

        let mut batch = Batch::new(self.schema.width()).aimed_at(target);
        for row in &rows {
            batch.push(row);
        }
        let scores = self.score(batch, stages).await?;
        // Again: the model may have been replaced since.
        one_number_per_row(&scores.model)?;
        let stored = products.len();
        let mut products: Vec<_> = products.into_iter().zip(scores.values).collect();
        // The store gives products in the order of their identifiers, and this sort keeps that order among equals.
        products.sort_by(|(_, left), (_, right)| right.total_cmp(left));
        products.truncate(limit);
        Ok(Ranking { model: scores.model, stored, products })
    }
}

fn one_number_per_row(model: &ModelInfo) -> Result<(), InferenceError> {
    match model.outputs {
        1 => Ok(()),
        outputs => Err(InferenceError::Unranked { outputs }),
    }
}
