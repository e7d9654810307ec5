use std::num::NonZeroUsize;

use super::Model;
use crate::{PredictError, Rows};

/// Fewest rows worth a thread of their own.
const LEAST_ROWS: usize = 256;

/// A model whose batches are split among threads; see [`Model::parallel`].
#[derive(Debug, Clone, Copy)]
pub struct Parallel<'m> {
    model: &'m Model,
    threads: NonZeroUsize,
}

impl Model {
    /// The same outputs, computed by up to so many threads, started for each call. Every number is the same
    /// as without; small batches stay on the caller's thread.
    #[must_use]
    pub fn parallel(&self, threads: NonZeroUsize) -> Parallel<'_> {
        Parallel { model: self, threads }
    }
}

impl Parallel<'_> {
    /// As [`Model::predict`].
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        self.split(rows.into(), out, self.model.num_outputs(), |rows, out| self.model.predict(rows, out))
    }

    /// As [`Model::margin`].
    ///
    /// # Errors
    /// As [`Model::margin`].
    pub fn margin<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        self.split(rows.into(), out, self.model.num_margins(), |rows, out| self.model.margin(rows, out))
    }

    /// As [`Model::leaves`].
    ///
    /// # Errors
    /// As [`Model::leaves`].
    pub fn leaves<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [u32]) -> Result<(), PredictError> {
        self.split(rows.into(), out, self.model.num_trees(), |rows, out| self.model.leaves(rows, out))
    }

    /// As [`Model::contributions`].
    ///
    /// # Errors
    /// As [`Model::contributions`].
    pub fn contributions<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        let width = self.model.num_contributions();
        self.split(rows.into(), out, width, |rows, out| self.model.contributions(rows, out))
    }

    /// As [`Model::interactions`].
    ///
    /// # Errors
    /// As [`Model::interactions`].
    pub fn interactions<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        let width = self.model.num_interactions();
        self.split(rows.into(), out, width, |rows, out| self.model.interactions(rows, out))
    }

    fn split<T: Send>(
        &self,
        rows: Rows,
        out: &mut [T],
        width: usize,
        evaluate: impl Fn(Rows, &mut [T]) -> Result<(), PredictError> + Sync,
    ) -> Result<(), PredictError> {
        let count = rows.count(self.model.num_features(), out.len(), width)?;
        let share = count.div_ceil(self.threads.get()).max(LEAST_ROWS);
        if share >= count || width == 0 {
            return evaluate(rows, out);
        }
        std::thread::scope(|scope| {
            let parts = out.chunks_mut(share * width).enumerate().map(|(index, out)| {
                let part = rows.part(index * share, out.len() / width, count);
                let evaluate = &evaluate;
                scope.spawn(move || evaluate(part, out))
            });
            let threads: Vec<_> = parts.collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }
}
