use std::hint::select_unpredictable;

use super::TILE_BYTES;
use super::keys::{Block, Blocks, ROWS, SlotTable, TO_LEFT, TO_RIGHT, threshold_key};
use crate::forest::{Forest, Tree};

/// Walks that advance together, so that the processor overlaps their memory accesses.
const LANES: usize = 8;
/// Steps between looking whether all walks have arrived.
const STRIDE: u32 = 4;

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

/// A split's right child is `nodes[next]`, its left child follows. A leaf names the leaf slot of [`super::keys`] and
/// itself, so a step from it stays; its `threshold` holds the output's bits, or the row of its vector.
#[derive(Debug, Clone, Copy)]
struct Node {
    threshold: i32,
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
    pub(super) fn new(forest: &Forest, trees: &[Tree], slots: &SlotTable) -> Self {
        let mut this = Self {
            nodes: Vec::with_capacity(trees.iter().map(|tree| tree.len).sum()),
            trees: Vec::with_capacity(trees.len()),
            categorical: false,
            words: Vec::new(),
            sets: Vec::new(),
            vectors: Vec::new(),
            leaf_width: forest.leaf_width,
        };
        for tree in trees {
            this.push(forest, tree, slots);
        }
        this
    }

    fn push(&mut self, forest: &Forest, tree: &Tree, slots: &SlotTable) {
        let root = self.nodes.len() as u32;
        let nodes = forest.nodes(tree);
        for (place, node) in (root..).zip(nodes) {
            let slot = slots.of(node);
            let leaf = (node.value * tree.weight).to_bits().cast_signed();
            let split = threshold_key(node.value);
            let (threshold, next) =
                select_unpredictable(node.is_leaf(), (leaf, place), (split, root + node.link));
            self.nodes.push(Node { threshold, slot, next });
        }
        if tree.categorical {
            for (place, node) in (root..).zip(nodes).filter(|(_, node)| node.is_categorical()) {
                let set = self.set(forest, node);
                let node = &mut self.nodes[place as usize];
                (node.threshold, node.slot) = (set, node.slot | CATEGORICAL);
            }
        }
        if self.leaf_width > 1 {
            for (place, node) in (root..).zip(nodes).filter(|(_, node)| node.is_leaf()) {
                self.nodes[place as usize].threshold =
                    (self.vectors.len() / self.leaf_width).cast_signed() as i32;
                self.vectors.extend(forest.vector(node).iter().map(|value| value * tree.weight));
            }
        }
        self.trees.push(Root { node: root, group: tree.group as u32, depth: tree.depth });
    }

    fn set(&mut self, forest: &Forest, node: &crate::forest::Node) -> i32 {
        self.categorical = true;
        let start = self.words.len();
        self.words.extend_from_slice(forest.set(node));
        let beyond_left = !forest.unseen_is_missing || node.default_left();
        self.sets.push(Set { words: start..self.words.len(), beyond_left });
        (self.sets.len() as u32 - 1).cast_signed()
    }

    fn is_left(&self, set: i32, key: i32) -> bool {
        match key {
            TO_LEFT => true,
            TO_RIGHT => false,
            category => {
                let set = &self.sets[set.cast_unsigned() as usize];
                let category = category.cast_unsigned();
                let word = self.words[set.words.clone()].get(category as usize / 32);
                word.map_or(set.beyond_left, |word| word >> (category % 32) & 1 == 0)
            }
        }
    }

    #[inline]
    fn step<const CATEGORIES: bool>(&self, at: u32, key: impl Fn(usize) -> i32) -> u32 {
        let node = &self.nodes[at as usize];
        if CATEGORIES && node.slot & CATEGORICAL != 0 {
            let key = key((node.slot & !CATEGORICAL) as usize);
            return node.next + u32::from(self.is_left(node.threshold, key));
        }
        node.next + u32::from(key(node.slot as usize) < node.threshold)
    }

    /// Walks until every lane stands on a leaf; `key` gives a lane's key of a slot.
    #[inline]
    fn walk<const CATEGORIES: bool>(
        &self,
        at: &mut [u32; LANES],
        depth: u32,
        key: impl Fn(usize, usize) -> i32,
    ) {
        for _ in 0..depth.div_ceil(STRIDE) {
            let mut moved = 0;
            for _ in 0..STRIDE {
                for (lane, at) in at.iter_mut().enumerate() {
                    let next = self.step::<CATEGORIES>(*at, |slot| key(lane, slot));
                    moved |= next ^ *at;
                    *at = next;
                }
            }
            if moved == 0 {
                break;
            }
        }
    }

    /// Adds every tree's output to the sums of one row.
    pub(super) fn add_row(&self, keys: &[i32], out: &mut [f32]) {
        for trees in self.trees.chunks(LANES) {
            let mut at = [trees[0].node; LANES];
            for (at, tree) in at.iter_mut().zip(trees) {
                *at = tree.node;
            }
            let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
            if self.categorical {
                self.walk::<true>(&mut at, depth, |_, slot| keys[slot]);
            } else {
                self.walk::<false>(&mut at, depth, |_, slot| keys[slot]);
            }
            for (at, tree) in at.iter().zip(trees) {
                self.take(*at, tree, out);
            }
        }
    }

    /// Adds every tree's output to the sums of the blocks' rows.
    pub(super) fn add_rows(&self, blocks: &Blocks, groups: usize, out: &mut [f32]) {
        let tree_bytes = (self.nodes.len() * size_of::<Node>()).div_ceil(self.trees.len().max(1));
        for trees in self.trees.chunks((TILE_BYTES / tree_bytes.max(1)).max(1)) {
            for (block, out) in blocks.iter().zip(out.chunks_mut(ROWS * groups)) {
                for tree in trees {
                    self.add_tree(tree, block, groups, out);
                }
            }
        }
    }

    fn add_tree(&self, tree: &Root, block: Block, groups: usize, out: &mut [f32]) {
        for (group, out) in out.chunks_mut(groups * LANES).enumerate() {
            let keys: [_; LANES] = std::array::from_fn(|lane| block.row(group * LANES + lane));
            let mut at = [tree.node; LANES];
            if self.categorical {
                self.walk::<true>(&mut at, tree.depth, |lane, slot| keys[lane][slot]);
            } else {
                self.walk::<false>(&mut at, tree.depth, |lane, slot| keys[lane][slot]);
            }
            for (at, out) in at.iter().zip(out.chunks_exact_mut(groups)) {
                self.take(*at, tree, out);
            }
        }
    }

    /// Adds the leaf's output.
    #[inline]
    fn take(&self, at: u32, tree: &Root, out: &mut [f32]) {
        let leaf = self.nodes[at as usize].threshold;
        if self.leaf_width > 1 {
            let vector = &self.vectors[leaf.cast_unsigned() as usize * self.leaf_width..][..self.leaf_width];
            for (out, value) in out.iter_mut().zip(vector) {
                *out += value;
            }
        } else {
            out[tree.group as usize] += f32::from_bits(leaf.cast_unsigned());
        }
    }
}
