//! One row through all trees.

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::blocks::NARROW;
use super::ranks::{MAX_COLUMNS, NEVER_LEFT, Place};
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
    let step = |at, bits, by| {
        _mm256_or_si256(_mm256_add_epi32(at, at), _mm256_and_si256(_mm256_srlv_epi32(bits, by), one))
    };
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

/// Places of complete trees, byte by byte: they take the least room.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    low: Vec<u8>,
    /// Empty if all columns are told by one byte.
    high: Vec<u8>,
    thresholds: Vec<i8>,
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.low.len()
    }

    pub(super) fn resize(&mut self, len: usize, place: Place, columns: usize) {
        let [low, high] = place.column.to_le_bytes();
        self.low.resize(len, low);
        self.high.resize(if columns > NARROW { len } else { 0 }, high);
        self.thresholds.resize(len, place.threshold);
    }

    pub(super) fn set(&mut self, at: usize, place: Place) {
        let [low, high] = place.column.to_le_bytes();
        (self.low[at], self.thresholds[at]) = (low, place.threshold);
        if let Some(to) = self.high.get_mut(at) {
            *to = high;
        }
    }

    pub(super) fn get(&self, at: usize) -> Place {
        let high = self.high.get(at).copied().unwrap_or(0);
        Place { column: u16::from_le_bytes([self.low[at], high]), threshold: self.thresholds[at] }
    }

    fn from(&self, first: usize) -> (&[u8], &[u8], &[i8]) {
        (&self.low[first..], self.high.get(first..).unwrap_or_default(), &self.thresholds[first..])
    }
}

impl ByteTrees {
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn add_row_avx2(&self, row: &[f32], out: &mut [f32]) {
        if self.ranks.columns <= NARROW {
            self.add_keys(row, &mut [0; NARROW], out);
        } else {
            self.add_keys(row, &mut [0; MAX_COLUMNS], out);
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn add_keys<const COLUMNS: usize>(&self, row: &[f32], keys: &mut [i8; COLUMNS], out: &mut [f32]) {
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
                (Single::Walked, _) if run.categorical => self.walk::<true, COLUMNS>(run, keys, out),
                (Single::Walked, _) => self.walk::<false, COLUMNS>(run, keys, out),
                _ if run.categorical => self.follow::<true, COLUMNS>(run, keys, out),
                _ => self.follow::<false, COLUMNS>(run, keys, out),
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
            for ((groups, answers), outputs) in
                groups.zip(answers.chunks(TOGETHER)).zip(leaves.chunks(TOGETHER))
            {
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
            for ((groups, answers), outputs) in
                groups.zip(answers.chunks(TOGETHER)).zip(leaves.chunks(TOGETHER))
            {
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
    fn walk<const CATEGORIES: bool, const COLUMNS: usize>(
        &self,
        run: &Run,
        keys: &[i8; COLUMNS],
        out: &mut [f32],
    ) {
        match run.depth {
            1 => self.walk_all::<CATEGORIES, COLUMNS, 2>(run, keys, out),
            2 => self.walk_all::<CATEGORIES, COLUMNS, 4>(run, keys, out),
            3 => self.walk_all::<CATEGORIES, COLUMNS, 8>(run, keys, out),
            4 => self.walk_all::<CATEGORIES, COLUMNS, 16>(run, keys, out),
            5 => self.walk_all::<CATEGORIES, COLUMNS, 32>(run, keys, out),
            6 => self.walk_all::<CATEGORIES, COLUMNS, 64>(run, keys, out),
            7 => self.walk_all::<CATEGORIES, COLUMNS, 128>(run, keys, out),
            _ => self.walk_all::<CATEGORIES, COLUMNS, 256>(run, keys, out),
        }
    }

    /// Complete trees of `N` leaves, some at once.
    fn walk_all<const CATEGORIES: bool, const COLUMNS: usize, const N: usize>(
        &self,
        run: &Run,
        keys: &[i8; COLUMNS],
        out: &mut [f32],
    ) {
        let places = self.places.from(run.places);
        let (low, high) = (places.0.as_chunks::<N>().0, places.1.as_chunks::<N>().0);
        let thresholds = places.2.as_chunks::<N>().0;
        let leaves = self.leaves[run.leaves..].as_chunks::<N>().0;
        // Hidden from the compiler: unrolling the steps would make each longer.
        let depth = std::hint::black_box(run.depth);
        let step = |at: usize, tree: usize, low: &[u8; N], high: Option<&[u8; N]>, thresholds: &[i8; N]| {
            let mut column = usize::from(low[at & (N - 1)]);
            if COLUMNS > NARROW
                && let Some(high) = high
            {
                column |= usize::from(high[at & (N - 1)]) << 8;
            }
            let left = if CATEGORIES && column < self.ranks.notes {
                let set = &self.sets[self.trees[tree].notes.start + column];
                is_left(set, keys[usize::from(set.column)], keys[usize::from(set.column) + 1])
            } else {
                keys[column & (COLUMNS - 1)] < thresholds[at & (N - 1)]
            };
            2 * at + usize::from(left)
        };
        let mut trees = run.trees.clone();
        let together = low.as_chunks::<LANES>().0.iter().zip(thresholds.as_chunks::<LANES>().0);
        let together = together.zip(leaves.as_chunks::<LANES>().0);
        for ((low, thresholds), leaves) in together.take(trees.len() / LANES) {
            let mut at = [1; LANES];
            let first = trees.start - run.trees.start;
            for _ in 0..depth {
                for lane in 0..LANES {
                    let high = high.get(first + lane);
                    at[lane] = step(at[lane], trees.start + lane, &low[lane], high, &thresholds[lane]);
                }
            }
            let found = leaves.iter().zip(at).map(|(leaves, at)| leaves[at & (N - 1)]);
            sum(found, &self.groups[trees.start..], out);
            trees.start += LANES;
        }
        for tree in trees {
            let (mut at, index) = (1, tree - run.trees.start);
            for _ in 0..depth {
                at = step(at, tree, &low[index], high.get(index), &thresholds[index]);
            }
            out[self.groups[tree] as usize] += leaves[index][at & (N - 1)];
        }
    }

    /// Linked trees, some at once.
    #[inline]
    fn follow<const CATEGORIES: bool, const COLUMNS: usize>(
        &self,
        run: &Run,
        keys: &[i8; COLUMNS],
        out: &mut [f32],
    ) {
        let mut first = run.trees.start;
        for trees in self.trees[run.trees.clone()].chunks(linked::LANES) {
            let mut at = [trees[0].links as u32; linked::LANES];
            for (at, tree) in at.iter_mut().zip(trees) {
                *at = tree.links as u32;
            }
            let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
            linked::walk::<CATEGORIES>(&self.links, &self.sets, &mut at, depth, |_, column| {
                keys[column & (COLUMNS - 1)]
            });
            let found = at.iter().map(|at| f32::from_bits(self.links[*at as usize].value));
            sum(found, &self.groups[first..first + trees.len()], out);
            first += trees.len();
        }
    }
}

/// Adds what each tree gives, in order; the sum of a single output stays in a register.
#[inline]
fn sum(leaves: impl Iterator<Item = f32>, groups: &[u32], out: &mut [f32]) {
    if let [sum] = out {
        *sum = leaves.take(groups.len()).fold(*sum, |sum, leaf| sum + leaf);
    } else {
        leaves.zip(groups).for_each(|(leaf, group)| out[*group as usize] += leaf);
    }
}
