//! Exact TreeSHAP by quadrature: contributions and interactions of every feature.
//!
//! A leaf's output, as a game of the features on its path, has the multilinear extension
//! `v · Π (oᵢ tᵢ + zᵢ (1 − tᵢ))`, where `oᵢ` is 1 if the row satisfies every split on feature `i` and `zᵢ` is
//! the share of training cover that does. Its Shapley value is the integral of the partial derivative along
//! the diagonal (Owen 1972), a polynomial of degree below the number of distinct features, which
//! Gauss-Legendre quadrature integrates exactly. All leaves below an edge share the edge's factor, so that going down and
//! up a tree once gives all contributions (the regrouping of Linear `TreeSHAP`, Yu et al. 2022): O(splits) per row and point,
//! with only positive factors and hence no loss of precision in deep trees. See [`walk`] for the recurrence.

mod interactions;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod quadrature;
mod unroll;
mod walk;

use crate::PredictError;
use crate::forest::Forest;
use crate::rows::Strided;
use quadrature::Quadrature;
use unroll::Unroller;

/// Rows that are explained together.
pub(crate) const ROWS: usize = 8;

/// Working memory, in float32 per array, beyond which a model is refused.
const MAX_WORK: usize = 1 << 20;

/// What a feature that is not satisfied can contribute is proportional to its share; below this it is nothing. A share is at
/// least this, so that every factor has a reciprocal.
const NO_SHARE: f32 = 1e-30;

/// A forest unrolled for the walk.
#[derive(Debug, Clone)]
pub(crate) struct Explainer {
    /// In order of their outputs.
    trees: Vec<Walk>,
    steps: Vec<Step>,
    splits: Vec<Split>,
    /// Expected margin per output, without the base margin.
    means: Vec<f64>,
    points: Quadrature,
    /// See [`Split::slot`].
    slots: usize,
    features: usize,
    /// The features that some split is on.
    used: Vec<u32>,
}

/// A tree as one output sees it: trees with vector leaves are walked once for each.
#[derive(Debug, Clone)]
struct Walk {
    tree: usize,
    group: usize,
    steps: std::ops::Range<usize>,
}

/// Splits that are gone down to one after the other, or back up from, or both.
#[derive(Debug, Clone)]
struct Step {
    splits: std::ops::Range<usize>,
    down: bool,
    up: bool,
}

/// A split, and the edge that leads to it.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, and no state")]
#[derive(Debug, Clone, Copy)]
struct Split {
    /// Where its state stands while something below it is open. Slot 0 is above the root: an edge that every row satisfies.
    slot: u32,
    /// The slot of the split above.
    parent: u32,
    /// The slot of the last edge, down to the parent's, with the feature of the edge that leads here; 0 if there is none.
    above: u32,
    /// The same for the edges that lead on from here.
    earlier: u32,
    /// The feature's place among those that are used.
    player: u32,
    /// The node, within its tree.
    node: u32,
    threshold: f32,
    /// Share of cover that satisfies all splits of the path on the feature of the edge that leads here.
    share: f32,
    /// Outputs of the children that are leaves, the right one first; else 0.
    leaves: [f32; 2],
    /// These outputs, each times the share of cover that satisfies all splits on the feature.
    shared: f32,
    /// Whether the edge leads left.
    left: bool,
    default_left: bool,
    categorical: bool,
    /// Whether some split below has the feature of the edge that leads here.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "one row divides faster than it asks")
    )]
    repeated: bool,
}

impl Explainer {
    /// # Errors
    /// Trees so deep that a row's work would not fit in memory, or without covers.
    pub(crate) fn new(forest: &Forest, features: usize, groups: usize) -> Result<Self, PredictError> {
        let mut order: Vec<(usize, usize)> = if forest.leaf_width > 1 {
            // Files up to 3.1 list no covers beside vector leaves.
            if forest.trees.iter().any(|tree| forest.covers(tree)[0] == 0.0) {
                let what = "the file lists no covers, so that contributions are not defined";
                return Err(PredictError::Undefined(what));
            }
            (0..groups).flat_map(|group| (0..forest.trees.len()).map(move |tree| (group, tree))).collect()
        } else {
            forest.trees.iter().enumerate().map(|(index, tree)| (tree.group, index)).collect()
        };
        order.sort_by_key(|&(group, _)| group);
        let mut means = vec![0.0; groups];
        let mut unroller = Unroller::new(forest, features);
        let trees = order
            .into_iter()
            .map(|(group, tree)| {
                let first = unroller.steps.len();
                means[group] += unroller.push(&forest.trees[tree], group);
                Walk { tree, group, steps: first..unroller.steps.len() }
            })
            .collect();
        let Unroller { splits, steps, slots, distinct, used, .. } = unroller;
        // Exact for polynomials of degree 2n - 1; the contributions' degree is at most `distinct - 1`.
        let points = walk::round_up(distinct.div_ceil(2));
        if points > walk::MAX_POINTS || slots.saturating_mul(points) > MAX_WORK {
            return Err(PredictError::Undefined("contributions are not computed for trees this deep"));
        }
        Ok(Self { trees, steps, splits, means, points: Quadrature::new(points), slots, features, used })
    }

    /// Adds every feature's share of each output, and the expected margins as biases, to `out` (rows × outputs ×
    /// (features + 1)), for up to [`ROWS`] rows. A row has the same numbers alone and among others.
    pub(crate) fn contributions(&self, forest: &Forest, rows: &Strided, out: &mut [f64]) {
        let width = self.features + 1;
        let row_width = width * self.means.len();
        debug_assert_eq!(out.len(), rows.len() * row_width);
        for (index, mean) in self.means.iter().enumerate() {
            let biases = out.iter_mut().skip(index * width + self.features).step_by(row_width);
            biases.for_each(|bias| *bias += mean);
        }
        #[cfg(target_arch = "x86_64")]
        if self.walk_with_avx2(forest, rows, out) {
            return;
        }
        for (index, out) in out.chunks_exact_mut(row_width).enumerate() {
            self.walk_row(forest, rows, index, out);
        }
    }

    /// Float32 sums stay short; float64 takes over before rounding builds up.
    fn is_long(&self, splits: usize) -> bool {
        splits > self.features.max(512) / 2
    }
}
