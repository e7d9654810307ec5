//! Trees for any processor.
//!
//! A row is turned into one integer per distinct pair of feature and default direction, which orders as the values
//! do. Shallow trees become complete ones ([`CompleteTrees`]), all others linked nodes ([`CompactTrees`]).

use super::compact::CompactTrees;
use super::complete::{self, CompleteTrees};
use super::keys::{Blocks, NARROW, ROWS, Slots};
use crate::Rows;
use crate::forest::{Forest, Tree};

/// Blocks of rows that take turns on a tile of trees.
const BLOCKS: usize = 16;
/// Rows of a last block that are scored one by one: a block takes as long for few rows as for many.
pub(super) const ALONE: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct NumberTrees {
    slots: Slots,
    runs: Vec<Run>,
}

/// Consecutive trees of one layout.
#[derive(Debug, Clone)]
enum Run {
    Complete(CompleteTrees),
    Compact(CompactTrees),
}

impl NumberTrees {
    pub(super) fn new(forest: &Forest) -> Self {
        let (slots, table) = Slots::new(forest);
        let narrow = slots.len() <= NARROW;
        let shape = |tree: &Tree| if narrow { complete::padded_depth(forest, tree) } else { None };
        let runs = forest.trees.chunk_by(|a, b| shape(a) == shape(b)).map(|trees| match shape(&trees[0]) {
            Some(depth) => Run::Complete(CompleteTrees::new(depth, forest, trees, &table)),
            None => Run::Compact(CompactTrees::new(forest, trees, &table)),
        });
        let runs = runs.collect();
        Self { slots, runs }
    }

    /// Adds every tree's output to the sums of one row.
    pub(super) fn add_row(&self, row: &[f32], out: &mut [f32]) {
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
    pub(super) fn add_rows(
        &self,
        rows: &Rows,
        features: usize,
        count: usize,
        groups: usize,
        out: &mut [f32],
    ) {
        let mut blocks = Blocks::new(&self.slots, BLOCKS.min(out.len().div_ceil(ROWS * groups)));
        for (index, out) in out.chunks_mut(blocks.capacity() * groups).enumerate() {
            blocks.fill(&self.slots, rows, features, index * blocks.capacity(), count);
            for run in &self.runs {
                match run {
                    Run::Complete(run) => run.add_rows(&blocks, groups, out),
                    Run::Compact(run) => run.add_rows(&blocks, groups, out),
                }
            }
        }
    }
}
