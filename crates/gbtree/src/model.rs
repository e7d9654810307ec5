mod names;
mod outputs;
#[cfg(feature = "parallel")]
mod parallel;
mod vectors;

#[cfg(feature = "parallel")]
pub use parallel::Parallel;

use std::fmt;
use std::ops::Range;

use crate::learner::{Body, Learner};
use crate::load::{self, Budget, Header};
use crate::{Categories, Format, Limits, LoadError, PredictError, Version, Wrapper};

/// A loaded model: immutable, checked, shared freely between threads.
///
/// Every output is float32, as the library's own.
///
/// The first row waits for the trees to be laid out for scoring, and the first contributions likewise: where no row may wait,
/// ask for one after loading.
#[derive(Debug, Clone)]
pub struct Model {
    /// One, or the members of an ensemble.
    members: Vec<Learner>,
    /// The one member with all its iterations, if predictions use some of them.
    whole: Option<Box<Learner>>,
    /// The first member's metadata.
    header: Header,
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
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// assert_eq!((model.num_features(), model.num_trees()), (2, 1));
    ///
    /// let refused = gbtree::Model::from_bytes(b"booster[0]:\n0:[f2<2.45] yes=1,no=2").unwrap_err();
    /// assert!(refused.to_string().contains("text dump"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`LoadError`] says what the bytes are instead, or what is wrong with them and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, LoadError> {
        Self::from_bytes_with(bytes, &Limits::default())
    }

    /// Loads a model of any format within the caller's limits.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use gbtree::{Limits, Model};
    ///
    /// let limits = Limits::new().decoded(1 << 20);
    /// let model = Model::from_bytes_with(include_bytes!("../tests/stump.json"), &limits)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::from_bytes`].
    pub fn from_bytes_with(bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
        let mut budget = Budget::new(limits.max_decoded());
        let (format, files) = load::read(bytes, &mut budget)?;
        let (mut headers, mut members) = (Vec::new(), Vec::new());
        for file in files {
            let (header, learner) = Learner::new(file, &mut budget)?;
            headers.push(header);
            members.push(learner);
        }
        let alike = |header: &Header| {
            (&header.objective, header.num_features, header.groups)
                == (&headers[0].objective, headers[0].num_features, headers[0].groups)
        };
        if let Some(index) = headers.iter().position(|header| !alike(header)) {
            return Err(LoadError::Unsupported(format!(
                "member {index} of the ensemble has another objective or shape than the first"
            )));
        }
        let mut whole = None;
        for (header, learner) in headers.iter_mut().zip(&mut members) {
            if let Some(best) = applied(header, learner) {
                let stopped = learner.slice(0..best + 1);
                whole = stopped.map(|stopped| Box::new(std::mem::replace(learner, stopped)));
            }
        }
        let mut header = headers.swap_remove(0);
        if members.len() > 1 {
            header.attributes.clear();
            header.wrapper = None;
            whole = None;
        }
        Ok(Self { members, whole, header, format })
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

    /// Trees that predictions use, over all members, outputs and iterations; 0 for a linear model.
    #[must_use]
    pub fn num_trees(&self) -> usize {
        self.members.iter().filter_map(Learner::trees).map(|trees| trees.forest.trees.len()).sum()
    }

    /// Boosting iterations in the file: the unit of [`Model::slice`] and [`Model::best_iteration`]. 0 for a linear
    /// model and for an ensemble of several models.
    #[must_use]
    pub fn num_iterations(&self) -> usize {
        let trees = self.whole().ok().and_then(Learner::trees);
        trees.map_or(0, |trees| trees.iterations.len() - 1)
    }

    /// The names of the features in row order; empty when the file has none (before 1.4 it never has).
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        &self.header.feature_names
    }

    /// The types of the features (`float`, `int`, `i` for indicator, `q`, `c` for categorical); may be empty.
    #[must_use]
    pub fn feature_types(&self) -> &[String] {
        &self.header.feature_types
    }

    /// The objective's name, as `binary:logistic`.
    #[must_use]
    pub fn objective(&self) -> &str {
        &self.header.objective
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
        self.header.version
    }

    /// How the model was stored.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The categories of a feature that was trained from strings or integers (3.1 and later); `None` if the
    /// file lists none for it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let model = gbtree::Model::from_bytes(include_bytes!("../tests/categories.json"))?;
    /// assert!(model.has_categories());
    /// assert_eq!(model.categories(0).map(|colours| colours.len()), Some(3));
    /// assert_eq!(model.categories(2), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn categories(&self, feature: usize) -> Option<&Categories> {
        self.header.categories.get(feature)?.as_ref()
    }

    /// What the training code attached, as `best_iteration` or `scikit_learn`: names and values as stored.
    #[must_use]
    pub fn attributes(&self) -> &[(String, String)] {
        &self.header.attributes
    }

    /// What a pickled model was found in, and what that changes; `None` for any other file, and for a `Booster` that
    /// was pickled by itself.
    #[must_use]
    pub fn wrapper(&self) -> Option<&Wrapper> {
        self.header.wrapper.as_ref()
    }

    /// Whether the file says, of any feature, what its codes stand for. [`Categories::code`] then turns a value into
    /// the code that a row holds.
    #[must_use]
    pub fn has_categories(&self) -> bool {
        self.header.categories.iter().any(Option::is_some)
    }

    /// The value of one attribute.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// assert_eq!(model.attribute("best_iteration"), Some("0"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.header.attribute(name)
    }

    /// The iteration at which early stopping saw the best metric, counted from 0. A model that was read out of a
    /// scikit-learn [`Wrapper`] stops there already; for any other, `model.slice(0..best + 1)` predicts as
    /// `XGBClassifier` would.
    #[must_use]
    pub fn best_iteration(&self) -> Option<usize> {
        self.header.best_iteration()
    }

    /// The same model with only these boosting iterations, of all that the file has: `iteration_range` of the library.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// assert_eq!(model.slice(0..1)?.num_trees(), 1);
    /// assert!(model.slice(0..2).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PredictError::Iterations`] if the range is empty or the model does not have it.
    pub fn slice(&self, iterations: Range<usize>) -> Result<Model, PredictError> {
        let Range { start: begin, end } = iterations;
        let available = self.num_iterations();
        if begin < end
            && end <= available
            && let Some(learner) = self.whole().ok().and_then(|learner| learner.slice(iterations))
        {
            let header = self.header.clone();
            return Ok(Self { members: vec![learner], whole: None, header, format: self.format });
        }
        Err(PredictError::Iterations { begin, end, available })
    }

    /// The one model inside, for outputs that an ensemble does not have.
    fn single(&self) -> Result<&Learner, PredictError> {
        match &self.members[..] {
            [learner] => Ok(learner),
            _ => Err(PredictError::Undefined("an ensemble of several models has scores only")),
        }
    }

    /// As [`Model::single`], with all the iterations of the file.
    fn whole(&self) -> Result<&Learner, PredictError> {
        self.whole.as_deref().map_or_else(|| self.single(), Ok)
    }
}

/// The last iteration that a wrapper predicts with, noted in it, if that is not the last of all.
fn applied(header: &mut Header, learner: &Learner) -> Option<usize> {
    let best = header.best_iteration();
    let wrapper = header.wrapper.as_mut()?;
    let last = learner.trees()?.iterations.len().checked_sub(2)?;
    wrapper.best_iteration = best.or(wrapper.best_iteration).filter(|&best| best <= last);
    wrapper.best_iteration.filter(|&best| best < last)
}
