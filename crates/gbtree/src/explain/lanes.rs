//! The walk for processors with AVX2: of eight rows at once, or of one.

#![expect(clippy::needless_range_loop, reason = "an index names the same point in several arrays")]

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::{Explainer, ROWS, Split};
use crate::forest::{Forest, Node};
use crate::rows::Strided;

fearless_simd::kernel! {
    fn walk_row(simd: Avx2, explainer: &Explainer, forest: &Forest, rows: &Strided, out: &mut [f64]) {
        let _ = simd;
        explainer.walk_row(forest, rows, 0, out);
    }
}

fearless_simd::kernel! {
    fn walk_rows(simd: Avx2, explainer: &Explainer, forest: &Forest, rows: &Strided, out: &mut [f64]) {
        let _ = simd;
        match explainer.points.len() {
            4 => explainer.walk_rows::<4>(forest, rows, out),
            8 => explainer.walk_rows::<8>(forest, rows, out),
            12 => explainer.walk_rows::<12>(forest, rows, out),
            _ => explainer.walk_rows::<16>(forest, rows, out),
        }
    }
}

impl Explainer {
    /// Adds the contributions of up to [`ROWS`] rows; false if there is no code for it.
    pub(super) fn walk_with_avx2(&self, forest: &Forest, rows: &Strided, out: &mut [f64]) -> bool {
        let Some(simd) = fearless_simd::Level::new().as_avx2() else { return false };
        match (rows.len(), self.points.len()) {
            (1, _) => walk_row(simd, self, forest, rows, out),
            (_, 4 | 8 | 12 | 16) => walk_rows(simd, self, forest, rows, out),
            _ => return false,
        }
        true
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,fma,lzcnt,popcnt")]
    fn walk_rows<const POINTS: usize>(&self, forest: &Forest, rows: &Strided, out: &mut [f64]) {
        let width = self.features + 1;
        let row_width = width * self.means.len();
        let mut work = Work::<POINTS>::new(self, rows);
        let mut pending = 0;
        for (index, walk) in self.trees.iter().enumerate() {
            let nodes = forest.nodes(&forest.trees[walk.tree]);
            for step in &self.steps[walk.steps.clone()] {
                let splits = &self.splits[step.splits.clone()];
                if step.down {
                    for split in splits {
                        work.down(forest, nodes, split);
                    }
                }
                if step.up {
                    for split in splits.iter().rev() {
                        work.up(split);
                    }
                    pending += splits.len();
                }
            }
            let last = self.trees.get(index + 1).is_none_or(|next| next.group != walk.group);
            if last || self.is_long(pending) {
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

/// As the walk's of one row, with a lane for each row; masks are all ones in the lanes of the rows they hold for.
#[derive(Clone, Copy)]
struct Slot<const POINTS: usize> {
    others: [__m256; POINTS],
    present: [__m256; POINTS],
    shared: [__m256; POINTS],
    /// 1 / the factor of the edge's feature, if it is repeated.
    inverse: [__m256; POINTS],
    /// Rows that satisfy all splits on the edge's feature so far.
    satisfied: __m256,
    /// What satisfying them adds, for the rows that do, or takes.
    gain: __m256,
    /// Rows that go left.
    left: __m256,
}

struct Work<const POINTS: usize> {
    slots: Vec<Slot<POINTS>>,
    points: [__m256; POINTS],
    rests: [__m256; POINTS],
    /// The rows' values, and their contributions, of each feature that is used.
    values: Vec<__m256>,
    shares: Vec<__m256>,
}

impl<const POINTS: usize> Work<POINTS> {
    #[target_feature(enable = "avx2")]
    fn new(explainer: &Explainer, rows: &Strided) -> Self {
        let zero = _mm256_setzero_ps();
        let all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
        let take = |numbers: &[f32]| {
            let mut taken = [zero; POINTS];
            for (taken, number) in taken.iter_mut().zip(numbers) {
                *taken = _mm256_set1_ps(*number);
            }
            taken
        };
        let top = Slot {
            others: take(&explainer.points.weights),
            present: [zero; POINTS],
            shared: [zero; POINTS],
            inverse: [_mm256_set1_ps(1.0); POINTS],
            satisfied: all,
            gain: zero,
            left: all,
        };
        let mut this = Self {
            slots: vec![top; explainer.slots],
            points: take(&explainer.points.points),
            rests: take(&explainer.points.rests),
            values: Vec::with_capacity(explainer.used.len()),
            shares: vec![zero; explainer.used.len()],
        };
        for feature in &explainer.used {
            let mut values = [0.0; ROWS];
            rows.feature(*feature as usize, &mut values);
            this.values.push(bytemuck::cast(values));
        }
        this
    }

    /// Steps onto the edge that leads to a split.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn down(&mut self, forest: &Forest, nodes: &[Node], split: &Split) {
        let (parent, above) = (&self.slots[split.parent as usize], &self.slots[split.above as usize]);
        let satisfied = _mm256_and_ps(_mm256_xor_ps(parent.left, mask(!split.left)), above.satisfied);
        let share = _mm256_set1_ps(split.share);
        let one = _mm256_set1_ps(1.0);
        let (mut others, mut factors) = (parent.others, parent.others);
        for q in 0..POINTS {
            let present = _mm256_and_ps(self.points[q], satisfied);
            factors[q] = _mm256_add_ps(present, _mm256_mul_ps(share, self.rests[q]));
            others[q] = _mm256_mul_ps(others[q], factors[q]);
        }
        let left = self.left(forest, nodes, split);
        let slot = &mut self.slots[split.slot as usize];
        (slot.satisfied, slot.left) = (satisfied, left);
        slot.gain = _mm256_sub_ps(_mm256_and_ps(one, satisfied), share);
        if split.repeated {
            for q in 0..POINTS {
                slot.inverse[q] = _mm256_div_ps(one, factors[q]);
            }
        }
        let [right, left_leaf] = split.leaves.map(|leaf| _mm256_set1_ps(leaf));
        let mut present = _mm256_blendv_ps(right, left_leaf, left);
        if split.earlier != 0 {
            let earlier = &self.slots[split.earlier as usize];
            present = _mm256_and_ps(present, earlier.satisfied);
            for q in 0..POINTS {
                others[q] = _mm256_mul_ps(others[q], earlier.inverse[q]);
            }
        }
        let slot = &mut self.slots[split.slot as usize];
        slot.others = others;
        slot.present = [present; POINTS];
        slot.shared = [_mm256_set1_ps(split.shared); POINTS];
    }

    /// Rows that go left.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn left(&self, forest: &Forest, nodes: &[Node], split: &Split) -> __m256 {
        let values = self.values[split.player as usize];
        if split.categorical {
            let node = &nodes[split.node as usize];
            let values: [f32; ROWS] = bytemuck::cast(values);
            return bytemuck::cast(values.map(|value| -i32::from(forest.goes_left(node, value))));
        }
        let missing = _mm256_and_ps(_mm256_cmp_ps::<_CMP_UNORD_Q>(values, values), mask(split.default_left));
        _mm256_or_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(values, _mm256_set1_ps(split.threshold)), missing)
    }

    /// Leaves a split: credits its feature, and tells the split above.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn up(&mut self, split: &Split) {
        let slot = &self.slots[split.slot as usize];
        let (satisfied, share) = (slot.satisfied, _mm256_set1_ps(split.share));
        let (mut below, mut credits) = (slot.present, slot.others);
        for q in 0..POINTS {
            let (present, shared) = (slot.present[q], slot.shared[q]);
            below[q] =
                _mm256_add_ps(_mm256_mul_ps(present, self.points[q]), _mm256_mul_ps(shared, self.rests[q]));
        }
        if split.earlier == 0 {
            for q in 0..POINTS {
                credits[q] = _mm256_mul_ps(credits[q], _mm256_sub_ps(slot.present[q], slot.shared[q]));
            }
        } else {
            let earlier = &self.slots[split.earlier as usize];
            for q in 0..POINTS {
                below[q] = _mm256_mul_ps(below[q], earlier.inverse[q]);
                let added = _mm256_sub_ps(slot.present[q], slot.shared[q]);
                let taken = _mm256_mul_ps(earlier.gain, below[q]);
                credits[q] = _mm256_mul_ps(credits[q], _mm256_sub_ps(added, taken));
            }
        }
        let credited = &mut self.shares[split.player as usize];
        *credited = _mm256_add_ps(*credited, sum(&credits));
        let parent = &mut self.slots[split.parent as usize];
        for q in 0..POINTS {
            parent.present[q] = _mm256_add_ps(parent.present[q], _mm256_and_ps(below[q], satisfied));
            parent.shared[q] = _mm256_add_ps(parent.shared[q], _mm256_mul_ps(share, below[q]));
        }
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn mask(set: bool) -> __m256 {
    _mm256_castsi256_ps(_mm256_set1_epi32(-i32::from(set)))
}

/// In the order of one row's.
#[target_feature(enable = "avx2")]
#[inline]
fn sum<const POINTS: usize>(numbers: &[__m256; POINTS]) -> __m256 {
    let mut sums = [_mm256_setzero_ps(); 4];
    for numbers in numbers.as_chunks::<4>().0 {
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum = _mm256_add_ps(*sum, *number);
        }
    }
    _mm256_add_ps(_mm256_add_ps(sums[0], sums[2]), _mm256_add_ps(sums[1], sums[3]))
}
