//! Contributions of eight rows at once, for processors with AVX2: the walk is the same for every row, only what the row
//! satisfies differs.

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::{Edge, Explainer, NO_SHARE, NONE};
use crate::forest::{Forest, Node};
use crate::rows::Strided;

/// Rows that are explained together.
pub(crate) const ROWS: usize = 8;

fearless_simd::kernel! {
    fn walk(
        simd: Avx2, explainer: &Explainer, reciprocals: &[f32], forest: &Forest, rows: &Strided, out: &mut [f64],
    ) {
        let _ = simd;
        match explainer.points.len() {
            4 => explainer.walk_rows::<4>(reciprocals, forest, rows, out),
            8 => explainer.walk_rows::<8>(reciprocals, forest, rows, out),
            12 => explainer.walk_rows::<12>(reciprocals, forest, rows, out),
            _ => explainer.walk_rows::<16>(reciprocals, forest, rows, out),
        }
    }
}

impl Explainer {
    /// As [`Explainer::contributions`] of up to [`ROWS`] rows; false if there is no code for it.
    pub(crate) fn contributions_of_rows(&self, forest: &Forest, rows: &Strided, out: &mut [f64]) -> bool {
        match (fearless_simd::Level::new().as_avx2(), self.points.len()) {
            // A single row too, although its lanes stay empty: it has the numbers that it has among others.
            (Some(simd), 4 | 8 | 12 | 16) => {
                walk(simd, self, &self.reciprocals, forest, rows, out);
                true
            }
            _ => false,
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,fma,lzcnt,popcnt")]
    fn walk_rows<const POINTS: usize>(
        &self,
        reciprocals: &[f32],
        forest: &Forest,
        rows: &Strided,
        out: &mut [f64],
    ) {
        let width = self.features + 1;
        let row_width = width * self.means.len();
        for (group, mean) in self.means.iter().enumerate() {
            for out in out.chunks_exact_mut(row_width) {
                out[group * width + self.features] += mean;
            }
        }
        let mut work = Work::<POINTS>::new(self, rows);
        let mut reciprocals = reciprocals.as_chunks::<POINTS>().0.as_chunks::<2>().0.iter();
        let mut pending = 0;
        for (index, walk) in self.trees.iter().enumerate() {
            let nodes = forest.nodes(&forest.trees[walk.tree]);
            work.tree(forest, nodes, &self.edges[walk.edges.clone()], &mut reciprocals);
            pending += walk.edges.len();
            let last = self.trees.get(index + 1).is_none_or(|next| next.group != walk.group);
            // Float32 sums stay short; float64 takes over before rounding builds up.
            if last || pending > self.features.max(512) {
                for (shares, feature) in work.shares.iter_mut().zip(&self.used) {
                    let shares: [f32; ROWS] = bytemuck::cast(std::mem::replace(shares, _mm256_setzero_ps()));
                    let places = out[walk.group * width + *feature as usize..].iter_mut().step_by(row_width);
                    places.zip(shares).for_each(|(out, share)| *out += f64::from(share));
                }
                pending = 0;
            }
        }
    }
}

/// What is open at a level; the product and what is below are of the points.
#[derive(Clone, Copy)]
struct Level<const POINTS: usize> {
    /// Product of the factors of the path's features.
    product: [__m256; POINTS],
    /// Sum over the leaves below of output × weight × product.
    below: [__m256; POINTS],
    /// 1 / the factor of the level's feature.
    inverse: [__m256; POINTS],
    /// Rows that satisfy all splits on the feature so far.
    satisfied: __m256,
    /// What satisfying adds, for the rows that do, or takes.
    gain: __m256,
    /// Rows that go left at the node below the edge.
    goes_left: __m256,
    player: u32,
    earlier: u32,
}

struct Work<const POINTS: usize> {
    levels: Vec<Level<POINTS>>,
    /// The rows' values, and their contributions, of each feature that is used.
    values: Vec<__m256>,
    shares: Vec<__m256>,
    points: [__m256; POINTS],
    rests: [__m256; POINTS],
    weights: [__m256; POINTS],
}

impl<const POINTS: usize> Work<POINTS> {
    #[target_feature(enable = "avx2")]
    fn new(explainer: &Explainer, rows: &Strided) -> Self {
        let zero = _mm256_setzero_ps();
        let level = Level {
            product: [_mm256_set1_ps(1.0); POINTS],
            below: [zero; POINTS],
            inverse: [zero; POINTS],
            satisfied: zero,
            gain: zero,
            goes_left: zero,
            player: 0,
            earlier: NONE,
        };
        let mut this = Self {
            levels: vec![level; explainer.depth + 1],
            values: Vec::with_capacity(explainer.used.len()),
            shares: vec![zero; explainer.used.len()],
            points: [zero; POINTS],
            rests: [zero; POINTS],
            weights: [zero; POINTS],
        };
        for feature in &explainer.used {
            let mut values = [0.0; ROWS];
            rows.feature(*feature as usize, &mut values);
            this.values.push(bytemuck::cast(values));
        }
        for point in 0..POINTS {
            this.points[point] = _mm256_set1_ps(explainer.points.points[point]);
            this.rests[point] = _mm256_set1_ps(explainer.points.rests[point]);
            this.weights[point] = _mm256_set1_ps(explainer.points.weights[point]);
        }
        this
    }

    #[target_feature(enable = "avx2,fma")]
    fn tree(
        &mut self,
        forest: &Forest,
        nodes: &[Node],
        edges: &[Edge],
        reciprocals: &mut std::slice::Iter<[[f32; POINTS]; 2]>,
    ) {
        let Some(first) = edges.first() else { return };
        self.levels[0].goes_left = self.goes_left(forest, &nodes[0], first.player);
        let mut open = 0;
        for (index, edge) in edges.iter().enumerate() {
            while open >= edge.level {
                self.close(open);
                open -= 1;
            }
            if edge.leaf {
                self.leaf(edge);
            } else if let Some(reciprocals) = reciprocals.next() {
                self.open(edge, reciprocals);
                // The next edge leads from this one's node.
                let player = edges.get(index + 1).map_or(0, |next| next.player);
                self.levels[edge.level as usize].goes_left =
                    self.goes_left(forest, &nodes[edge.node as usize], player);
                open = edge.level;
            }
        }
        while open > 0 {
            self.close(open);
            open -= 1;
        }
    }

    /// Rows that go left at a node.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn goes_left(&self, forest: &Forest, node: &Node, player: u32) -> __m256 {
        let values = self.values[player as usize];
        if node.is_categorical() || node.value.is_nan() {
            let values: [f32; ROWS] = bytemuck::cast(values);
            let mut left = [0_i32; ROWS];
            for (left, value) in left.iter_mut().zip(values) {
                *left = -i32::from(forest.goes_left(node, value));
            }
            return bytemuck::cast(left);
        }
        let threshold = _mm256_set1_ps(node.value);
        // Missing values: "not at or above" is true of them, "below" is not.
        if node.default_left() {
            _mm256_cmp_ps::<_CMP_NGE_UQ>(values, threshold)
        } else {
            _mm256_cmp_ps::<_CMP_LT_OQ>(values, threshold)
        }
    }

    /// Rows that satisfy all splits on an edge's feature so far, and what that adds or takes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn standing(&self, edge: &Edge) -> (__m256, __m256) {
        let sides = _mm256_castsi256_ps(_mm256_set1_epi32(if edge.left { 0 } else { -1 }));
        let mut satisfied = _mm256_xor_ps(self.levels[edge.level as usize - 1].goes_left, sides);
        if edge.earlier != NONE {
            satisfied = _mm256_and_ps(satisfied, self.levels[edge.earlier as usize].satisfied);
        }
        let present = _mm256_and_ps(satisfied, _mm256_set1_ps(1.0));
        (satisfied, _mm256_sub_ps(present, _mm256_set1_ps(edge.share)))
    }

    /// The factor of a feature at a point.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn factor(&self, point: usize, satisfied: __m256, share: __m256) -> __m256 {
        let present = _mm256_and_ps(satisfied, self.points[point]);
        _mm256_fmadd_ps(share, self.rests[point], present)
    }

    /// Steps onto an edge to a split.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn open(&mut self, edge: &Edge, reciprocals: &[[f32; POINTS]; 2]) {
        let (satisfied, gain) = self.standing(edge);
        let level = edge.level as usize;
        let share = _mm256_set1_ps(if edge.share < NO_SHARE { 0.0 } else { edge.share });
        let mut opened = self.levels[level];
        for point in 0..POINTS {
            let factor = self.factor(point, satisfied, share);
            opened.product[point] = _mm256_mul_ps(self.levels[level - 1].product[point], factor);
            let [present, absent] = reciprocals;
            let (present, absent) = (_mm256_set1_ps(present[point]), _mm256_set1_ps(absent[point]));
            opened.inverse[point] = _mm256_blendv_ps(absent, present, satisfied);
            opened.below[point] = _mm256_setzero_ps();
        }
        if edge.earlier != NONE {
            let earlier = &self.levels[edge.earlier as usize];
            for point in 0..POINTS {
                opened.product[point] = _mm256_mul_ps(opened.product[point], earlier.inverse[point]);
            }
        }
        self.levels[level] = Level { satisfied, gain, player: edge.player, earlier: edge.earlier, ..opened };
    }

    /// Credits one leaf: `open` and `close` in one, where the edge's factor cancels out.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn leaf(&mut self, edge: &Edge) {
        let (satisfied, gain) = self.standing(edge);
        let (share, value) = (_mm256_set1_ps(edge.share), _mm256_set1_ps(edge.value));
        let above = &self.levels[edge.level as usize - 1];
        let mut below = above.below;
        let mut rest = [_mm256_setzero_ps(); POINTS];
        for (point, rest) in rest.iter_mut().enumerate() {
            *rest = _mm256_mul_ps(_mm256_mul_ps(value, self.weights[point]), above.product[point]);
        }
        let mut credit = _mm256_setzero_ps();
        if edge.earlier != NONE {
            let earlier = &self.levels[edge.earlier as usize];
            for (point, rest) in rest.iter_mut().enumerate() {
                *rest = _mm256_mul_ps(*rest, earlier.inverse[point]);
                let output = _mm256_mul_ps(*rest, self.factor(point, satisfied, share));
                credit = _mm256_fnmadd_ps(output, earlier.inverse[point], credit);
            }
            credit = _mm256_mul_ps(credit, earlier.gain);
        }
        let mut total = _mm256_setzero_ps();
        for point in 0..POINTS {
            total = _mm256_add_ps(total, rest[point]);
            below[point] = _mm256_fmadd_ps(rest[point], self.factor(point, satisfied, share), below[point]);
        }
        credit = _mm256_fmadd_ps(total, gain, credit);
        self.levels[edge.level as usize - 1].below = below;
        let shares = &mut self.shares[edge.player as usize];
        *shares = _mm256_add_ps(*shares, credit);
    }

    /// Leaves an edge: credits its feature with all leaves below it.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    fn close(&mut self, level: u32) {
        let (above, closed) = self.levels.split_at_mut(level as usize);
        let closed = &closed[0];
        let mut total = _mm256_setzero_ps();
        for point in 0..POINTS {
            total = _mm256_fmadd_ps(closed.below[point], closed.inverse[point], total);
        }
        let mut credit = _mm256_mul_ps(total, closed.gain);
        if closed.earlier != NONE {
            // The leaves below were to be credited to the earlier edge too: take that back.
            let earlier = &above[closed.earlier as usize];
            let mut total = _mm256_setzero_ps();
            for point in 0..POINTS {
                total = _mm256_fmadd_ps(closed.below[point], earlier.inverse[point], total);
            }
            credit = _mm256_fnmadd_ps(total, earlier.gain, credit);
        }
        let above = &mut above[level as usize - 1].below;
        for (above, below) in above.iter_mut().zip(closed.below) {
            *above = _mm256_add_ps(*above, below);
        }
        let shares = &mut self.shares[closed.player as usize];
        *shares = _mm256_add_ps(*shares, credit);
    }
}
