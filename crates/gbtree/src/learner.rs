//! One checked model, ready to evaluate.

use std::ops::Range;
use std::sync::OnceLock;

use crate::explain::Explainer;
use crate::forest::Forest;
use crate::layout::Layout;
use crate::load::{BaseScore, Booster as BoosterFile, Budget, LearnerFile};
use crate::objective::{self, Objective};
use crate::{LoadError, Rows, ShapeError, Version};

#[derive(Debug, Clone)]
pub(crate) struct Learner {
    pub(crate) num_features: usize,
    /// One per output: what every margin starts from.
    pub(crate) base_margins: Vec<f32>,
    pub(crate) objective: Objective,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Trees(Box<Trees>),
    Linear {
        /// Per feature one weight per output, the biases last.
        weights: Vec<f32>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Trees {
    pub(crate) forest: Forest,
    pub(crate) dart: bool,
    /// The tree at which each iteration starts, and the end.
    pub(crate) iterations: Vec<usize>,
    /// Before 1.3 the trees were summed first and the base margin added last.
    base_last: bool,
    layout: Layout,
    /// Built when contributions are first asked for.
    explainer: OnceLock<Result<Explainer, ShapeError>>,
}

impl Learner {
    pub(crate) fn new(file: &mut LearnerFile, budget: &mut Budget) -> Result<Self, LoadError> {
        // What the layout keeps per feature and per output, whether or not a tree uses it.
        budget.charge_for::<[u32; 4]>(file.num_features)?;
        budget.charge_for::<[f32; 4]>(file.groups)?;
        let Some(objective) = objective::lookup(&file.objective, file.version) else {
            let what = format!("the objective {:?} has no known output transform", file.objective);
            return Err(LoadError::Unsupported(what));
        };
        let fault =
            |at: &str, what: String| LoadError::Malformed { format: file.format, at: at.to_owned(), what };
        let body = match std::mem::replace(&mut file.booster, BoosterFile::Linear { weights: Vec::new() }) {
            BoosterFile::Linear { weights } => {
                let expected = (file.num_features + 1).saturating_mul(file.groups);
                if weights.len() != expected {
                    let what = format!("{} weights, {expected} expected", weights.len());
                    return Err(fault("the linear model's weights", what));
                }
                Body::Linear { weights }
            }
            BoosterFile::Trees { mut forest, dart, parallel_trees, iterations } => {
                forest.unseen_is_missing =
                    file.version.is_some_and(|version| (version.major, version.minor) == (1, 6));
                let iterations = match iterations {
                    Some(bounds) => {
                        let whole = bounds.first() == Some(&0) && bounds.last() == Some(&forest.trees.len());
                        if !whole || !bounds.is_sorted() {
                            let what =
                                format!("the bounds do not cut {} trees into iterations", forest.trees.len());
                            return Err(fault("iteration_indptr", what));
                        }
                        bounds
                    }
                    None => iteration_bounds(&forest, file.groups, parallel_trees),
                };
                let base_last = file.version.is_none_or(|version| version < Version::new(1, 3, 0));
                let layout = Layout::new(&forest, file.num_features, file.groups);
                Body::Trees(Box::new(Trees {
                    layout,
                    forest,
                    dart,
                    iterations,
                    base_last,
                    explainer: OnceLock::new(),
                }))
            }
        };
        let mut base_margins = match &file.base_score {
            BaseScore::Margin(margin) => vec![*margin],
            BaseScore::Value(values) => {
                // Since 3.1 a model without trees adds the stored value as it stands.
                let raw = file.boost_from_average
                    && file.version.is_some_and(|version| version >= Version::new(3, 1, 0))
                    && matches!(&body, Body::Trees(trees) if trees.forest.trees.is_empty());
                let mut values = values.clone();
                if values.len() == 1 {
                    values.resize(file.groups, values[0]);
                }
                if raw { values } else { objective.link.margins(&values) }
            }
        };
        // 3.1 and 3.2 add only the first to every output of a linear model.
        if matches!(body, Body::Linear { .. }) {
            base_margins.truncate(1);
        }
        if base_margins.len() == 1 {
            base_margins.resize(file.groups, base_margins[0]);
        }
        if base_margins.len() != file.groups {
            let what = format!("{} values for {} outputs", base_margins.len(), file.groups);
            return Err(fault("learner.learner_model_param.base_score", what));
        }
        Ok(Self { num_features: file.num_features, base_margins, objective, body })
    }

    pub(crate) fn trees(&self) -> Option<&Trees> {
        match &self.body {
            Body::Trees(trees) => Some(trees),
            Body::Linear { .. } => None,
        }
    }

    pub(crate) fn groups(&self) -> usize {
        self.base_margins.len()
    }

    /// The margins of rows that were counted to fit.
    pub(crate) fn margins(&self, rows: &Rows, count: usize, out: &mut [f32]) {
        match &self.body {
            Body::Linear { weights } => {
                let groups = self.groups();
                let (slopes, biases) = weights.split_at(self.num_features * groups);
                let mut gathered = Vec::new();
                for (index, out) in out.chunks_exact_mut(groups).enumerate() {
                    let row = rows.row(index, count, self.num_features, &mut gathered);
                    for (group, out) in out.iter_mut().enumerate() {
                        *out = self.base_margins[group] + biases[group];
                        for (value, weights) in row.iter().zip(slopes.chunks_exact(groups)) {
                            if !value.is_nan() {
                                *out += value * weights[group];
                            }
                        }
                    }
                }
            }
            Body::Trees(trees) if trees.base_last => {
                trees.layout.margins(rows, count, &vec![0.0; self.groups()], out);
                for out in out.chunks_exact_mut(self.groups()) {
                    for (out, base) in out.iter_mut().zip(&self.base_margins) {
                        *out += base;
                    }
                }
            }
            Body::Trees(trees) => trees.layout.margins(rows, count, &self.base_margins, out),
        }
    }
}

impl Trees {
    pub(crate) fn leaves(&self, row: &[f32], out: &mut [u32]) {
        for (out, tree) in out.iter_mut().zip(&self.forest.trees) {
            *out = self.forest.leaf(tree, row);
        }
    }

    pub(crate) fn explainer(&self, features: usize, groups: usize) -> Result<&Explainer, ShapeError> {
        let built = self.explainer.get_or_init(|| Explainer::new(&self.forest, features, groups));
        built.as_ref().map_err(Clone::clone)
    }

    /// The same trees, only these iterations.
    pub(crate) fn slice(&self, range: Range<usize>, features: usize, groups: usize) -> Self {
        let bounds = &self.iterations[range.start..=range.end];
        let first = bounds[0];
        let forest = self.forest.slice(first..bounds[bounds.len() - 1]);
        Self {
            layout: Layout::new(&forest, features, groups),
            forest,
            iterations: bounds.iter().map(|bound| bound - first).collect(),
            explainer: OnceLock::new(),
            ..*self
        }
    }
}

/// Bounds for files that do not store them: `parallel_trees` per output and iteration; where that is not
/// stored either (before 1.6), the leading run of trees for the same output.
fn iteration_bounds(forest: &Forest, groups: usize, parallel_trees: usize) -> Vec<usize> {
    let total = forest.trees.len();
    let outputs = if forest.leaf_width > 1 { 1 } else { groups };
    let parallel = match parallel_trees {
        0 if outputs > 1 => forest.trees.iter().take_while(|tree| tree.group == 0).count().max(1),
        given => given.max(1),
    };
    let step = parallel.saturating_mul(outputs);
    let mut bounds: Vec<usize> = (0..total).step_by(step).collect();
    bounds.push(total);
    bounds
}
