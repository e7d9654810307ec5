//! One row's walk over all trees.
//!
//! On the way down each split learns `others`: the product of the factors of the path's features, without its own. On the
//! way up it knows of its two children what the leaves below them give, each times the factors of the features below:
//! `present` sums what is below the child that the row satisfies, `shared` what is below both, by their shares of cover.
//! `present − shared` is what the split's feature adds, and `present · t + shared · (1 − t)` what the leaves give with its factor.
//! A feature that the path had before has one factor, that of its last edge: the earlier one is divided out, and what
//! the earlier edge would be credited for is taken back.

#![expect(clippy::inline_always, reason = "compiled anew for the caller's processor")]
#![expect(clippy::needless_range_loop, reason = "an index names the same point in several arrays")]

use super::quadrature::Quadrature;
use super::{Explainer, Split};
use crate::forest::{Forest, Node};
use crate::rows::Strided;

/// Most quadrature points that there is code for.
pub(super) const MAX_POINTS: usize = 2048;

/// The number of points that there is code for.
pub(super) fn round_up(points: usize) -> usize {
    if points <= 16 { points.max(1).next_multiple_of(4) } else { points.next_power_of_two() }
}

impl Explainer {
    /// Adds the contributions of one of the rows.
    #[inline(always)]
    pub(super) fn walk_row(&self, forest: &Forest, rows: &Strided, index: usize, out: &mut [f64]) {
        match self.points.len() {
            4 => self.walk::<4>(forest, rows, index, out),
            8 => self.walk::<8>(forest, rows, index, out),
            12 => self.walk::<12>(forest, rows, index, out),
            16 => self.walk::<16>(forest, rows, index, out),
            32 => self.walk::<32>(forest, rows, index, out),
            64 => self.walk::<64>(forest, rows, index, out),
            128 => self.walk::<128>(forest, rows, index, out),
            256 => self.walk::<256>(forest, rows, index, out),
            512 => self.walk::<512>(forest, rows, index, out),
            1024 => self.walk::<1024>(forest, rows, index, out),
            _ => self.walk::<MAX_POINTS>(forest, rows, index, out),
        }
    }

    #[inline(always)]
    fn walk<const POINTS: usize>(&self, forest: &Forest, rows: &Strided, index: usize, out: &mut [f64]) {
        let mut work = Work::<POINTS>::new(self, rows, index);
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
                let out = &mut out[walk.group * (self.features + 1)..];
                for (share, feature) in work.shares.iter_mut().zip(&self.used) {
                    out[*feature as usize] += f64::from(std::mem::take(share));
                }
                pending = 0;
            }
        }
    }
}

/// The state of a split, and of the edge that leads to it; arrays are of the points.
#[derive(Clone)]
struct Slot<const POINTS: usize> {
    others: [f32; POINTS],
    present: [f32; POINTS],
    shared: [f32; POINTS],
    /// 1 / the factor of the edge's feature, if it is repeated.
    inverse: [f32; POINTS],
    /// All ones if the row satisfies all splits on the edge's feature so far.
    satisfied: u32,
    /// What satisfying them adds, if the row does, or takes.
    gain: f32,
    /// Whether the row goes left.
    left: bool,
}

struct Work<const POINTS: usize> {
    slots: Vec<Slot<POINTS>>,
    points: [f32; POINTS],
    rests: [f32; POINTS],
    /// The row's value, and its contribution, of each feature that is used.
    values: Vec<f32>,
    shares: Vec<f32>,
}

impl<const POINTS: usize> Work<POINTS> {
    #[inline(always)]
    fn new(explainer: &Explainer, rows: &Strided, index: usize) -> Self {
        let Quadrature { points, rests, weights } = &explainer.points;
        let take = |numbers: &[f32]| {
            let mut taken = [0.0; POINTS];
            taken.copy_from_slice(numbers);
            taken
        };
        let top = Slot {
            others: take(weights),
            present: [0.0; POINTS],
            shared: [0.0; POINTS],
            inverse: [1.0; POINTS],
            satisfied: u32::MAX,
            gain: 0.0,
            left: true,
        };
        Self {
            slots: vec![top; explainer.slots],
            points: take(points),
            rests: take(rests),
            values: explainer.used.iter().map(|&feature| rows.value(index, feature as usize)).collect(),
            shares: vec![0.0; explainer.used.len()],
        }
    }

    /// Steps onto the edge that leads to a split.
    #[inline(always)]
    fn down(&mut self, forest: &Forest, nodes: &[Node], split: &Split) {
        let (parent, above) = (&self.slots[split.parent as usize], &self.slots[split.above as usize]);
        let satisfied = mask(parent.left == split.left) & above.satisfied;
        let (mut inverse, mut others) = ([0.0; POINTS], [0.0; POINTS]);
        for q in 0..POINTS {
            let factor = masked(self.points[q], satisfied) + split.share * self.rests[q];
            others[q] = parent.others[q] * factor;
            inverse[q] = 1.0 / factor;
        }
        let value = self.values[split.player as usize];
        let left = if split.categorical {
            forest.goes_left(&nodes[split.node as usize], value)
        } else {
            (value < split.threshold) | (value.is_nan() & split.default_left)
        };
        let slot = &mut self.slots[split.slot as usize];
        (slot.inverse, slot.left, slot.satisfied) = (inverse, left, satisfied);
        slot.gain = masked(1.0, satisfied) - split.share;
        let earlier = &self.slots[split.earlier as usize];
        let present = masked(split.leaves[usize::from(left)], earlier.satisfied);
        for q in 0..POINTS {
            others[q] *= earlier.inverse[q];
        }
        let slot = &mut self.slots[split.slot as usize];
        (slot.others, slot.present, slot.shared) = (others, [present; POINTS], [split.shared; POINTS]);
    }

    /// Leaves a split: credits its feature, and tells the split above.
    #[inline(always)]
    fn up(&mut self, split: &Split) {
        let (slot, earlier) = (&self.slots[split.slot as usize], &self.slots[split.earlier as usize]);
        let (satisfied, gain) = (slot.satisfied, earlier.gain);
        let (mut below, mut credits) = ([0.0; POINTS], [0.0; POINTS]);
        for q in 0..POINTS {
            let (present, shared) = (slot.present[q], slot.shared[q]);
            below[q] = (present * self.points[q] + shared * self.rests[q]) * earlier.inverse[q];
            credits[q] = slot.others[q] * ((present - shared) - gain * below[q]);
        }
        self.shares[split.player as usize] += sum(&credits);
        let parent = &mut self.slots[split.parent as usize];
        for q in 0..POINTS {
            parent.present[q] += masked(below[q], satisfied);
            parent.shared[q] += split.share * below[q];
        }
    }
}

fn mask(set: bool) -> u32 {
    u32::from(set).wrapping_neg()
}

#[inline(always)]
fn masked(number: f32, mask: u32) -> f32 {
    f32::from_bits(number.to_bits() & mask)
}

/// The sum, in the order that takes a processor the fewest steps.
#[inline(always)]
fn sum<const POINTS: usize>(numbers: &[f32; POINTS]) -> f32 {
    let mut sums = [0.0; 4];
    for numbers in numbers.as_chunks::<4>().0 {
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3])
}
