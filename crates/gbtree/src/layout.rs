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
use crate::forest::Forest;
use compact::CompactTrees;
use complete::CompleteTrees;
use keys::{Keys, NARROW, Slots};

/// Rows evaluated together: each tree is fetched once per block.
const BLOCK: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    slots: Slots,
    runs: Vec<Run>,
    groups: usize,
}

/// Consecutive trees of one layout.
#[derive(Debug, Clone)]
enum Run {
    Complete(CompleteTrees),
    Compact(CompactTrees),
}

impl Layout {
    pub(crate) fn new(forest: &Forest, groups: usize) -> Self {
        let (slots, table) = Slots::new(forest);
        let mut runs: Vec<Run> = Vec::new();
        for tree in &forest.trees {
            let shape = if slots.len() <= NARROW { complete::padded_depth(forest, tree) } else { None };
            let fits = match (runs.last(), shape) {
                (Some(Run::Complete(run)), Some(depth)) => run.depth() == depth,
                (Some(Run::Compact(_)), None) => true,
                _ => false,
            };
            if !fits {
                runs.push(match shape {
                    Some(depth) => Run::Complete(CompleteTrees::new(depth)),
                    None => Run::Compact(CompactTrees::new(forest)),
                });
            }
            match runs.last_mut() {
                Some(Run::Complete(run)) => run.push(forest, tree, &table),
                Some(Run::Compact(run)) => run.push(forest, tree, &table),
                None => {}
            }
        }
        Self { slots, runs, groups }
    }

    /// Margins of `count` rows: `start` for every row, then each tree's output in order.
    pub(crate) fn margins(&self, rows: &Rows, count: usize, start: &[f32], out: &mut [f32]) {
        let stride = self.slots.len().max(NARROW);
        if count == 1 && stride == NARROW {
            out.copy_from_slice(start);
            self.add(rows, 0, count, &mut Keys { keys: &mut [0; NARROW], stride }, out);
            return;
        }
        let mut keys = vec![0; count.min(BLOCK) * stride];
        for (index, out) in out.chunks_mut(BLOCK * self.groups).enumerate() {
            for out in out.chunks_exact_mut(self.groups) {
                out.copy_from_slice(start);
            }
            self.add(rows, index * BLOCK, count, &mut Keys { keys: &mut keys, stride }, out);
        }
    }

    fn add(&self, rows: &Rows, first: usize, count: usize, keys: &mut Keys, out: &mut [f32]) {
        keys.fill(&self.slots, rows, first, count);
        for run in &self.runs {
            match run {
                Run::Complete(run) => run.add(keys, self.groups, out),
                Run::Compact(run) => run.add(keys, self.groups, out),
            }
        }
    }
}
