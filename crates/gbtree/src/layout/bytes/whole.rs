//! A block of rows through whole trees: every node is compared, and the answers tell the leaf.

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::blocks::{ROWS, Window};
use super::ranks::{NEVER_LEFT, Place};

/// A node for a block of rows: the threshold four times, so that it is broadcast in one go, and the column.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Split {
    pub(super) thresholds: [i8; 4],
    pub(super) column: u32,
}

impl Split {
    pub(super) const NEVER: Self = Self { thresholds: [NEVER_LEFT; 4], column: 0 };

    pub(super) fn new(place: Place) -> Self {
        Self { thresholds: [place.threshold; 4], column: place.column.into() }
    }
}

/// The sums of a block's rows.
pub(super) type Sums = [__m256; ROWS / 8];

/// One vector for each of some blocks that go through a tree together, so that a node is read once for all.
pub(super) type Each<const BLOCKS: usize> = [__m256i; BLOCKS];

/// Rows that go left at a node, as bytes of ones.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the threshold is broadcast from memory in one go")]
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn left<const BLOCKS: usize, const COLUMNS: usize>(
    split: &Split,
    blocks: &[&Window<COLUMNS>; BLOCKS],
) -> Each<BLOCKS> {
    let thresholds = _mm256_set1_epi32(i32::from_ne_bytes(split.thresholds.map(i8::cast_unsigned)));
    let column = split.column as usize & (COLUMNS - 1);
    let mut left = [thresholds; BLOCKS];
    for (left, columns) in left.iter_mut().zip(blocks) {
        *left = _mm256_cmpgt_epi8(thresholds, columns[column]);
    }
    left
}

/// The answers of the upper subtree where the mask is clear, of the lower one where it is set.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn choose<const BLOCKS: usize>(
    upper: Each<BLOCKS>,
    lower: Each<BLOCKS>,
    mask: Each<BLOCKS>,
) -> Each<BLOCKS> {
    let mut chosen = mask;
    for block in 0..BLOCKS {
        chosen[block] = _mm256_blendv_epi8(upper[block], lower[block], mask[block]);
    }
    chosen
}

/// The answers on the path of each row, level by level, of the subtree of so many levels below a node: the children of
/// node `i` are `2i` (right) and `2i + 1` (left). Depth first, so that the answers stay in registers.
macro_rules! answers {
    (1, $left:ident, $at:expr) => {
        [$left($at)]
    };
    (2, $left:ident, $at:expr) => {
        answers!(@ 2, 1, $left, $at)
    };
    (3, $left:ident, $at:expr) => {
        answers!(@ 3, 2, $left, $at)
    };
    (4, $left:ident, $at:expr) => {
        answers!(@ 4, 3, $left, $at)
    };
    (5, $left:ident, $at:expr) => {
        answers!(@ 5, 4, $left, $at)
    };
    (6, $left:ident, $at:expr) => {
        answers!(@ 6, 5, $left, $at)
    };
    (@ $levels:literal, $below:tt, $left:ident, $at:expr) => {{
        let lower = answers!($below, $left, 2 * ($at) + 1);
        let upper = answers!($below, $left, 2 * ($at));
        let here = $left($at);
        let mut answers = [here; $levels];
        for level in 1..$levels {
            answers[level] = choose(upper[level - 1], lower[level - 1], here);
        }
        answers
    }};
}
pub(super) use answers;

/// The number that a block's answers spell as bits, the first the highest.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn spell<const BLOCKS: usize>(answers: &[Each<BLOCKS>], block: usize) -> __m256i {
    let mut number = _mm256_setzero_si256();
    for (bit, answer) in answers.iter().rev().enumerate() {
        number = _mm256_or_si256(number, _mm256_and_si256(answer[block], _mm256_set1_epi8(1 << bit)));
    }
    number
}

/// One byte of sixteen leaves, for four bytes.
pub(super) type Planes = [[u8; 16]; 4];

/// Adds each row's leaf to its sum. `TABLES` of sixteen leaves each, told apart by the first answers.
#[target_feature(enable = "avx2")]
#[inline]
fn add_leaves<const TABLES: usize, const LEVELS: usize, const BLOCKS: usize>(
    answers: &[Each<BLOCKS>; LEVELS],
    block: usize,
    planes: &[Planes; TABLES],
    sums: &mut Sums,
) {
    let within = spell(&answers[TABLES.ilog2() as usize..], block);
    let answer = |level: usize| answers[level % LEVELS][block];
    let byte = |plane: usize| {
        let look_up = |table: usize| {
            let table: __m128i = bytemuck::cast(planes[table][plane]);
            _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), within)
        };
        match TABLES {
            1 => look_up(0),
            2 => _mm256_blendv_epi8(look_up(0), look_up(1), answer(0)),
            _ => {
                let right = _mm256_blendv_epi8(look_up(0), look_up(1 % TABLES), answer(1));
                let left = _mm256_blendv_epi8(look_up(2 % TABLES), look_up(3 % TABLES), answer(1));
                _mm256_blendv_epi8(right, left, answer(0))
            }
        }
    };
    let (b0, b1, b2, b3) = (byte(0), byte(1), byte(2), byte(3));
    let (low_a, high_a) = (_mm256_unpacklo_epi8(b0, b1), _mm256_unpackhi_epi8(b0, b1));
    let (low_b, high_b) = (_mm256_unpacklo_epi8(b2, b3), _mm256_unpackhi_epi8(b2, b3));
    let leaves = [
        _mm256_unpacklo_epi16(low_a, low_b),
        _mm256_unpackhi_epi16(low_a, low_b),
        _mm256_unpacklo_epi16(high_a, high_b),
        _mm256_unpackhi_epi16(high_a, high_b),
    ];
    for (sum, leaves) in sums.iter_mut().zip(leaves) {
        *sum = _mm256_add_ps(*sum, _mm256_castsi256_ps(leaves));
    }
}

/// One tree of a fixed depth. `sums` has one for each block, `step` apart.
macro_rules! whole {
    ($name:ident, $levels:tt, $tables:literal) => {
        #[target_feature(enable = "avx2")]
        pub(super) fn $name<const BLOCKS: usize, const COLUMNS: usize>(
            splits: &[Split],
            planes: &[Planes],
            blocks: &[&Window<COLUMNS>; BLOCKS],
            sums: &mut [Sums],
            step: usize,
        ) {
            let Some(splits) = splits.first_chunk::<{ 1 << $levels }>() else { return };
            let Some(planes) = planes.first_chunk::<$tables>() else { return };
            let left = |at: usize| left(&splits[at], blocks);
            let answers = answers!($levels, left, 1);
            for block in 0..BLOCKS {
                add_leaves(&answers, block, planes, &mut sums[block * step]);
            }
        }
    };
}

whole!(depth1, 1, 1);
whole!(depth2, 2, 1);
whole!(depth3, 3, 1);
whole!(depth4, 4, 1);
whole!(depth5, 5, 2);
whole!(depth6, 6, 4);
