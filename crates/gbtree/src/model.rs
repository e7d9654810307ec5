use std::fmt;
use std::ops::Range;

use crate::learner::{Body, Learner};
use crate::load::{self, Budget, LearnerFile};
use crate::{Format, Limits, LoadError, Rows, ShapeError, Version};

/// A loaded model: immutable, checked, shared freely between threads.
///
/// Every output is float32, as the library's own.
#[derive(Debug, Clone)]
pub struct Model {
    learner: Learner,
    file: LearnerFile,
}

/// The kind of model inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Booster {
    /// Boosted trees.
    GbTree,
    /// Boosted trees with dropout: each tree has a weight.
    Dart,
    /// A linear model.
    GbLinear,
}

impl fmt::Display for Booster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Booster::GbTree => "gbtree",
            Booster::Dart => "dart",
            Booster::GbLinear => "gblinear",
        })
    }
}

impl Model {
    /// Loads a model of any format, with the default [`Limits`].
    ///
    /// # Errors
    /// [`LoadError`] says what the bytes are instead, or what is wrong with them and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, LoadError> {
        Self::from_bytes_with(bytes, &Limits::default())
    }

    /// Loads a model of any format within the caller's limits.
    ///
    /// # Errors
    /// As [`Model::from_bytes`].
    pub fn from_bytes_with(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
        let mut budget = Budget::new(limits.max_decoded_bytes);
        let mut file = load::read(bytes, &mut budget)?;
        Ok(Self { learner: Learner::new(&mut file)?, file })
    }

    /// Features per row.
    #[must_use]
    pub fn num_features(&self) -> usize {
        self.learner.num_features
    }

    /// Numbers per row that [`Model::predict`] writes.
    #[must_use]
    pub fn num_outputs(&self) -> usize {
        self.learner.objective.transform.outputs(self.learner.groups())
    }

    /// Numbers per row that [`Model::margin`] writes.
    #[must_use]
    pub fn num_margins(&self) -> usize {
        self.learner.groups()
    }

    /// Trees, over all outputs and iterations; 0 for a linear model.
    #[must_use]
    pub fn num_trees(&self) -> usize {
        match &self.learner.body {
            Body::Trees(trees) => trees.forest.trees.len(),
            Body::Linear { .. } => 0,
        }
    }

    /// Boosting iterations: the unit of [`Model::slice`] and [`Model::best_iteration`]. 0 for a linear model.
    #[must_use]
    pub fn num_iterations(&self) -> usize {
        match &self.learner.body {
            Body::Trees(trees) => trees.iterations.len() - 1,
            Body::Linear { .. } => 0,
        }
    }

    /// The names of the features in row order; empty when the file has none (before 1.4 it never has).
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        &self.file.feature_names
    }

    /// The types of the features (`float`, `int`, `i` for indicator, `q`, `c` for categorical); may be empty.
    #[must_use]
    pub fn feature_types(&self) -> &[String] {
        &self.file.feature_types
    }

    /// The objective's name, as `binary:logistic`.
    #[must_use]
    pub fn objective(&self) -> &str {
        &self.file.objective
    }

    /// The kind of model.
    #[must_use]
    pub fn booster(&self) -> Booster {
        match &self.learner.body {
            Body::Linear { .. } => Booster::GbLinear,
            Body::Trees(trees) if trees.dart => Booster::Dart,
            Body::Trees(_) => Booster::GbTree,
        }
    }

    /// The release that saved the file, where it says so (since 1.0).
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.file.version
    }

    /// How the model was stored.
    #[must_use]
    pub fn format(&self) -> Format {
        self.file.format
    }

    /// What the training code attached, as `best_iteration` or `scikit_learn`: names and values as stored.
    #[must_use]
    pub fn attributes(&self) -> &[(String, String)] {
        &self.file.attributes
    }

    /// The value of one attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self.file.attributes.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// The iteration at which early stopping saw the best metric, counted from 0. Not applied unless asked:
    /// `model.slice(0..best + 1)` predicts as `XGBClassifier` does.
    #[must_use]
    pub fn best_iteration(&self) -> Option<usize> {
        self.attribute("best_iteration")?.parse().ok()
    }

    /// The same model with only these boosting iterations: `iteration_range` of the library.
    ///
    /// # Errors
    /// [`ShapeError::Iterations`] if the range is empty or the model does not have it.
    pub fn slice(&self, iterations: Range<usize>) -> Result<Model, ShapeError> {
        let Range { start: begin, end } = iterations;
        let available = self.num_iterations();
        match &self.learner.body {
            Body::Trees(trees) if begin < end && end <= available => {
                let body = Body::Trees(trees.slice(iterations));
                let learner =
                    Learner { body, base_margins: self.learner.base_margins.clone(), ..self.learner };
                Ok(Self { learner, file: self.file.clone() })
            }
            _ => Err(ShapeError::Iterations { begin, end, available }),
        }
    }

    /// Scores: the margins after the objective's transform, as `Booster.predict` gives them.
    ///
    /// `out` takes [`Model::num_outputs`] numbers per row, row after row.
    ///
    /// # Errors
    /// [`ShapeError`] if the lengths do not fit.
    pub fn predict<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), ShapeError> {
        let transform = self.learner.objective.transform;
        let mut margins = vec![0.0; self.num_margins()];
        self.each_row(rows.into(), out, self.num_outputs(), |row, out| {
            self.learner.margins(row, &mut margins);
            transform.apply(&margins, out);
        })
    }

    /// Margins: the sum of the trees, before the objective's transform (`output_margin=True`).
    ///
    /// `out` takes [`Model::num_margins`] numbers per row, row after row.
    ///
    /// # Errors
    /// [`ShapeError`] if the lengths do not fit.
    pub fn margin<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), ShapeError> {
        self.each_row(rows.into(), out, self.num_margins(), |row, out| self.learner.margins(row, out))
    }

    fn each_row(
        &self,
        rows: Rows,
        out: &mut [f32],
        width: usize,
        mut evaluate: impl FnMut(&[f32], &mut [f32]),
    ) -> Result<(), ShapeError> {
        let features = self.num_features();
        let count = rows.count(features, out.len(), width)?;
        let mut gathered = Vec::new();
        for (index, out) in out.chunks_exact_mut(width).enumerate() {
            evaluate(rows.row(index, count, features, &mut gathered), out);
        }
        Ok(())
    }
}
