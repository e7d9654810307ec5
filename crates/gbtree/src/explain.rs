//! Exact TreeSHAP by quadrature: contributions and interactions of every feature.
//!
//! A leaf's output, as a game of the features on its path, has the multilinear extension
//! `v · Π (oᵢ tᵢ + zᵢ (1 − tᵢ))`, where `oᵢ` is 1 if the row satisfies every split on feature `i` and `zᵢ` is
//! the share of training cover that does. Its Shapley value is the integral of the partial derivative along
//! the diagonal (Owen 1972), a polynomial of degree below the number of distinct features, which
//! Gauss-Legendre quadrature integrates exactly. All leaves below an edge share the edge's factor, so one
//! walk over the tree gives all contributions (the regrouping of Linear `TreeSHAP`, Yu et al. 2022):
//! O(leaves · depth) per row, with only positive factors and hence no loss of precision in deep trees.

mod interactions;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod quadrature;
mod unroll;
mod walk;

use crate::PredictError;
use crate::forest::Forest;
#[cfg(target_arch = "x86_64")]
pub(crate) use lanes::ROWS;
use quadrature::Quadrature;
use unroll::{complete, mean, unroll};

/// Rows that are explained together.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) const ROWS: usize = 1;

/// No earlier edge of the path splits on the same feature.
const NONE: u32 = u32::MAX;
/// Working memory, in float32 per array, beyond which a model is refused.
const MAX_WORK: usize = 1 << 24;

/// What a feature that is not satisfied can contribute is proportional to its share; below this it is nothing.
const NO_SHARE: f32 = 1e-30;

/// A forest unrolled for the walk.
#[derive(Debug, Clone)]
pub(crate) struct Explainer {
    /// In order of their outputs.
    trees: Vec<Walk>,
    edges: Vec<Edge>,
    /// Expected margin per output, without the base margin.
    means: Vec<f64>,
    points: Quadrature,
    /// Longest path.
    depth: usize,
    features: usize,
    /// The features that some split is on.
    used: Vec<u32>,
    /// Of each edge to a split, in order: 1 / its feature's factor at every point, for a row that satisfies the feature's
    /// splits so far, then for one that does not. They depend on the path alone.
    reciprocals: Vec<f32>,
}

/// A tree as one output sees it: trees with vector leaves are walked once for each.
#[derive(Debug, Clone)]
struct Walk {
    tree: usize,
    group: usize,
    /// Its edges, each parent before its children, whole subtrees together.
    edges: std::ops::Range<usize>,
}

/// An edge and the node it leads to.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// The node, within its tree.
    node: u32,
    /// Edges from the root to here, counting this one.
    level: u32,
    feature: u32,
    /// The feature's place among those that are used.
    player: u32,
    /// The level of the last edge above with the same feature, or [`NONE`].
    earlier: u32,
    /// Cover of the node over cover of its parent.
    ratio: f32,
    /// Share of cover that satisfies all splits of the path on the feature.
    share: f32,
    left: bool,
    leaf: bool,
    /// Edges in the subtree, including this one.
    size: u32,
    /// Output of a leaf.
    value: f32,
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
        let mut edges = Vec::new();
        let mut means = vec![0.0; groups];
        let (mut depth, mut distinct) = (0, 0);
        let mut seen = std::collections::HashMap::new();
        let trees = order
            .into_iter()
            .map(|(group, index)| {
                let tree = &forest.trees[index];
                let start = edges.len();
                let (levels, features) = unroll(forest, tree, group, &mut edges, &mut seen);
                (depth, distinct) = (depth.max(levels), distinct.max(features));
                means[group] += mean(forest, tree, group, &edges[start..]);
                Walk { tree: index, group, edges: start..edges.len() }
            })
            .collect();
        // Exact for polynomials of degree 2n - 1; the contributions' degree is at most `distinct - 1`.
        let points = distinct.div_ceil(2).max(1).next_multiple_of(4);
        if points > 2048 || (depth + 1) * points > MAX_WORK {
            return Err(PredictError::Undefined("contributions are not computed for trees this deep"));
        }
        let used = complete(&mut edges);
        let points = Quadrature::new(points);
        let reciprocals = reciprocals(&edges, &points);
        Ok(Self { trees, edges, means, points, depth, features, used, reciprocals })
    }

    /// Adds every feature's share of each output, and the expected margins as biases, to `out`
    /// (outputs × (features + 1)).
    pub(crate) fn contributions(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
        self.walk_row(forest, row, out);
    }
}

fn reciprocals(edges: &[Edge], quadrature: &Quadrature) -> Vec<f32> {
    let splits = edges.iter().filter(|edge| !edge.leaf);
    let mut reciprocals = Vec::with_capacity(edges.len() * quadrature.len());
    for edge in splits {
        for present in [1.0, 0.0] {
            // Below a feature neither satisfied nor covered nothing is shared.
            let nothing = present == 0.0 && edge.share < NO_SHARE;
            let points = quadrature.points.iter().zip(&quadrature.rests);
            let one =
                points.map(|(at, rest)| if nothing { 0.0 } else { 1.0 / (present * at + edge.share * rest) });
            reciprocals.extend(one);
        }
    }
    reciprocals
}
