//! The trees laid out for speed, at load time, by their shape.
//!
//! A row is first turned into *keys*: per distinct pair of feature and default direction one integer that orders
//! as the values do and already carries the answer for a missing value, so that a numerical split is one
//! integer comparison. Shallow trees become complete ones ([`complete`]), all others linked nodes
//! ([`compact`]). Trees stay in file order, because float32 addition is not associative.

mod compact;
mod complete;
mod keys;

use crate::Rows;
use crate::forest::{Forest, Tree};
use compact::CompactTrees;
use complete::CompleteTrees;
use keys::{Blocks, NARROW, ROWS, Slots};

/// Blocks of rows that take turns on a tile of trees.
const BLOCKS: usize = 16;
/// Rows of a last block that are scored one by one: a block takes as long for few rows as for many.
const ALONE: usize = 4;
/// Trees that one block walks in its turn: they stay in the first-level cache.
const TILE_BYTES: usize = 32 << 10;

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    slots: Slots,
    runs: Vec<Run>,
    groups: usize,
    features: usize,
}

/// Consecutive trees of one layout.
#[derive(Debug, Clone)]
enum Run {
    Complete(CompleteTrees),
    Compact(CompactTrees),
}

impl Layout {
    pub(crate) fn new(forest: &Forest, features: usize, groups: usize) -> Self {
        let (slots, table) = Slots::new(forest);
        let narrow = slots.len() <= NARROW;
        let shape = |tree: &Tree| if narrow { complete::padded_depth(forest, tree) } else { None };
        let runs = forest.trees.chunk_by(|a, b| shape(a) == shape(b)).map(|trees| match shape(&trees[0]) {
            Some(depth) => Run::Complete(CompleteTrees::new(depth, forest, trees, &table)),
            None => Run::Compact(CompactTrees::new(forest, trees, &table)),
        });
        let runs = runs.collect();
        Self { slots, runs, groups, features }
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
        let rest = count % ROWS;
        let alone = if rest <= ALONE { rest } else { 0 };
        let (together, apart) = out.split_at_mut((count - alone) * self.groups);
        if !together.is_empty() {
            self.add_rows(rows, count, together);
        }
        let mut gathered = Vec::new();
        for (index, out) in (count - alone..count).zip(apart.chunks_exact_mut(self.groups)) {
            self.add_row(rows.row(index, count, self.features, &mut gathered), out);
        }
    }

    fn add_row(&self, row: &[f32], out: &mut [f32]) {
        let (mut few, mut many);
        let keys: &mut [i32] = if self.slots.len() <= NARROW {
            few = [0; NARROW];
            &mut few
        } else {
            many = vec![0; self.slots.len()];
            &mut many
        };
        self.slots.fill_row(row, keys);
        for run in &self.runs {
            match run {
                Run::Complete(run) => run.add_row(keys, out),
                Run::Compact(run) => run.add_row(keys, out),
            }
        }
    }

    /// Adds to the sums of the first of `count` rows, as many as `out` has room for.
    fn add_rows(&self, rows: &Rows, count: usize, out: &mut [f32]) {
        let mut blocks = Blocks::new(&self.slots, BLOCKS.min(out.len().div_ceil(ROWS * self.groups)));
        for (index, out) in out.chunks_mut(blocks.capacity() * self.groups).enumerate() {
            blocks.fill(&self.slots, rows, self.features, index * blocks.capacity(), count);
            for run in &self.runs {
                match run {
                    Run::Complete(run) => run.add_rows(&blocks, self.groups, out),
                    Run::Compact(run) => run.add_rows(&blocks, self.groups, out),
                }
            }
        }
    }
}
