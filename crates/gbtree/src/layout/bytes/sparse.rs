//! A block of rows through deeper trees: five levels are compared as a whole, then the subtrees that exist below.

#[allow(clippy::wildcard_imports, reason = "the processor's instructions, told by their names")]
use std::arch::x86_64::*;

use super::blocks::{ROWS, Window, position};
use super::whole::{Each, Split, Sums, answers, choose, left, spell};

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
pub(super) fn entered<const BLOCKS: usize, const COLUMNS: usize>(
    splits: &[Split; UPPER_SPLITS],
    blocks: &[&Window<COLUMNS>; BLOCKS],
) -> Each<BLOCKS> {
    let left = |at: usize| left(&splits[at], blocks);
    let answers = answers!(5, left, 1);
    let mut entered = answers[0];
    for (block, entered) in entered.iter_mut().enumerate() {
        *entered = spell(&answers, block);
    }
    entered
}

/// Adds each row's leaf, of a tree of `UPPER + BELOW` levels, to its sum. `sums` has one for each block, `step` apart.
#[target_feature(enable = "avx2")]
pub(super) fn add<const BLOCKS: usize, const COLUMNS: usize, const BELOW: u32, const LEAVES: usize>(
    splits: &[Split],
    subtrees: &[Subtree],
    leaves: &[f32],
    blocks: &[&Window<COLUMNS>; BLOCKS],
    sums: &mut [Sums],
    step: usize,
) {
    let Some(leaves) = leaves.first_chunk::<LEAVES>() else { return };
    let Some(upper) = splits.first_chunk() else { return };
    let entered = entered(upper, blocks);
    let shift = |number, by: u32| _mm256_sll_epi16(number, _mm_cvtsi32_si128(by.cast_signed()));
    let mut numbers = entered;
    for numbers in &mut numbers {
        *numbers = shift(*numbers, BELOW);
    }
    for subtree in subtrees {
        let splits = &splits[subtree.splits as usize..];
        let number = _mm256_set1_epi8(subtree.number.cast_signed());
        macro_rules! descend {
            ($levels:tt) => {{
                let Some(splits) = splits.first_chunk::<{ 1 << $levels }>() else { return };
                let left = |at: usize| left(&splits[at], blocks);
                let answers = answers!($levels, left, 1);
                for block in 0..BLOCKS {
                    let within = shift(spell(&answers, block), BELOW.saturating_sub($levels));
                    let here = _mm256_cmpeq_epi8(entered[block], number);
                    numbers[block] = _mm256_or_si256(numbers[block], _mm256_and_si256(within, here));
                }
            }};
        }
        match subtree.levels {
            1 => descend!(1),
            2 => descend!(2),
            _ => descend!(3),
        }
    }
    for block in 0..BLOCKS {
        let numbers: [u8; ROWS] = bytemuck::cast(numbers[block]);
        let mut found = [0.0; ROWS];
        for (row, found) in found.iter_mut().enumerate() {
            *found = leaves[usize::from(numbers[position(row)]) & (LEAVES - 1)];
        }
        let found: Sums = bytemuck::cast(found);
        for (sum, found) in sums[block * step].iter_mut().zip(found) {
            *sum = _mm256_add_ps(*sum, found);
        }
    }
}
