//! The checked trees: what every evaluator is built from.

mod builder;

pub(crate) use builder::{ForestBuilder, LeafRows, RawTree, TreeFault};

/// One node. Its `value` is the threshold of a numerical split, the index of a categorical split's set, the output
/// of a leaf, or the row of a leaf's vector; the latter two indices as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Node {
    /// Of a split: the right child's place in the tree; the left one follows it. Of a leaf: its index in the file.
    pub(crate) link: u32,
    /// 0 for a leaf, else what a split asks: the feature, counted from 1, above two flags.
    pub(crate) split: u32,
    pub(crate) value: f32,
}

impl Node {
    const DEFAULT_LEFT: u32 = 1;
    const CATEGORICAL: u32 = 2;
    const FEATURE: u32 = 4;
    const MAX_FEATURES: usize = (u32::MAX / Self::FEATURE) as usize;

    pub(crate) fn is_leaf(&self) -> bool {
        self.split == 0
    }

    pub(crate) fn feature(&self) -> usize {
        (self.split / Self::FEATURE) as usize - 1
    }

    /// What a split asks, whichever its default side: twice the feature, counted from 1, and 1 for categories. 0 for a
    /// leaf.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn question(&self) -> u32 {
        self.split / 2
    }

    pub(crate) fn default_left(&self) -> bool {
        self.split & Self::DEFAULT_LEFT != 0
    }

    pub(crate) fn is_categorical(&self) -> bool {
        self.split & Self::CATEGORICAL != 0
    }
}

/// A tree's place in the forest.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Its nodes are `nodes[start..start + len]`, breadth-first; places of children are relative to `start`.
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// The output the tree adds to; 0 for vector leaves, which add to all.
    pub(crate) group: usize,
    /// The factor of its outputs: `weight_drop` of dart, else 1.
    pub(crate) weight: f32,
    /// Longest path from the root, in splits.
    pub(crate) depth: u32,
    pub(crate) leaves: usize,
    /// Whether it splits on categories.
    pub(crate) categorical: bool,
}

/// Trees in file order, every index in range, every tree free of cycles, shared and unreachable nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forest {
    pub(crate) trees: Vec<Tree>,
    nodes: Vec<Node>,
    /// Sum of hessians per node, beside `nodes`.
    covers: Vec<f32>,
    /// Bit sets of categories, as words.
    words: Vec<u32>,
    sets: Vec<std::ops::Range<usize>>,
    vectors: Vec<f32>,
    /// Numbers per leaf: 1, or the number of targets for vector leaves.
    pub(crate) leaf_width: usize,
    /// 1.6 sends categories beyond a node's set to the default child; all others send them left.
    pub(crate) unseen_is_missing: bool,
}

impl Forest {
    /// No trees, whose leaves would be single numbers.
    pub(crate) fn empty() -> Self {
        Self { leaf_width: 1, ..Self::default() }
    }

    pub(crate) fn nodes(&self, tree: &Tree) -> &[Node] {
        &self.nodes[tree.start..tree.start + tree.len]
    }

    pub(crate) fn covers(&self, tree: &Tree) -> &[f32] {
        &self.covers[tree.start..tree.start + tree.len]
    }

    /// The vector of a vector leaf.
    pub(crate) fn vector(&self, leaf: &Node) -> &[f32] {
        let start = leaf.value.to_bits() as usize * self.leaf_width;
        &self.vectors[start..start + self.leaf_width]
    }

    /// What a leaf adds to an output.
    pub(crate) fn output(&self, tree: &Tree, leaf: &Node, group: usize) -> f32 {
        let value = if self.leaf_width > 1 { self.vector(leaf)[group] } else { leaf.value };
        value * tree.weight
    }

    /// Which child `value` leads to: strictly below the threshold goes left, missing goes to the default
    /// child, a category of the node's set goes right.
    pub(crate) fn goes_left(&self, node: &Node, value: f32) -> bool {
        if value.is_nan() {
            node.default_left()
        } else if node.is_categorical() {
            match self.in_set(node, value) {
                Some(member) => !member,
                None => !self.unseen_is_missing || node.default_left(),
            }
        } else {
            value < node.value
        }
    }

    /// The bit set of a categorical node.
    pub(crate) fn set(&self, node: &Node) -> &[u32] {
        &self.words[self.sets[node.value.to_bits() as usize].clone()]
    }

    /// Whether a category is in the node's set; `None` if it is beyond the set or no category at all.
    fn in_set(&self, node: &Node, value: f32) -> Option<bool> {
        if !(0.0..16_777_216.0).contains(&value) {
            return None;
        }
        #[expect(clippy::cast_sign_loss, reason = "checked to be in 0..2^24")]
        let category = value as usize;
        self.set(node).get(category / 32).map(|word| word >> (category % 32) & 1 == 1)
    }

    /// The index, in the file's tree, of the leaf that `row` reaches.
    pub(crate) fn leaf(&self, tree: &Tree, row: &[f32]) -> u32 {
        let nodes = self.nodes(tree);
        let mut node = &nodes[0];
        while !node.is_leaf() {
            let left = self.goes_left(node, row[node.feature()]);
            node = &nodes[node.link as usize + usize::from(left)];
        }
        node.link
    }

    /// Renumbers the features to those that some split asks for, in their order; gives the numbers they had.
    pub(crate) fn narrow(&mut self) -> Vec<u32> {
        let splits = || self.nodes.iter().filter(|node| !node.is_leaf());
        let mut used: Vec<u32> = splits().map(|node| node.feature() as u32).collect();
        used.sort_unstable();
        used.dedup();
        for node in self.nodes.iter_mut().filter(|node| !node.is_leaf()) {
            let place = used.partition_point(|&feature| (feature as usize) < node.feature());
            let flags = node.split % Node::FEATURE;
            node.split = (place as u32 + 1) * Node::FEATURE + flags;
        }
        used
    }

    /// The same forest with only these trees.
    pub(crate) fn slice(&self, trees: std::ops::Range<usize>) -> Self {
        Self { trees: self.trees[trees].to_vec(), ..self.clone() }
    }
}
