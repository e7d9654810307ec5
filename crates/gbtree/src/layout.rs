//! The trees laid out for speed, when the first row comes.
//!
//! A row is first turned into *keys* that order as its values do and already carry the answer for a missing value,
//! so that a numerical split is one integer comparison: bytes where the processor has AVX2 ([`bytes`]), else
//! integers of 32 bits ([`numbers`]). Trees stay in file order, because float32 addition is not associative.

#[cfg(target_arch = "x86_64")]
mod bytes;
mod compact;
mod complete;
mod keys;
mod numbers;
#[cfg(test)]
mod tests;

use crate::Rows;
use crate::forest::Forest;
#[cfg(target_arch = "x86_64")]
use bytes::ByteTrees;
use numbers::NumberTrees;

/// Trees that one block walks in its turn: they stay in the first-level cache.
const TILE_BYTES: usize = 32 << 10;

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    trees: Trees,
    groups: usize,
    features: usize,
}

#[derive(Debug, Clone)]
enum Trees {
    #[cfg(target_arch = "x86_64")]
    Bytes(Box<ByteTrees>),
    Numbers(NumberTrees),
}

impl Layout {
    pub(crate) fn new(forest: &Forest, features: usize, groups: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = fearless_simd::Level::new().as_avx2()
            && let Some(trees) = ByteTrees::new(simd, forest)
        {
            return Self { trees: Trees::Bytes(Box::new(trees)), groups, features };
        }
        Self::of_numbers(forest, features, groups)
    }

    fn of_numbers(forest: &Forest, features: usize, groups: usize) -> Self {
        Self { trees: Trees::Numbers(NumberTrees::new(forest)), groups, features }
    }

    /// Margins of `count` rows: `start` for every row, then each tree's output in order.
    pub(crate) fn margins(&self, rows: &Rows, count: usize, start: &[f32], out: &mut [f32]) {
        for out in out.chunks_exact_mut(self.groups) {
            out.copy_from_slice(start);
        }
        self.add(rows, count, out);
    }

    /// Adds each tree's output, in order, to what `out` holds for `count` rows.
    pub(crate) fn add(&self, rows: &Rows, count: usize, out: &mut [f32]) {
        let (block, most) = match &self.trees {
            #[cfg(target_arch = "x86_64")]
            Trees::Bytes(trees) => (bytes::ROWS, trees.alone()),
            Trees::Numbers(_) => (keys::ROWS, numbers::ALONE),
        };
        let rest = count % block;
        let alone = if rest <= most { rest } else { 0 };
        let (together, apart) = out.split_at_mut((count - alone) * self.groups);
        if !together.is_empty() {
            match &self.trees {
                #[cfg(target_arch = "x86_64")]
                Trees::Bytes(trees) => trees.add_rows(rows, self.features, count, self.groups, together),
                Trees::Numbers(trees) => trees.add_rows(rows, self.features, count, self.groups, together),
            }
        }
        let mut gathered = Vec::new();
        for (index, out) in (count - alone..count).zip(apart.chunks_exact_mut(self.groups)) {
            let row = rows.row(index, count, self.features, &mut gathered);
            match &self.trees {
                #[cfg(target_arch = "x86_64")]
                Trees::Bytes(trees) => trees.add_row(row, out),
                Trees::Numbers(trees) => trees.add_row(row, out),
            }
        }
    }
}
