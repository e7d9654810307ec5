//! The checked trees: what every evaluator is built from.

mod builder;

pub(crate) use builder::{ForestBuilder, LeafRows, RawTree, TreeFault};

/// One node. A leaf has `left == 0` (no child can be the root); its `value` is the leaf's output, or for
/// vector leaves `right` is its row in [`Tree::vectors`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node {
    pub(crate) left: u32,
    pub(crate) right: u32,
    split: u32,
    /// Threshold of a numerical split, output of a leaf.
    pub(crate) value: f32,
}

impl Node {
    const DEFAULT_LEFT: u32 = 1 << 31;
    const CATEGORICAL: u32 = 1 << 30;
    const MAX_FEATURES: usize = Self::CATEGORICAL as usize;

    pub(crate) fn is_leaf(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn feature(&self) -> usize {
        (self.split & !(Self::DEFAULT_LEFT | Self::CATEGORICAL)) as usize
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
    /// Its nodes are `nodes[start..start + len]`; children are relative to `start`.
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
    /// Its leaf vectors start here in `Forest::vectors`.
    vectors: usize,
}

/// Trees in file order, every index in range, every tree free of cycles and shared nodes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forest {
    pub(crate) trees: Vec<Tree>,
    nodes: Vec<Node>,
    /// Sum of hessians per node, beside `nodes`.
    covers: Vec<f32>,
    /// Bit sets of categories, as words; a categorical node's `value` holds the index of its set.
    words: Vec<u32>,
    sets: Vec<std::ops::Range<usize>>,
    vectors: Vec<f32>,
    /// Numbers per leaf: 1, or the number of targets for vector leaves.
    pub(crate) leaf_width: usize,
    /// 1.6 sends categories beyond a node's set to the default child; all others send them left.
    pub(crate) unseen_is_missing: bool,
}

impl Forest {
    pub(crate) fn nodes(&self, tree: &Tree) -> &[Node] {
        &self.nodes[tree.start..tree.start + tree.len]
    }

    pub(crate) fn covers(&self, tree: &Tree) -> &[f32] {
        &self.covers[tree.start..tree.start + tree.len]
    }

    /// The vector of a vector leaf.
    pub(crate) fn vector(&self, tree: &Tree, leaf: &Node) -> &[f32] {
        let start = tree.vectors + leaf.right as usize * self.leaf_width;
        &self.vectors[start..start + self.leaf_width]
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

    /// The index, within the tree, of the leaf that `row` reaches.
    pub(crate) fn leaf(&self, tree: &Tree, row: &[f32]) -> usize {
        let nodes = self.nodes(tree);
        let mut at = 0;
        loop {
            let node = &nodes[at];
            if node.is_leaf() {
                return at;
            }
            at = if self.goes_left(node, row[node.feature()]) { node.left } else { node.right } as usize;
        }
    }

    /// The same forest with only these trees.
    pub(crate) fn slice(&self, trees: std::ops::Range<usize>) -> Self {
        Self { trees: self.trees[trees].to_vec(), ..self.clone() }
    }
}
