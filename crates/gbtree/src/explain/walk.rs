//! One row's walk over all trees.

#![expect(clippy::inline_always, reason = "compiled anew for the caller's processor")]

use super::quadrature::Quadrature;
use super::{Edge, Explainer, NO_SHARE, NONE, Walk};
use crate::forest::Forest;

impl Explainer {
    #[inline(always)]
    pub(super) fn walk_row(&self, forest: &Forest, row: &[f32], out: &mut [f64]) {
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
        let mut work = Work::new(points, self.depth, self.used.len());
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
                work.flush(points, &self.used, &mut out[walk.group * width..][..self.features]);
                pending = 0;
            }
        }
    }
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
    /// Per feature that is used, contributions before summing over points.
    shares: Vec<f32>,
}

/// The edge open at a level.
#[derive(Clone, Copy, Default)]
struct Level {
    player: usize,
    earlier: Option<usize>,
    /// Whether the row satisfies all splits on the feature so far.
    satisfied: bool,
    /// Share of cover that does.
    share: f32,
    /// Whether the row goes left at the node below the edge.
    goes_left: bool,
}

impl Work {
    fn new(points: usize, depth: usize, players: usize) -> Self {
        let zeros = || vec![0.0; (depth + 1) * points];
        let mut product = zeros();
        product[..points].fill(1.0);
        Self {
            product,
            below: zeros(),
            inverse: zeros(),
            levels: vec![Level::default(); depth + 1],
            shares: vec![0.0; players * points],
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
        let player = edge.player as usize;
        self.levels[level] = Level { player, earlier, satisfied, share, goes_left: false };
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
        let shares = &mut self.shares[edge.player as usize * points..][..points];
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
        let Level { player, earlier, satisfied, share, .. } = self.levels[level];
        let gain = f32::from(u8::from(satisfied)) - share;
        let (above, below) = self.below.split_at_mut(to);
        let below = &below[..points];
        let shares = &mut self.shares[player * points..][..points];
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

    fn flush(&mut self, points: usize, used: &[u32], out: &mut [f64]) {
        for (feature, shares) in used.iter().zip(self.shares.chunks_exact_mut(points)) {
            out[*feature as usize] += shares.iter().map(|&share| f64::from(share)).sum::<f64>();
            shares.fill(0.0);
        }
    }
}
