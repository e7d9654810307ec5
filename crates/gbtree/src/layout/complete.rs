use super::keys::{Keys, NARROW, SlotTable, threshold_key};
use crate::forest::{Forest, Tree};

/// Deepest tree that is made complete.
pub(super) const MAX_DEPTH: u32 = 10;

/// Trees walked at once.
const LANES: usize = 8;
/// Trees that all rows of a block walk before the next ones: they stay in the first-level cache.
const TILE_BYTES: usize = 24 << 10;

/// Trees of one depth, padded to complete ones.
///
/// A walk is a fixed number of steps without a branch, and its indices are masked to the table's size, so that
/// no check remains. Eight trees are walked at once: their memory accesses overlap.
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
    let nodes = forest.nodes(tree);
    if forest.leaf_width > 1 {
        return None;
    }
    let mut stack = vec![(0, 0)];
    let (mut depth, mut leaves) = (0, 0);
    while let Some((at, level)) = stack.pop() {
        let node = &nodes[at];
        if node.is_leaf() {
            leaves += 1;
            depth = depth.max(level);
        } else if level == MAX_DEPTH || node.is_categorical() {
            return None;
        } else {
            stack.extend([(node.left as usize, level + 1), (node.right as usize, level + 1)]);
        }
    }
    (leaves * 4 >= 1 << depth).then_some(depth)
}

impl CompleteTrees {
    pub(super) fn new(depth: u32) -> Self {
        match depth {
            0 => Self::D0(Padded::default()),
            1 => Self::D1(Padded::default()),
            2 => Self::D2(Padded::default()),
            3 => Self::D3(Padded::default()),
            4 => Self::D4(Padded::default()),
            5 => Self::D5(Padded::default()),
            6 => Self::D6(Padded::default()),
            7 => Self::D7(Padded::default()),
            8 => Self::D8(Padded::default()),
            9 => Self::D9(Padded::default()),
            _ => Self::D10(Padded::default()),
        }
    }

    pub(super) fn depth(&self) -> u32 {
        each_depth!(self, run => run.depth())
    }

    pub(super) fn push(&mut self, forest: &Forest, tree: &Tree, slots: &SlotTable) {
        each_depth!(self, run => run.push(forest, tree, slots));
    }

    pub(super) fn add(&self, keys: &Keys, groups: usize, out: &mut [f32]) {
        each_depth!(self, run => run.add(keys, groups, out));
    }
}

/// Complete trees with `N` leaves, nodes breadth-first from index 1: the children of `i` are `2i` (right) and
/// `2i + 1` (left).
#[derive(Debug, Clone, Default)]
pub(super) struct Padded<const N: usize> {
    trees: Vec<PaddedTree<N>>,
    groups: Vec<u32>,
}

#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct PaddedTree<const N: usize> {
    thresholds: [u32; N],
    leaves: [f32; N],
    slots: [u8; N],
}

impl<const N: usize> Padded<N> {
    #[expect(clippy::unused_self, reason = "the type alone knows")]
    fn depth(&self) -> u32 {
        N.ilog2()
    }

    fn push(&mut self, forest: &Forest, tree: &Tree, slots: &SlotTable) {
        let nodes = forest.nodes(tree);
        // Padding keeps threshold 0, which no key is below: always right.
        let mut padded = PaddedTree { thresholds: [0; N], leaves: [0.0; N], slots: [0; N] };
        let mut stack = vec![(0, 1_usize)];
        while let Some((from, to)) = stack.pop() {
            let node: &crate::forest::Node = &nodes[from];
            if node.is_leaf() {
                // Padding leads from here always to the right.
                let level = to.ilog2();
                padded.leaves[(to << (N.ilog2() - level)) & (N - 1)] = node.value * tree.weight;
            } else {
                padded.thresholds[to] = threshold_key(node.value);
                padded.slots[to] = slots.of(node) as u8;
                stack.extend([(node.right as usize, 2 * to), (node.left as usize, 2 * to + 1)]);
            }
        }
        self.trees.push(padded);
        self.groups.push(tree.group as u32);
    }

    fn add(&self, keys: &Keys, groups: usize, out: &mut [f32]) {
        let tile = (TILE_BYTES / size_of::<PaddedTree<N>>()).next_multiple_of(LANES);
        let rows = keys.keys.as_chunks::<NARROW>().0;
        for (trees, tree_groups) in self.trees.chunks(tile).zip(self.groups.chunks(tile)) {
            for (keys, sums) in rows.iter().zip(out.chunks_exact_mut(groups)) {
                match sums {
                    [sum] => *sum = walk(trees, keys, *sum, |sum, _, leaf| sum + leaf),
                    sums => walk(trees, keys, (), |(), tree, leaf| sums[tree_groups[tree] as usize] += leaf),
                }
            }
        }
    }
}

/// Hands the leaf that the keys reach in each tree to `take`, in order.
#[inline]
fn walk<const N: usize, T>(
    trees: &[PaddedTree<N>],
    keys: &[u32; NARROW],
    mut state: T,
    mut take: impl FnMut(T, usize, f32) -> T,
) -> T {
    // Opaque to the compiler: unrolling the steps would make them longer, not faster.
    let depth = std::hint::black_box(N.ilog2());
    let (lanes, rest) = trees.as_chunks::<LANES>();
    let mut first = 0;
    for trees in lanes {
        let mut at = [1; LANES];
        for _ in 0..depth {
            for (at, tree) in at.iter_mut().zip(trees) {
                *at = tree.step(*at, keys);
            }
        }
        for (lane, (at, tree)) in at.into_iter().zip(trees).enumerate() {
            state = take(state, first + lane, tree.leaves[at & (N - 1)]);
        }
        first += LANES;
    }
    for (lane, tree) in rest.iter().enumerate() {
        let mut at = 1;
        for _ in 0..depth {
            at = tree.step(at, keys);
        }
        state = take(state, first + lane, tree.leaves[at & (N - 1)]);
    }
    state
}

impl<const N: usize> PaddedTree<N> {
    /// From a node to its child; from the last level to the leaf's index.
    #[inline]
    fn step(&self, at: usize, keys: &[u32; NARROW]) -> usize {
        let at = at & (N - 1);
        let left = keys[usize::from(self.slots[at])] < self.thresholds[at];
        (2 * at + usize::from(left)) & (N - 1)
    }
}
