//! One row through all trees.

use std::arch::x86_64::*;

use super::ranks::{NEVER_LEFT, Place};
use super::sets::is_left;
use super::{ByteTrees, Run, Single, linked};

/// Trees walked at once: their memory accesses overlap.
pub(super) const LANES: usize = 12;
/// Trees whose nodes are all answered before the first is walked.
const TOGETHER: usize = 64;
/// Levels of trees that one vector holds.
pub(super) const SHALLOW: u32 = 5;
/// Columns that fit a table in registers.
pub(super) const FEW: usize = 64;

/// A tree of up to [`SHALLOW`] levels: every node is answered at once, and the walk is over bits. Nodes breadth-first
/// from index 1; the sixth level of a deeper tree is another of these.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Answers {
    pub(super) columns: [u8; 32],
    pub(super) thresholds: [i8; 32],
}

impl Answers {
    pub(super) const NONE: Self = Self { columns: [0; 32], thresholds: [NEVER_LEFT; 32] };
}

/// The keys of a row as tables for the processor's shuffle.
#[derive(Clone, Copy)]
pub(super) struct Keys<const TABLES: usize>([__m256i; TABLES]);

impl<const TABLES: usize> Keys<TABLES> {
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn new(keys: &[i8; FEW]) -> Self {
        let mut tables = [_mm256_setzero_si256(); TABLES];
        for (table, keys) in tables.iter_mut().zip(keys.as_chunks::<16>().0) {
            *table = _mm256_broadcastsi128_si256(bytemuck::cast(*keys));
        }
        Self(tables)
    }

    /// A bit for each node at which the row goes left.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn left(&self, answers: &Answers) -> u32 {
        let columns: __m256i = bytemuck::cast(answers.columns);
        let thresholds: __m256i = bytemuck::cast(answers.thresholds);
        // Shuffles heed the low four bits of a column, and select by the two above.
        let look_up = |table: usize| _mm256_shuffle_epi8(self.0[table], columns);
        let second = _mm256_slli_epi16::<3>(columns);
        let pair = |table: usize| _mm256_blendv_epi8(look_up(table), look_up(table + 1), second);
        let keys = match TABLES {
            1 => look_up(0),
            2 => pair(0),
            _ => _mm256_blendv_epi8(pair(0), pair(2), _mm256_slli_epi16::<2>(columns)),
        };
        _mm256_movemask_epi8(_mm256_cmpgt_epi8(thresholds, keys)).cast_unsigned()
    }
}

/// Walks over the bits of eight trees: five levels of nodes, then a sixth if there is one. Gives their leaves.
#[target_feature(enable = "avx2")]
#[inline]
fn leaves(upper: [u32; 8], lowest: Option<[u32; 8]>) -> [u32; 8] {
    let one = _mm256_set1_epi32(1);
    let step = |at, bits, by| _mm256_or_si256(_mm256_add_epi32(at, at), _mm256_and_si256(_mm256_srlv_epi32(bits, by), one));
    let upper: __m256i = bytemuck::cast(upper);
    let mut at = one;
    for _ in 0..SHALLOW {
        at = step(at, upper, at);
    }
    // The first bit says only where a level starts.
    at = _mm256_xor_si256(at, _mm256_set1_epi32(1 << SHALLOW));
    if let Some(lowest) = lowest {
        at = step(at, bytemuck::cast(lowest), at);
    }
    bytemuck::cast(at)
}

impl ByteTrees {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn add_row_avx2(&self, row: &[f32], out: &mut [f32]) {
        let (mut few, mut many);
        let keys: &mut [i8] = if self.ranks.columns <= FEW {
            few = [0; FEW];
            &mut few
        } else {
            many = vec![0; self.ranks.columns];
            &mut many
        };
        self.ranks.fill_row(row, keys);
        for run in &self.runs {
            match (run.single, keys.first_chunk()) {
                (Single::Answered, Some(keys)) if self.ranks.columns <= 16 => {
                    self.answer(run, Keys::<1>::new(keys), out);
                }
                (Single::Answered, Some(keys)) if self.ranks.columns <= 32 => {
                    self.answer(run, Keys::<2>::new(keys), out);
                }
                (Single::Answered, Some(keys)) => self.answer(run, Keys::<4>::new(keys), out),
                (Single::Walked, _) if run.categorical => self.walk::<true>(run, keys, out),
                (Single::Walked, _) => self.walk::<false>(run, keys, out),
                _ if run.categorical => self.follow::<true>(run, keys, out),
                _ => self.follow::<false>(run, keys, out),
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn answer<const TABLES: usize>(&self, run: &Run, keys: Keys<TABLES>, out: &mut [f32]) {
        let groups = self.groups[run.trees.clone()].chunks(TOGETHER);
        let (answers, leaves) = (&self.answers[run.answers..], &self.leaves[run.leaves..]);
        let (mut upper, mut lowest) = ([0; TOGETHER], [0; TOGETHER]);
        if run.depth == SHALLOW {
            let leaves = leaves.as_chunks::<32>().0;
            for ((groups, answers), outputs) in groups.zip(answers.chunks(TOGETHER)).zip(leaves.chunks(TOGETHER)) {
                for (upper, answers) in upper.iter_mut().zip(answers) {
                    *upper = keys.left(answers);
                }
                for upper in upper.as_chunks_mut().0 {
                    *upper = self::leaves(*upper, None);
                }
                sum(upper.iter().zip(outputs).map(|(at, outputs)| outputs[*at as usize % 32]), groups, out);
            }
        } else {
            let (answers, leaves) = (answers.as_chunks::<2>().0, leaves.as_chunks::<64>().0);
            for ((groups, answers), outputs) in groups.zip(answers.chunks(TOGETHER)).zip(leaves.chunks(TOGETHER)) {
                for ((upper, lowest), answers) in upper.iter_mut().zip(&mut lowest).zip(answers) {
                    (*upper, *lowest) = (keys.left(&answers[0]), keys.left(&answers[1]));
                }
                for (upper, lowest) in upper.as_chunks_mut().0.iter_mut().zip(lowest.as_chunks().0) {
                    *upper = self::leaves(*upper, Some(*lowest));
                }
                sum(upper.iter().zip(outputs).map(|(at, outputs)| outputs[*at as usize % 64]), groups, out);
            }
        }
    }

    #[inline]
    fn walk<const CATEGORIES: bool>(&self, run: &Run, keys: &[i8], out: &mut [f32]) {
        match run.depth {
            1 => self.walk_all::<CATEGORIES, 2>(run, keys, out),
            2 => self.walk_all::<CATEGORIES, 4>(run, keys, out),
            3 => self.walk_all::<CATEGORIES, 8>(run, keys, out),
            4 => self.walk_all::<CATEGORIES, 16>(run, keys, out),
            5 => self.walk_all::<CATEGORIES, 32>(run, keys, out),
            6 => self.walk_all::<CATEGORIES, 64>(run, keys, out),
            7 => self.walk_all::<CATEGORIES, 128>(run, keys, out),
            _ => self.walk_all::<CATEGORIES, 256>(run, keys, out),
        }
    }

    /// Complete trees of `N` leaves, some at once.
    fn walk_all<const CATEGORIES: bool, const N: usize>(&self, run: &Run, keys: &[i8], out: &mut [f32]) {
        let places = self.places[run.places..].as_chunks::<N>().0;
        let leaves = self.leaves[run.leaves..].as_chunks::<N>().0;
        // Hidden from the compiler: unrolling the steps would make each longer.
        let depth = std::hint::black_box(run.depth);
        let step = |at: usize, tree: usize, places: &[Place; N]| {
            let place = &places[at & (N - 1)];
            let column = usize::from(place.column);
            let left = if CATEGORIES && column < self.ranks.notes {
                let set = &self.sets[self.trees[tree].notes.start + column];
                is_left(set, keys[usize::from(set.column)], keys[usize::from(set.column) + 1])
            } else {
                keys[column] < place.threshold
            };
            2 * at + usize::from(left)
        };
        let mut trees = run.trees.clone();
        let together = places.as_chunks::<LANES>().0.iter().zip(leaves.as_chunks::<LANES>().0);
        for (places, leaves) in together.take(trees.len() / LANES) {
            let mut at = [1; LANES];
            for _ in 0..depth {
                for lane in 0..LANES {
                    at[lane] = step(at[lane], trees.start + lane, &places[lane]);
                }
            }
            for lane in 0..LANES {
                out[self.groups[trees.start + lane] as usize] += leaves[lane][at[lane] & (N - 1)];
            }
            trees.start += LANES;
        }
        for tree in trees {
            let mut at = 1;
            for _ in 0..depth {
                at = step(at, tree, &places[tree - run.trees.start]);
            }
            out[self.groups[tree] as usize] += leaves[tree - run.trees.start][at & (N - 1)];
        }
    }

    /// Linked trees, some at once.
    #[inline]
    fn follow<const CATEGORIES: bool>(&self, run: &Run, keys: &[i8], out: &mut [f32]) {
        for trees in self.trees[run.trees.clone()].chunks(linked::LANES) {
            let mut at = [trees[0].links as u32; linked::LANES];
            for (at, tree) in at.iter_mut().zip(trees) {
                *at = tree.links as u32;
            }
            let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
            linked::walk::<CATEGORIES>(&self.links, &self.sets, &mut at, depth, |_, column| keys[column]);
            for (at, tree) in at.iter().zip(trees) {
                out[tree.group as usize] += f32::from_bits(self.links[*at as usize].value);
            }
        }
    }
}

/// Adds what each tree gives, in order; the sum of a single output stays in a register.
#[inline]
fn sum(leaves: impl Iterator<Item = f32>, groups: &[u32], out: &mut [f32]) {
    if let [sum] = out {
        *sum = leaves.zip(groups).fold(*sum, |sum, (leaf, _)| sum + leaf);
    } else {
        leaves.zip(groups).for_each(|(leaf, group)| out[*group as usize] += leaf);
    }
}
