//! One row through all trees.

use std::arch::x86_64::*;

use super::ranks::NEVER_LEFT;
use super::sets::is_left;
use super::{ByteTrees, Single, Tree, linked};

/// Trees walked at once: their memory accesses overlap.
pub(super) const LANES: usize = 12;
/// Columns that fit a table in registers.
pub(super) const FEW: usize = 64;

/// Half a tree of depth 6, or one of up to 5: every node is answered at once, and the walk is over bits. Nodes breadth-first from index 1; of a
/// tree of depth 6 the last level is the second half.
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

    /// The leaf of a tree of up to five levels.
    #[target_feature(enable = "avx2,bmi2")]
    #[inline]
    pub(super) fn leaf(&self, answers: &Answers, depth: u32) -> usize {
        let left = self.left(answers);
        let mut at = 1;
        for _ in 0..5 {
            at = 2 * at + (left >> (at & 31) & 1);
        }
        (at >> (5 - depth)) as usize - (1 << depth)
    }

    /// The leaf of a tree of six levels.
    #[target_feature(enable = "avx2,bmi2")]
    #[inline]
    pub(super) fn deep_leaf(&self, answers: &[Answers; 2]) -> usize {
        let left = u64::from(self.left(&answers[0])) | u64::from(self.left(&answers[1])) << 32;
        let mut at = 1;
        for _ in 0..6 {
            at = 2 * at + (left >> (at & 63) & 1);
        }
        at as usize - 64
    }
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
        let alike = |a: &Tree, b: &Tree| {
            (a.kind, a.single, a.categorical) == (b.kind, b.single, b.categorical)
                && (a.depth == b.depth || a.single != Single::Walked)
        };
        for trees in self.trees.chunk_by(alike) {
            match (trees[0].single, keys.first_chunk()) {
                (Single::Answered, Some(keys)) if self.ranks.columns <= 16 => {
                    self.answer(trees, Keys::<1>::new(keys), out);
                }
                (Single::Answered, Some(keys)) if self.ranks.columns <= 32 => {
                    self.answer(trees, Keys::<2>::new(keys), out);
                }
                (Single::Answered, Some(keys)) => self.answer(trees, Keys::<4>::new(keys), out),
                (Single::Walked, _) if trees[0].categorical => self.walk::<true>(trees, keys, out),
                (Single::Walked, _) => self.walk::<false>(trees, keys, out),
                _ if trees[0].categorical => self.follow::<true>(trees, keys, out),
                _ => self.follow::<false>(trees, keys, out),
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn answer<const TABLES: usize>(&self, trees: &[Tree], keys: Keys<TABLES>, out: &mut [f32]) {
        for tree in trees {
            let answers = &self.answers[tree.answers..];
            let leaf = match answers.first_chunk() {
                Some(answers) if tree.depth > 5 => keys.deep_leaf(answers),
                _ => keys.leaf(&answers[0], tree.depth),
            };
            out[tree.group as usize] += self.leaves[tree.leaves + leaf];
        }
    }

    /// Complete trees of one depth, some at once.
    #[inline]
    fn walk<const CATEGORIES: bool>(&self, trees: &[Tree], keys: &[i8], out: &mut [f32]) {
        for trees in trees.chunks(LANES) {
            let mut at = [1; LANES];
            for _ in 0..trees[0].depth {
                for (at, tree) in at.iter_mut().zip(trees) {
                    let place = &self.places[tree.places + *at];
                    let column = usize::from(place.column);
                    let left = if CATEGORIES && column < self.ranks.notes {
                        let set = &self.sets[tree.notes.start + column];
                        is_left(set, keys[usize::from(set.column)], keys[usize::from(set.column) + 1])
                    } else {
                        keys[column] < place.threshold
                    };
                    *at = 2 * *at + usize::from(left);
                }
            }
            for (at, tree) in at.iter().zip(trees) {
                out[tree.group as usize] += self.leaves[tree.leaves + at - (1 << tree.depth)];
            }
        }
    }

    /// Linked trees, some at once.
    #[inline]
    fn follow<const CATEGORIES: bool>(&self, trees: &[Tree], keys: &[i8], out: &mut [f32]) {
        for trees in trees.chunks(linked::LANES) {
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
