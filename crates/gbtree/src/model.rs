mod outputs;
mod parallel;

pub use parallel::Parallel;

use std::fmt;
use std::ops::Range;

use crate::learner::{Body, Learner};
use crate::load::{self, Budget, LearnerFile};
use crate::{Categories, Format, Limits, LoadError, ShapeError, Version};

/// A loaded model: immutable, checked, shared freely between threads.
///
/// Every output is float32, as the library's own.
#[derive(Debug, Clone)]
pub struct Model {
    /// One, or the members of an ensemble.
    members: Vec<Learner>,
    /// The first member's metadata.
    file: LearnerFile,
    format: Format,
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
        let (format, mut files) = load::read(bytes, &mut budget)?;
        let members =
            files.iter_mut().map(|file| Learner::new(file, &mut budget)).collect::<Result<Vec<_>, _>>()?;
        let alike = |file: &LearnerFile| {
            (&file.objective, file.num_features, file.groups)
                == (&files[0].objective, files[0].num_features, files[0].groups)
        };
        if let Some(index) = files.iter().position(|file| !alike(file)) {
            return Err(LoadError::Unsupported(format!(
                "member {index} of the ensemble has another objective or shape than the first"
            )));
        }
        let mut file = files.swap_remove(0);
        if members.len() > 1 {
            file.attributes.clear();
        }
        Ok(Self { members, file, format })
    }

    /// Features per row.
    #[must_use]
    pub fn num_features(&self) -> usize {
        self.members[0].num_features
    }

    /// Numbers per row that [`Model::predict`] writes.
    #[must_use]
    pub fn num_outputs(&self) -> usize {
        self.members[0].objective.transform.outputs(self.num_margins())
    }

    /// Numbers per row that [`Model::margin`] writes.
    #[must_use]
    pub fn num_margins(&self) -> usize {
        self.members[0].groups()
    }

    /// Numbers per row that [`Model::contributions`] writes: margins × (features + 1).
    #[must_use]
    pub fn num_contributions(&self) -> usize {
        self.num_margins() * (self.num_features() + 1)
    }

    /// Numbers per row that [`Model::interactions`] writes: margins × (features + 1)².
    #[must_use]
    pub fn num_interactions(&self) -> usize {
        self.num_contributions() * (self.num_features() + 1)
    }

    /// Models whose scores are combined: 1 unless the file was an archive with several.
    #[must_use]
    pub fn num_members(&self) -> usize {
        self.members.len()
    }

    /// Trees, over all members, outputs and iterations; 0 for a linear model.
    #[must_use]
    pub fn num_trees(&self) -> usize {
        self.members.iter().filter_map(Learner::trees).map(|trees| trees.forest.trees.len()).sum()
    }

    /// Boosting iterations: the unit of [`Model::slice`] and [`Model::best_iteration`]. 0 for a linear model and
    /// for an ensemble of several models.
    #[must_use]
    pub fn num_iterations(&self) -> usize {
        let trees = self.single().ok().and_then(Learner::trees);
        trees.map_or(0, |trees| trees.iterations.len() - 1)
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
        match &self.members[0].body {
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
        self.format
    }

    /// The categories of a feature that was trained from strings or integers (3.1 and later); `None` if the
    /// file lists none for it.
    #[must_use]
    pub fn categories(&self, feature: usize) -> Option<&Categories> {
        self.file.categories.get(feature)?.as_ref()
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
        match self.single().ok().and_then(|learner| Some((learner, learner.trees()?))) {
            Some((learner, trees)) if begin < end && end <= available => {
                let body =
                    Body::Trees(Box::new(trees.slice(iterations, learner.num_features, learner.groups())));
                let learner = Learner { body, base_margins: learner.base_margins.clone(), ..*learner };
                Ok(Self { members: vec![learner], file: self.file.clone(), format: self.format })
            }
            _ => Err(ShapeError::Iterations { begin, end, available }),
        }
    }

    /// The one model inside, for outputs that an ensemble does not have.
    fn single(&self) -> Result<&Learner, ShapeError> {
        match &self.members[..] {
            [learner] => Ok(learner),
            _ => Err(ShapeError::Undefined("an ensemble of several models has scores only")),
        }
    }
}
