use std::ops::Range;

use super::TILE_BYTES;
use super::keys::{Blocks, NARROW, NEVER_LEFT, ROWS, SlotTable, threshold_key};
use crate::forest::{Forest, Tree};

/// Deepest tree that is made complete.
pub(super) const MAX_DEPTH: u32 = 10;

/// Trees walked at once.
const LANES: usize = 12;
/// Levels on which a block of rows is compared with every node.
const UPPER: u32 = 3;

/// Trees of one depth, padded to complete ones.
///
/// A walk is a fixed number of steps without a branch, and its indices are masked to the table's size, so that
/// no check remains. [`LANES`] trees are walked at once: their memory accesses overlap.
#[derive(Debug, Clone)]
pub(super) enum CompleteTrees {
    D0(Padded<1>),
    D1(Padded<2>),
    D2(Padded<4>),
    D3(Padded<8>),
    D4(Padded<16>),
    D5(Padded<32>),
    D6(Padded<64>),
    D7(Padded<128>),
    D8(Padded<256>),
    D9(Padded<512>),
    D10(Padded<1024>),
}

macro_rules! each_depth {
    ($trees:expr, $run:ident => $body:expr) => {
        match $trees {
            CompleteTrees::D0($run) => $body,
            CompleteTrees::D1($run) => $body,
            CompleteTrees::D2($run) => $body,
            CompleteTrees::D3($run) => $body,
            CompleteTrees::D4($run) => $body,
            CompleteTrees::D5($run) => $body,
            CompleteTrees::D6($run) => $body,
            CompleteTrees::D7($run) => $body,
            CompleteTrees::D8($run) => $body,
            CompleteTrees::D9($run) => $body,
            CompleteTrees::D10($run) => $body,
        }
    };
}

/// The depth to pad to; `None` if the tree has other than scalar leaves and numerical splits, is too deep, or
/// has so few leaves for its depth that padding costs more than it gives.
pub(super) fn padded_depth(forest: &Forest, tree: &Tree) -> Option<u32> {
    let fits = forest.leaf_width == 1 && !tree.categorical && tree.depth <= MAX_DEPTH;
    (fits && tree.leaves * 8 >= 1 << tree.depth).then_some(tree.depth)
}

impl CompleteTrees {
    pub(super) fn new(depth: u32, forest: &Forest, trees: &[Tree], slots: &SlotTable) -> Self {
        match depth {
            0 => Self::D0(Padded::new(forest, trees, slots)),
            1 => Self::D1(Padded::new(forest, trees, slots)),
            2 => Self::D2(Padded::new(forest, trees, slots)),
            3 => Self::D3(Padded::new(forest, trees, slots)),
            4 => Self::D4(Padded::new(forest, trees, slots)),
            5 => Self::D5(Padded::new(forest, trees, slots)),
            6 => Self::D6(Padded::new(forest, trees, slots)),
            7 => Self::D7(Padded::new(forest, trees, slots)),
            8 => Self::D8(Padded::new(forest, trees, slots)),
            9 => Self::D9(Padded::new(forest, trees, slots)),
            _ => Self::D10(Padded::new(forest, trees, slots)),
        }
    }

    /// Adds every tree's output to the sums of one row.
    pub(super) fn add_row(&self, keys: &[i32], out: &mut [f32]) {
        if let Some(keys) = keys.first_chunk() {
            each_depth!(self, run => run.add_row(keys, out));
        }
    }

    /// Adds every tree's output to the sums of the blocks' rows.
    pub(super) fn add_rows(&self, blocks: &Blocks, groups: usize, out: &mut [f32]) {
        each_depth!(self, run => run.add_rows(blocks, groups, out));
    }
}

/// Complete trees with `N` leaves, nodes breadth-first from index 1: the children of `i` are `2i` (right) and
/// `2i + 1` (left).
#[derive(Debug, Clone)]
pub(super) struct Padded<const N: usize> {
    trees: Vec<PaddedTree<N>>,
    groups: Vec<u32>,
}

#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct PaddedTree<const N: usize> {
    thresholds: [i32; N],
    leaves: [f32; N],
    slots: [u8; N],
}

impl<const N: usize> Padded<N> {
    fn new(forest: &Forest, trees: &[Tree], slots: &SlotTable) -> Self {
        let groups = trees.iter().map(|tree| tree.group as u32).collect();
        let mut padded = Vec::with_capacity(trees.len());
        padded.extend(trees.iter().map(|tree| PaddedTree::new(forest, tree, slots)));
        Self { trees: padded, groups }
    }

    fn add_row(&self, keys: &[i32; NARROW], out: &mut [f32]) {
        self.walk(0..self.trees.len(), opaque(N.ilog2()), |_| 1, keys, out);
    }

    /// On the upper levels, every node is compared with a block of rows at once; below, each row walks alone.
    fn add_rows(&self, blocks: &Blocks, groups: usize, out: &mut [f32]) {
        let below = opaque(N.ilog2().saturating_sub(UPPER));
        let tile = (TILE_BYTES / size_of::<PaddedTree<N>>()).next_multiple_of(LANES);
        let mut starts = Vec::with_capacity(tile);
        for first in (0..self.trees.len()).step_by(tile) {
            let trees = first..(first + tile).min(self.trees.len());
            for (block, out) in blocks.iter().zip(out.chunks_mut(ROWS * groups)) {
                let Some(columns) = block.narrow_columns() else { return };
                starts.clear();
                starts.extend(self.trees[trees.clone()].iter().map(|tree| tree.upper(columns)));
                for (row, out) in out.chunks_exact_mut(groups).enumerate() {
                    let Some(keys) = block.narrow_row(row) else { return };
                    let start = |tree: usize| starts[tree - first][row].cast_unsigned() as usize;
                    self.walk(trees.clone(), below, start, keys, out);
                }
            }
        }
    }

    fn walk(
        &self,
        trees: Range<usize>,
        steps: u32,
        start: impl Fn(usize) -> usize,
        keys: &[i32; NARROW],
        out: &mut [f32],
    ) {
        let groups = &self.groups;
        match out {
            [sum] => *sum = walk(&self.trees, trees, steps, start, keys, *sum, |sum, _, leaf| sum + leaf),
            sums => walk(&self.trees, trees, steps, start, keys, (), |(), tree, leaf| {
                sums[groups[tree] as usize] += leaf;
            }),
        }
    }
}

/// A number of steps, hidden from the compiler: unrolling them would make each longer.
fn opaque(steps: u32) -> u32 {
    std::hint::black_box(steps)
}

/// Hands the leaf that the keys reach in each tree to `take`, in order.
#[inline]
fn walk<const N: usize, T>(
    all: &[PaddedTree<N>],
    range: Range<usize>,
    steps: u32,
    start: impl Fn(usize) -> usize,
    keys: &[i32; NARROW],
    mut state: T,
    mut take: impl FnMut(T, usize, f32) -> T,
) -> T {
    let mut next = range.start;
    let (lanes, rest) = all[range].as_chunks::<LANES>();
    for trees in lanes {
        let mut at = [0; LANES];
        for (lane, at) in at.iter_mut().enumerate() {
            *at = start(next + lane) & (N - 1);
        }
        for _ in 0..steps {
            for lane in 0..LANES {
                at[lane] = trees[lane].step(at[lane], keys);
            }
        }
        for lane in 0..LANES {
            state = take(state, next + lane, trees[lane].leaves[at[lane]]);
        }
        next += LANES;
    }
    for tree in rest {
        let mut at = start(next) & (N - 1);
        for _ in 0..steps {
            at = tree.step(at, keys);
        }
        state = take(state, next, tree.leaves[at]);
        next += 1;
    }
    state
}

impl<const N: usize> PaddedTree<N> {
    fn new(forest: &Forest, tree: &Tree, slots: &SlotTable) -> Self {
        let nodes = forest.nodes(tree);
        // Padding leads always to the right.
        let mut padded = PaddedTree { thresholds: [NEVER_LEFT; N], leaves: [0.0; N], slots: [0; N] };
        let mut places = vec![1_usize; nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            let place = places[at];
            if node.is_leaf() {
                let level = place.ilog2();
                padded.leaves[(place << (N.ilog2() - level)) & (N - 1)] = node.value * tree.weight;
            } else {
                padded.thresholds[place] = threshold_key(node.value);
                padded.slots[place] = slots.of(node) as u8;
                let next = node.link as usize;
                (places[next], places[next + 1]) = (2 * place, 2 * place + 1);
            }
        }
        padded
    }

    /// From a node to its child; from the last level to the leaf's index.
    #[inline]
    fn step(&self, at: usize, keys: &[i32; NARROW]) -> usize {
        let left = keys[usize::from(self.slots[at])] < self.thresholds[at];
        (2 * at + usize::from(left)) & (N - 1)
    }

    /// Where the rows stand after the upper levels.
    #[inline]
    fn upper(&self, keys: &[[i32; ROWS]; NARROW]) -> [i32; ROWS] {
        let levels = N.ilog2().min(UPPER);
        // All bits of the rows that would go left at a node.
        let left = |node: usize| {
            let threshold = self.thresholds[node & (N - 1)];
            let keys = &keys[usize::from(self.slots[node & (N - 1)])];
            let mut left = [0; ROWS];
            for row in 0..ROWS {
                left[row] = if keys[row] < threshold { -1 } else { 0 };
            }
            left
        };
        let pick = |mask: &[i32; ROWS], left: &[i32; ROWS], right: &[i32; ROWS]| {
            let mut picked = [0; ROWS];
            for row in 0..ROWS {
                picked[row] = (left[row] & mask[row]) | (right[row] & !mask[row]);
            }
            picked
        };
        let mut at = [1; ROWS];
        let mut descend = |left: &[i32; ROWS]| {
            for row in 0..ROWS {
                at[row] = 2 * at[row] - left[row];
            }
        };
        if levels > 0 {
            let first = left(1);
            descend(&first);
            if levels > 1 {
                let second = pick(&first, &left(3), &left(2));
                descend(&second);
                if levels > 2 {
                    let upper = pick(&second, &left(7), &left(6));
                    let lower = pick(&second, &left(5), &left(4));
                    descend(&pick(&first, &upper, &lower));
                }
            }
        }
        at
    }
}
