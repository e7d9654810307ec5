use super::keys::{Keys, LEAF_SLOT, SlotTable, TO_LEFT, TO_RIGHT, threshold_key};
use crate::forest::{Forest, Tree};

/// Walks that advance together, so that the processor overlaps their memory accesses.
const LANES: usize = 8;
/// Steps between looking whether all walks have arrived.
const STRIDE: usize = 4;

/// Trees of any shape as linked nodes, siblings side by side, breadth-first.
#[derive(Debug, Clone)]
pub(super) struct CompactTrees {
    nodes: Vec<Node>,
    trees: Vec<Root>,
    /// Whether some node splits on categories.
    categorical: bool,
    words: Vec<u32>,
    sets: Vec<Set>,
    /// Vector leaves, row after row; empty when leaves are scalars.
    vectors: Vec<f32>,
    leaf_width: usize,
}

/// A split's right child is `nodes[next]`, its left child follows. A leaf names [`LEAF_SLOT`] and itself, so a
/// step from it stays; its `threshold` holds the output's bits, or the row of its vector.
#[derive(Debug, Clone, Copy)]
struct Node {
    threshold: u32,
    /// The top bit marks a split on categories, whose `threshold` is the index of the set.
    slot: u32,
    next: u32,
}

const CATEGORICAL: u32 = 1 << 31;

#[derive(Debug, Clone, Copy)]
struct Root {
    node: u32,
    group: u32,
    depth: u32,
}

#[derive(Debug, Clone)]
struct Set {
    words: std::ops::Range<usize>,
    /// Where categories beyond the words go.
    beyond_left: bool,
}

impl CompactTrees {
    pub(super) fn new(forest: &Forest) -> Self {
        Self {
            nodes: Vec::new(),
            trees: Vec::new(),
            categorical: false,
            words: Vec::new(),
            sets: Vec::new(),
            vectors: Vec::new(),
            leaf_width: forest.leaf_width,
        }
    }

    pub(super) fn push(&mut self, forest: &Forest, tree: &Tree, slots: &SlotTable) {
        let from = forest.nodes(tree);
        let root = self.nodes.len();
        let blank = Node { threshold: 0, slot: LEAF_SLOT, next: 0 };
        self.nodes.push(blank);
        let mut queue = std::collections::VecDeque::from([(0, root, 0)]);
        let mut depth = 0;
        while let Some((at, to, level)) = queue.pop_front() {
            let node: &crate::forest::Node = &from[at];
            depth = depth.max(level);
            if node.is_leaf() {
                let threshold = if self.leaf_width > 1 {
                    let row = self.vectors.len() / self.leaf_width;
                    self.vectors.extend(forest.vector(tree, node).iter().map(|value| value * tree.weight));
                    row as u32
                } else {
                    (node.value * tree.weight).to_bits()
                };
                self.nodes[to] = Node { threshold, slot: LEAF_SLOT, next: to as u32 };
                continue;
            }
            let next = self.nodes.len();
            self.nodes.extend([blank; 2]);
            queue.extend([(node.right as usize, next, level + 1), (node.left as usize, next + 1, level + 1)]);
            let (threshold, slot) = if node.is_categorical() {
                (self.set(forest, node), slots.of(node) | CATEGORICAL)
            } else {
                (threshold_key(node.value), slots.of(node))
            };
            self.nodes[to] = Node { threshold, slot, next: next as u32 };
        }
        self.trees.push(Root { node: root as u32, group: tree.group as u32, depth });
    }

    fn set(&mut self, forest: &Forest, node: &crate::forest::Node) -> u32 {
        self.categorical = true;
        let start = self.words.len();
        self.words.extend_from_slice(forest.set(node));
        let beyond_left = !forest.unseen_is_missing || node.default_left();
        self.sets.push(Set { words: start..self.words.len(), beyond_left });
        self.sets.len() as u32 - 1
    }

    fn is_left(&self, set: u32, key: u32) -> bool {
        match key {
            TO_LEFT => true,
            TO_RIGHT => false,
            category => {
                let set = &self.sets[set as usize];
                let word = self.words[set.words.clone()].get(category as usize / 32);
                word.map_or(set.beyond_left, |word| word >> (category % 32) & 1 == 0)
            }
        }
    }

    #[inline]
    fn step<const CATEGORIES: bool>(&self, at: u32, keys: &[u32]) -> u32 {
        let node = &self.nodes[at as usize];
        if CATEGORIES && node.slot & CATEGORICAL != 0 {
            let key = keys[(node.slot & !CATEGORICAL) as usize];
            return node.next + u32::from(self.is_left(node.threshold, key));
        }
        node.next + u32::from(keys[node.slot as usize] < node.threshold)
    }

    /// Walks until every lane stands on a leaf.
    #[inline]
    fn walk<const CATEGORIES: bool>(&self, at: &mut [u32; LANES], depth: u32, keys: [&[u32]; LANES]) {
        for _ in 0..depth.div_ceil(STRIDE as u32) {
            let mut moved = 0;
            for _ in 0..STRIDE {
                for (at, keys) in at.iter_mut().zip(keys) {
                    let next = self.step::<CATEGORIES>(*at, keys);
                    moved |= next ^ *at;
                    *at = next;
                }
            }
            if moved == 0 {
                break;
            }
        }
    }

    pub(super) fn add(&self, keys: &Keys, groups: usize, out: &mut [f32]) {
        if self.categorical {
            self.add_with::<true>(keys, groups, out);
        } else {
            self.add_with::<false>(keys, groups, out);
        }
    }

    fn add_with<const CATEGORIES: bool>(&self, keys: &Keys, groups: usize, out: &mut [f32]) {
        let stride = keys.stride;
        let rows = out.len() / groups;
        if rows == 1 {
            // One row: the lanes are trees.
            for trees in self.trees.chunks(LANES) {
                let mut at = [trees[0].node; LANES];
                for (at, tree) in at.iter_mut().zip(trees) {
                    *at = tree.node;
                }
                let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
                self.walk::<CATEGORIES>(&mut at, depth, [&keys.keys[..stride]; LANES]);
                for (at, tree) in at.iter().zip(trees) {
                    self.take(*at, tree, out);
                }
            }
            return;
        }
        for tree in &self.trees {
            for (lanes, out) in keys.keys.chunks(stride * LANES).zip(out.chunks_mut(groups * LANES)) {
                let mut rows = [&lanes[..stride]; LANES];
                for (row, keys) in rows.iter_mut().zip(lanes.chunks_exact(stride)) {
                    *row = keys;
                }
                let mut at = [tree.node; LANES];
                self.walk::<CATEGORIES>(&mut at, tree.depth, rows);
                for (at, out) in at.iter().zip(out.chunks_exact_mut(groups)) {
                    self.take(*at, tree, out);
                }
            }
        }
    }

    /// Adds the leaf's output.
    #[inline]
    fn take(&self, at: u32, tree: &Root, out: &mut [f32]) {
        let leaf = self.nodes[at as usize].threshold;
        if self.leaf_width > 1 {
            let vector = &self.vectors[leaf as usize * self.leaf_width..][..self.leaf_width];
            for (out, value) in out.iter_mut().zip(vector) {
                *out += value;
            }
        } else {
            out[tree.group as usize] += f32::from_bits(leaf);
        }
    }
}
