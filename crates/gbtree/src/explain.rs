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

use crate::ShapeError;
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
    pub(crate) fn new(forest: &Forest, features: usize, groups: usize) -> Result<Self, ShapeError> {
        let mut order: Vec<(usize, usize)> = if forest.leaf_width > 1 {
            // Files up to 3.1 list no covers beside vector leaves.
            if forest.trees.iter().any(|tree| forest.covers(tree)[0] == 0.0) {
                let what = "the file lists no covers, so that contributions are not defined";
                return Err(ShapeError::Undefined(what));
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
            return Err(ShapeError::Undefined("contributions are not computed for trees this deep"));
        }
        let used = complete(&mut edges);
        let points = Quadrature::new(points);
        let reciprocals = reciprocals(&edges, &points);
        Ok(Self { trees, edges, means, points, depth, features, used, reciprocals })
    }

    /// Adds every feature's share of each output, and the expected margins as biases, to `out`
    /// (outputs × (features + 1)).
    pub(crate) fn contributions(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
        #[cfg(target_arch = "x86_64")]
        self.contributions_of_row(forest, row, out);
        #[cfg(not(target_arch = "x86_64"))]
        self.walk_row(forest, row, out);
    }

    // Always inlined, here and below: compiled anew for the caller's processor.
    #[inline(always)]
    fn walk_row(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
        match self.points.len() {
            4 => self.walk::<4>(forest, row, out),
            8 => self.walk::<8>(forest, row, out),
            _ => self.walk::<0>(forest, row, out),
        }
    }

    /// `POINTS` fixes the number of quadrature points for the compiler; 0 leaves it open.
    #[inline(always)]
    fn walk<const POINTS: usize>(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
        let points = if POINTS > 0 { POINTS } else { self.points.len() };
        let mut work = Work::new(points, self.depth, self.features);
        let width = self.features + 1;
        for (group, mean) in self.means.iter().enumerate() {
            out[group * width + self.features] += mean;
        }
        let mut pending = 0;
        let mut reciprocals = &self.reciprocals[..];
        for (index, walk) in self.trees.iter().enumerate() {
            work.tree::<POINTS>(self, forest, walk, row, &mut reciprocals);
            pending += walk.edges.len();
            let last = self.trees.get(index + 1).is_none_or(|next| next.group != walk.group);
            // Float32 sums stay short; float64 takes over before rounding builds up.
            if last || pending > self.features.max(512) {
                work.flush(points, &mut out[walk.group * width..][..self.features]);
                pending = 0;
            }
        }
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

/// One row's state; arrays of `points` float32 per level.
struct Work {
    /// Product of the factors of the path's features.
    product: Vec<f32>,
    /// Sum over the leaves below of output × weight × product.
    below: Vec<f32>,
    /// 1 / the factor of the level's feature.
    inverse: Vec<f32>,
    levels: Vec<Level>,
    /// Per feature, contributions before summing over points.
    shares: Vec<f32>,
}

/// The edge open at a level.
#[derive(Clone, Copy, Default)]
struct Level {
    feature: usize,
    earlier: Option<usize>,
    /// Whether the row satisfies all splits on the feature so far.
    satisfied: bool,
    /// Share of cover that does.
    share: f32,
    /// Whether the row goes left at the node below the edge.
    goes_left: bool,
}

impl Work {
    fn new(points: usize, depth: usize, features: usize) -> Self {
        let zeros = || vec![0.0; (depth + 1) * points];
        let mut product = zeros();
        product[..points].fill(1.0);
        Self {
            product,
            below: zeros(),
            inverse: zeros(),
            levels: vec![Level::default(); depth + 1],
            shares: vec![0.0; features * points],
        }
    }

    #[inline(always)]
    fn tree<const POINTS: usize>(
        &mut self,
        explainer: &Explainer,
        forest: &Forest,
        walk: &Walk,
        row: &[f32],
        reciprocals: &mut &[f32],
    ) {
        let points = if POINTS > 0 { POINTS } else { explainer.points.len() };
        let tree = &forest.trees[walk.tree];
        let nodes = forest.nodes(tree);
        let goes_left = |at: u32| {
            let node = &nodes[at as usize];
            forest.goes_left(node, row[node.feature()])
        };
        let edges = &explainer.edges[walk.edges.clone()];
        if edges.is_empty() {
            return;
        }
        self.levels[0].goes_left = goes_left(0);
        let mut open = 0;
        let mut at = 0;
        while let Some(edge) = edges.get(at) {
            let level = edge.level as usize;
            while open >= level {
                self.close::<POINTS>(points, open);
                open -= 1;
            }
            if edge.leaf {
                self.leaf::<POINTS>(points, &explainer.points, edge);
                at += 1;
                continue;
            }
            let (here, below) = reciprocals.split_at(2 * points);
            if self.open::<POINTS>(points, &explainer.points, edge, here) {
                *reciprocals = below;
                self.levels[level].goes_left = goes_left(edge.node);
                open = level;
                at += 1;
            } else {
                at += edge.size as usize;
                // Every second edge leads to a leaf.
                *reciprocals = &reciprocals[2 * points * (edge.size as usize / 2)..];
            }
        }
        while open > 0 {
            self.close::<POINTS>(points, open);
            open -= 1;
        }
    }

    /// What the row and the path say of an edge: whether its feature's splits are satisfied so far, the share of
    /// cover that satisfies them, and the level of the feature's last edge above.
    #[inline(always)]
    fn standing(&self, edge: &Edge) -> (bool, f32, Option<usize>) {
        let satisfied = self.levels[edge.level as usize - 1].goes_left == edge.left;
        if edge.earlier == NONE {
            return (satisfied, edge.ratio, None);
        }
        let earlier = self.levels[edge.earlier as usize];
        (satisfied && earlier.satisfied, edge.ratio * earlier.share, Some(edge.earlier as usize))
    }

    /// Steps onto an edge to a split. False if nothing below it can contribute.
    #[inline(always)]
    fn open<const POINTS: usize>(
        &mut self,
        points: usize,
        quadrature: &Quadrature,
        edge: &Edge,
        reciprocals: &[f32],
    ) -> bool {
        let points = if POINTS > 0 { POINTS } else { points };
        let (satisfied, share, earlier) = self.standing(edge);
        if !satisfied && share < NO_SHARE {
            return false;
        }
        let level = edge.level as usize;
        let to = level * points;
        let (above, product) = self.product.split_at_mut(to);
        let above = &above[to - points..];
        let product = &mut product[..points];
        let (old, inverse) = self.inverse.split_at_mut(to);
        let inverse = &mut inverse[..points];
        let present = f32::from(u8::from(satisfied));
        inverse.copy_from_slice(&reciprocals[if satisfied { 0 } else { points }..][..points]);
        let (at, rest) = (&quadrature.points[..points], &quadrature.rests[..points]);
        for q in 0..points {
            let factor = present * at[q] + share * rest[q];
            product[q] = above[q] * factor;
        }
        if let Some(earlier) = earlier {
            let old = &old[earlier * points..][..points];
            for q in 0..points {
                product[q] *= old[q];
            }
        }
        self.below[to..][..points].fill(0.0);
        let feature = edge.feature as usize;
        self.levels[level] = Level { feature, earlier, satisfied, share, goes_left: false };
        true
    }

    /// Credits one leaf: `open` and `close` in one, where the edge's factor cancels out.
    #[inline(always)]
    fn leaf<const POINTS: usize>(&mut self, points: usize, quadrature: &Quadrature, edge: &Edge) {
        let points = if POINTS > 0 { POINTS } else { points };
        let (satisfied, share, earlier) = self.standing(edge);
        if !satisfied && share < NO_SHARE {
            return;
        }
        let to = (edge.level as usize - 1) * points;
        let above = &self.product[to..][..points];
        let below = &mut self.below[to..][..points];
        let shares = &mut self.shares[edge.feature as usize * points..][..points];
        let present = f32::from(u8::from(satisfied));
        let gain = present - share;
        let (at, rest) = (&quadrature.points[..points], &quadrature.rests[..points]);
        let weights = &quadrature.weights[..points];
        if let Some(earlier) = earlier {
            let Level { satisfied, share: old_share, .. } = self.levels[earlier];
            let old_gain = f32::from(u8::from(satisfied)) - old_share;
            let old = &self.inverse[earlier * points..][..points];
            for q in 0..points {
                let rest_of_path = edge.value * weights[q] * above[q] * old[q];
                let output = rest_of_path * (present * at[q] + share * rest[q]);
                shares[q] += gain * rest_of_path - old_gain * output * old[q];
                below[q] += output;
            }
        } else {
            for q in 0..points {
                let rest_of_path = edge.value * weights[q] * above[q];
                shares[q] += gain * rest_of_path;
                below[q] += rest_of_path * (present * at[q] + share * rest[q]);
            }
        }
    }

    /// Leaves an edge: credits its feature with all leaves below it.
    #[inline(always)]
    fn close<const POINTS: usize>(&mut self, points: usize, level: usize) {
        let points = if POINTS > 0 { POINTS } else { points };
        let to = level * points;
        let Level { feature, earlier, satisfied, share, .. } = self.levels[level];
        let gain = f32::from(u8::from(satisfied)) - share;
        let (above, below) = self.below.split_at_mut(to);
        let below = &below[..points];
        let shares = &mut self.shares[feature * points..][..points];
        let inverse = &self.inverse[to..][..points];
        for q in 0..points {
            shares[q] += gain * below[q] * inverse[q];
        }
        if let Some(earlier) = earlier {
            // The leaves below were to be credited to the earlier edge too: take that back.
            let Level { satisfied, share, .. } = self.levels[earlier];
            let gain = f32::from(u8::from(satisfied)) - share;
            let inverse = &self.inverse[earlier * points..][..points];
            for q in 0..points {
                shares[q] -= gain * below[q] * inverse[q];
            }
        }
        let above = &mut above[to - points..];
        for q in 0..points {
            above[q] += below[q];
        }
    }

    fn flush(&mut self, points: usize, out: &mut [f64]) {
        for (out, shares) in out.iter_mut().zip(self.shares.chunks_exact_mut(points)) {
            *out += shares.iter().map(|&share| f64::from(share)).sum::<f64>();
            shares.fill(0.0);
        }
    }
}
