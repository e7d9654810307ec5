//! What a model file says, whatever its format: the one meeting point of all loaders.

use crate::forest::Forest;
use crate::{Categories, Format, LoadError, Version, Wrapper};

/// A file as it was read: nothing in it is checked against the rest.
#[derive(Debug, Clone)]
pub(crate) struct LearnerFile {
    pub(crate) header: Header,
    pub(crate) booster: Booster,
}

/// Everything but the trees or weights.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) format: Format,
    pub(crate) version: Option<Version>,
    pub(crate) num_features: usize,
    /// Margins per row: classes, targets, or 1.
    pub(crate) groups: usize,
    pub(crate) base_score: BaseScore,
    pub(crate) boost_from_average: bool,
    pub(crate) objective: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) feature_names: Vec<String>,
    pub(crate) feature_types: Vec<String>,
    /// Per feature, where the file lists them.
    pub(crate) categories: Vec<Option<Categories>>,
    /// The Python object around the model, if that is what was stored.
    pub(crate) wrapper: Option<Wrapper>,
}

impl Header {
    /// Refuses what no release takes, either, before the booster is read.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        if self.num_features == 0 {
            return Err(LoadError::Unsupported("it has no features (num_feature is 0)".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    /// The iteration of the best metric, counted from 0, where training stopped early.
    pub(crate) fn best_iteration(&self) -> Option<usize> {
        self.attribute("best_iteration")?.parse().ok()
    }
}

#[derive(Debug, Clone)]
pub(crate) enum BaseScore {
    /// As 0.x stores it: already on the margin scale.
    Margin(f32),
    /// In output space; one number, or one per output.
    Value(Vec<f32>),
}

#[derive(Debug, Clone)]
pub(crate) enum Booster {
    Trees {
        forest: Forest,
        dart: bool,
        /// Trees per output and iteration; 0 when the file does not say.
        parallel_trees: usize,
        /// The tree at which each iteration starts, and the end, where the file says so (2.0+).
        iterations: Option<Vec<usize>>,
    },
    /// Per feature one weight per output, the biases last.
    Linear { weights: Vec<f32> },
}
