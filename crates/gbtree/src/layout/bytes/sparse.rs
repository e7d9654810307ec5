//! A block of rows through deeper trees: five levels are compared as a whole, then the subtrees that exist below.

use std::arch::x86_64::*;

use super::blocks::{Column, ROWS, position};
use super::whole::{Split, Sums, answers, left, spell};

/// Levels that are compared as a whole.
pub(super) const UPPER: u32 = 5;
/// Rows of splits: a complete tree of [`UPPER`] levels.
pub(super) const UPPER_SPLITS: usize = 1 << UPPER;

/// A subtree below the upper levels, padded to a complete one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subtree {
    /// Its place among the 32, from the right.
    pub(super) number: u8,
    pub(super) levels: u8,
    /// Its splits, from the tree's first on.
    pub(super) splits: u32,
}

/// Which of the 32 subtrees each row enters.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn entered(splits: &[Split; UPPER_SPLITS], columns: &[Column]) -> __m256i {
    let left = |at: usize| left(&splits[at], columns);
    spell(&answers!(5, left, 1))
}

/// Adds each row's leaf, of a tree of `UPPER + BELOW` levels, to its sum.
#[target_feature(enable = "avx2")]
pub(super) fn add<const BELOW: u32, const LEAVES: usize>(
    splits: &[Split],
    subtrees: &[Subtree],
    leaves: &[f32],
    columns: &[Column],
    sums: &mut Sums,
) {
    let Some(leaves) = leaves.first_chunk::<LEAVES>() else { return };
    let Some(upper) = splits.first_chunk() else { return };
    let entered = entered(upper, columns);
    let shift = |number, by: u32| _mm256_sll_epi16(number, _mm_cvtsi32_si128(by.cast_signed()));
    let mut numbers = shift(entered, BELOW);
    for subtree in subtrees {
        let splits = &splits[subtree.splits as usize..];
        let within = match subtree.levels {
            1 => {
                let Some(splits) = splits.first_chunk::<2>() else { return };
                let left = |at: usize| left(&splits[at], columns);
                shift(spell(&answers!(1, left, 1)), BELOW - 1)
            }
            2 => {
                let Some(splits) = splits.first_chunk::<4>() else { return };
                let left = |at: usize| left(&splits[at], columns);
                shift(spell(&answers!(2, left, 1)), BELOW.saturating_sub(2))
            }
            _ => {
                let Some(splits) = splits.first_chunk::<8>() else { return };
                let left = |at: usize| left(&splits[at], columns);
                spell(&answers!(3, left, 1))
            }
        };
        let here = _mm256_cmpeq_epi8(entered, _mm256_set1_epi8(subtree.number.cast_signed()));
        numbers = _mm256_or_si256(numbers, _mm256_and_si256(within, here));
    }
    let numbers: [u8; ROWS] = bytemuck::cast(numbers);
    let mut found = [0.0; ROWS];
    for (row, found) in found.iter_mut().enumerate() {
        *found = leaves[usize::from(numbers[position(row)]) & (LEAVES - 1)];
    }
    for (sum, found) in sums.0.iter_mut().zip(found) {
        *sum += found;
    }
}
