//! One checked model, ready to evaluate.

use std::ops::Range;
use std::sync::OnceLock;

use crate::explain::Explainer;
use crate::forest::Forest;
use crate::layout::Layout;
use crate::load::{BaseScore, Booster as BoosterFile, Budget, Header, LearnerFile};
use crate::objective::{self, Link, Objective};
use crate::rows::Adapter;
use crate::{LoadError, PredictError, Rows, Version};

#[derive(Debug, Clone)]
pub(crate) struct Learner {
    /// Features of a row as callers see it.
    pub(crate) num_features: usize,
    /// The features that trees ask for, ascending, if rows are narrowed to them; see [`Learner::width`].
    pub(crate) used: Option<Vec<u32>>,
    /// The value besides NaN that means a missing one.
    pub(crate) missing: Option<f32>,
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
    /// Built when margins are first asked for.
    layout: OnceLock<Layout>,
    /// Built when contributions are first asked for.
    explainer: OnceLock<Result<Explainer, PredictError>>,
}

/// Fewest features for which rows are narrowed to those that trees ask for.
const WIDE: usize = 4096;

impl Learner {
    pub(crate) fn new(file: LearnerFile, budget: &mut Budget) -> Result<(Header, Self), LoadError> {
        let LearnerFile { header, booster } = file;
        let fault =
            |at: &str, what: String| LoadError::Malformed { format: header.format, at: at.to_owned(), what };
        // What callers keep per feature (a name, a row), and the layout per output.
        budget.charge_for::<[u32; 4]>(header.num_features)?;
        budget.charge_for::<[f32; 4]>(header.groups)?;
        let Some(objective) = objective::lookup(&header.objective, header.version) else {
            let what = format!("the objective {:?} has no known output transform", header.objective);
            return Err(LoadError::Unsupported(what));
        };
        let mut used = None;
        let body = match booster {
            BoosterFile::Linear { weights } => {
                let expected = (header.num_features + 1).saturating_mul(header.groups);
                if weights.len() != expected {
                    let what = format!("{} weights, {expected} expected", weights.len());
                    return Err(fault("the linear model's weights", what));
                }
                Body::Linear { weights }
            }
            BoosterFile::Trees { mut forest, dart, parallel_trees, iterations } => {
                forest.unseen_is_missing =
                    header.version.is_some_and(|version| (version.major, version.minor) == (1, 6));
                let bounds = match iterations {
                    Some(bounds) => checked_bounds(bounds, forest.trees.len())
                        .map_err(|what| fault("iteration_indptr", what))?,
                    None => iteration_bounds(&forest, &header, parallel_trees),
                };
                if header.num_features >= WIDE {
                    used = Some(forest.narrow());
                }
                let base_last = header.version.is_none_or(|version| version < Version::new(1, 3, 0));
                let (layout, explainer) = (OnceLock::new(), OnceLock::new());
                let iterations = bounds;
                Body::Trees(Box::new(Trees { forest, dart, iterations, base_last, layout, explainer }))
            }
        };
        let base_margins = base_margins(&header, objective.link, &body)
            .map_err(|what| fault("learner.learner_model_param.base_score", what))?;
        let missing = header.wrapper.as_ref().and_then(|wrapper| wrapper.missing);
        let num_features = header.num_features;
        let learner = Self { num_features, used, missing, base_margins, objective, body };
        Ok((header, learner))
    }

    /// Features of a row as the trees see it.
    pub(crate) fn width(&self) -> usize {
        self.used.as_ref().map_or(self.num_features, Vec::len)
    }

    pub(crate) fn adapter(&self) -> Adapter<'_> {
        Adapter {
            features: self.num_features,
            used: self.used.as_deref(),
            missing: self.missing,
            margins: self.groups(),
        }
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

    /// The same model with only these iterations; `None` for a linear one.
    pub(crate) fn slice(&self, iterations: Range<usize>) -> Option<Self> {
        let trees = self.trees()?.slice(iterations);
        let Self { used, base_margins, .. } = self;
        let body = Body::Trees(Box::new(trees));
        Some(Self { used: used.clone(), base_margins: base_margins.clone(), body, ..*self })
    }

    /// The margins of rows that were counted to fit, as the trees see them; `base` replaces the model's own base
    /// margins.
    pub(crate) fn margins(&self, rows: &Rows, count: usize, base: Option<&[f32]>, out: &mut [f32]) {
        let groups = self.groups();
        let start = |out: &mut [f32]| match base {
            Some(base) => out.copy_from_slice(base),
            None => out.chunks_exact_mut(groups).for_each(|out| out.copy_from_slice(&self.base_margins)),
        };
        match &self.body {
            Body::Linear { weights } => {
                start(out);
                let (slopes, biases) = weights.split_at(self.num_features * groups);
                let mut gathered = Vec::new();
                for (index, out) in out.chunks_exact_mut(groups).enumerate() {
                    let row = rows.row(index, count, self.num_features, &mut gathered);
                    for (group, out) in out.iter_mut().enumerate() {
                        *out += biases[group];
                        for (value, weights) in row.iter().zip(slopes.chunks_exact(groups)) {
                            if !value.is_nan() {
                                *out += value * weights[group];
                            }
                        }
                    }
                }
            }
            Body::Trees(trees) if trees.base_last => {
                trees.layout(self.width(), groups).margins(rows, count, &vec![0.0; groups], out);
                let mut bases = vec![0.0; out.len()];
                start(&mut bases);
                out.iter_mut().zip(bases).for_each(|(out, base)| *out += base);
            }
            Body::Trees(trees) if base.is_none() => {
                trees.layout(self.width(), groups).margins(rows, count, &self.base_margins, out);
            }
            Body::Trees(trees) => {
                start(out);
                trees.layout(self.width(), groups).add(rows, count, out);
            }
        }
    }

    /// The margins of one sparse row of a linear model: its features' numbers and values, ascending.
    pub(crate) fn linear_margins(&self, weights: &[f32], row: &[(u32, f32)], out: &mut [f32]) {
        let groups = self.groups();
        let biases = &weights[self.num_features * groups..];
        for (group, out) in out.iter_mut().enumerate() {
            *out += biases[group];
            for &(feature, value) in row {
                *out += value * weights[feature as usize * groups + group];
            }
        }
    }
}

/// What every margin starts from, one number per output.
fn base_margins(header: &Header, link: Link, body: &Body) -> Result<Vec<f32>, String> {
    let mut margins = match &header.base_score {
        BaseScore::Margin(margin) => vec![*margin],
        BaseScore::Value(values) => {
            // Since 3.1 a model without trees adds the stored value as it stands.
            let raw = header.boost_from_average
                && header.version.is_some_and(|version| version >= Version::new(3, 1, 0))
                && matches!(body, Body::Trees(trees) if trees.forest.trees.is_empty());
            let link = if raw { Link::Identity } else { link };
            for &value in values {
                link.domain(value).map_err(|domain| {
                    format!("{value} is not {domain}, as the objective {} has it", header.objective)
                })?;
            }
            let mut values = values.clone();
            if values.len() == 1 {
                values.resize(header.groups, values[0]);
            }
            link.margins(&values)
        }
    };
    // 3.1 and 3.2 add only the first to every output of a linear model.
    if matches!(body, Body::Linear { .. }) {
        margins.truncate(1);
    }
    if margins.len() == 1 {
        margins.resize(header.groups, margins[0]);
    }
    if margins.len() != header.groups {
        return Err(format!("{} values for {} outputs", margins.len(), header.groups));
    }
    Ok(margins)
}

fn checked_bounds(bounds: Vec<usize>, trees: usize) -> Result<Vec<usize>, String> {
    if bounds.first() == Some(&0) && bounds.last() == Some(&trees) && bounds.is_sorted() {
        return Ok(bounds);
    }
    Err(format!("the bounds do not cut {trees} trees into iterations"))
}

impl Trees {
    pub(crate) fn leaves(&self, row: &[f32], out: &mut [u32]) {
        for (out, tree) in out.iter_mut().zip(&self.forest.trees) {
            *out = self.forest.leaf(tree, row);
        }
    }

    pub(crate) fn layout(&self, features: usize, groups: usize) -> &Layout {
        self.layout.get_or_init(|| Layout::new(&self.forest, features, groups))
    }

    pub(crate) fn explainer(&self, features: usize, groups: usize) -> Result<&Explainer, PredictError> {
        let built = self.explainer.get_or_init(|| Explainer::new(&self.forest, features, groups));
        built.as_ref().map_err(Clone::clone)
    }

    /// The same trees, only these iterations.
    pub(crate) fn slice(&self, range: Range<usize>) -> Self {
        let bounds = &self.iterations[range.start..=range.end];
        let first = bounds[0];
        let forest = self.forest.slice(first..bounds[bounds.len() - 1]);
        Self {
            forest,
            iterations: bounds.iter().map(|bound| bound - first).collect(),
            layout: OnceLock::new(),
            explainer: OnceLock::new(),
            ..*self
        }
    }
}

/// Bounds for files that do not store them: `parallel_trees` per output and iteration; where that is not stored either
/// (before 1.6), as many as early stopping tells, or else the leading run of trees for the same output.
fn iteration_bounds(forest: &Forest, header: &Header, parallel_trees: usize) -> Vec<usize> {
    let total = forest.trees.len();
    let outputs = if forest.leaf_width > 1 { 1 } else { header.groups };
    let parallel = match parallel_trees {
        0 => match told_by_early_stopping(header) {
            Some(told) if total.is_multiple_of(told.saturating_mul(outputs)) => told,
            _ if outputs > 1 => forest.trees.iter().take_while(|tree| tree.group == 0).count().max(1),
            _ => 1,
        },
        given => given,
    };
    let step = parallel.saturating_mul(outputs);
    let mut bounds: Vec<usize> = (0..total).step_by(step).collect();
    bounds.push(total);
    bounds
}

/// Trees per output and iteration: early stopping notes the best iteration, and how many trees that makes per output.
fn told_by_early_stopping(header: &Header) -> Option<usize> {
    let trees: usize = header.attribute("best_ntree_limit")?.parse().ok()?;
    let iterations = header.best_iteration()?.checked_add(1)?;
    (trees > 0 && trees.is_multiple_of(iterations)).then(|| trees / iterations)
}
