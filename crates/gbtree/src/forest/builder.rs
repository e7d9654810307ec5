use super::{Forest, Node, Tree};
use crate::LoadError;
use crate::load::Budget;

/// A tree as its file tells it: parallel arrays over nodes, nothing checked. Meant to be refilled.
#[derive(Debug, Default)]
pub(crate) struct RawTree {
    /// Child indices; -1 in `left` marks a leaf.
    pub(crate) left: Vec<i32>,
    pub(crate) right: Vec<i32>,
    pub(crate) feature: Vec<i64>,
    /// Threshold of a split, output of a leaf.
    pub(crate) value: Vec<f32>,
    pub(crate) default_left: Vec<u8>,
    pub(crate) cover: Vec<f32>,
    /// 1 marks a categorical split. Empty: no such splits.
    pub(crate) split_type: Vec<u8>,
    /// The categories of node `category_nodes[i]` are `categories[starts[i]..][..sizes[i]]`.
    pub(crate) categories: Vec<i32>,
    pub(crate) category_nodes: Vec<i64>,
    pub(crate) category_starts: Vec<i64>,
    pub(crate) category_sizes: Vec<i64>,
    /// Vector leaves, row after row; empty when leaves are scalars.
    pub(crate) vectors: Vec<f32>,
    pub(crate) leaf_rows: LeafRows,
}

/// Which row of the leaf vectors belongs to a leaf.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafRows {
    /// The row of the node's own index (2.0 to 3.1).
    #[default]
    Node,
    /// The row that the leaf's right child names (3.2 and later).
    RightChild,
}

/// What is wrong with a tree, before its place in the file is known.
#[derive(Debug)]
pub(crate) enum TreeFault {
    Node(usize, String),
    Field(&'static str, String),
    Limit(LoadError),
}

/// Categories are below 2^24, the integers that float32 holds exactly.
const MAX_CATEGORY: i32 = 1 << 24;

/// Memory per node: here, and at most in the layouts built from it.
const NODE_BYTES: usize = 64;

/// Checks trees one by one into a [`Forest`].
#[derive(Debug)]
pub(crate) struct ForestBuilder {
    forest: Forest,
    features: usize,
    groups: usize,
    stack: Vec<(u32, u32)>,
    visited: Vec<bool>,
}

impl ForestBuilder {
    pub(crate) fn new(features: usize, groups: usize, leaf_width: usize) -> Self {
        let forest = Forest { leaf_width, ..Forest::default() };
        // What exceeds the node's bits for the feature is refused as out of range.
        let features = features.min(Node::MAX_FEATURES);
        Self { forest, features, groups, stack: Vec::new(), visited: Vec::new() }
    }

    pub(crate) fn finish(self) -> Forest {
        self.forest
    }

    /// Makes room for all nodes to come, at once.
    pub(crate) fn reserve(&mut self, nodes: usize, budget: &mut Budget) -> Result<(), LoadError> {
        budget.charge_for::<[u8; NODE_BYTES]>(nodes)?;
        self.forest.nodes.reserve_exact(nodes);
        self.forest.covers.reserve_exact(nodes);
        Ok(())
    }

    /// Checks and appends a tree. Unreachable nodes (pruned ones stay in the arrays) keep their place and
    /// are never looked at.
    pub(crate) fn push(
        &mut self,
        raw: &RawTree,
        group: usize,
        weight: f32,
        budget: &mut Budget,
    ) -> Result<(), TreeFault> {
        let len = raw.left.len();
        if len == 0 {
            return Err(TreeFault::Field("left_children", "the tree has no nodes".to_owned()));
        }
        for (name, found) in [
            ("right_children", raw.right.len()),
            ("split_indices", raw.feature.len()),
            ("split_conditions", raw.value.len()),
            ("default_left", raw.default_left.len()),
            ("sum_hessian", raw.cover.len()),
            ("split_type", if raw.split_type.is_empty() { len } else { raw.split_type.len() }),
        ] {
            if found != len {
                return Err(TreeFault::Field(name, format!("{found} elements for {len} nodes")));
            }
        }
        if group >= self.groups {
            return Err(TreeFault::Field(
                "tree_info",
                format!("the tree adds to output {group}, the model has {}", self.groups),
            ));
        }
        budget.charge_for::<Tree>(2).map_err(TreeFault::Limit)?;
        let start = self.forest.nodes.len();
        let vectors = self.forest.vectors.len();
        self.forest.nodes.resize(start + len, Node { left: 0, right: 0, split: 0, value: 0.0 });
        self.forest.covers.extend_from_slice(&raw.cover);
        budget.charge_for::<[f32; 2]>(raw.vectors.len()).map_err(TreeFault::Limit)?;
        self.forest.vectors.extend_from_slice(&raw.vectors);

        self.visited.clear();
        self.visited.resize(len, false);
        self.visited[0] = true;
        self.stack.clear();
        self.stack.push((0, 0));
        let (mut depth, mut leaves, mut categorical) = (0, 0, false);
        while let Some((at, level)) = self.stack.pop() {
            let index = at as usize;
            let node = if raw.left[index] == -1 {
                leaves += 1;
                depth = depth.max(level);
                self.leaf(raw, index)?
            } else {
                let node = self.split(raw, index)?;
                categorical |= node.is_categorical();
                for child in [node.right, node.left] {
                    if std::mem::replace(&mut self.visited[child as usize], true) {
                        let what = format!("its child {child} already has a parent");
                        return Err(TreeFault::Node(index, what));
                    }
                    self.stack.push((child, level + 1));
                }
                node
            };
            self.forest.nodes[start + index] = node;
        }
        if categorical {
            self.categories(raw, start, budget)?;
        }
        self.forest.trees.push(Tree { start, len, group, weight, depth, leaves, categorical, vectors });
        Ok(())
    }

    fn leaf(&self, raw: &RawTree, index: usize) -> Result<Node, TreeFault> {
        let width = self.forest.leaf_width;
        let mut right = 0;
        if width > 1 {
            let row = match raw.leaf_rows {
                LeafRows::Node => index,
                LeafRows::RightChild => usize::try_from(raw.right[index]).unwrap_or(usize::MAX),
            };
            let rows = raw.vectors.len() / width;
            if row >= rows {
                let what = format!("its leaf vector is row {row}, the tree has {rows} rows of {width}");
                return Err(TreeFault::Node(index, what));
            }
            right = row as u32;
        }
        Ok(Node { left: 0, right, split: 0, value: raw.value[index] })
    }

    fn split(&self, raw: &RawTree, index: usize) -> Result<Node, TreeFault> {
        let len = raw.left.len();
        let child = |child: i32, side: &str| match usize::try_from(child) {
            Ok(0) => Err(TreeFault::Node(index, format!("its {side} child is the root"))),
            Ok(at) if at < len => Ok(at as u32),
            _ => {
                let what = format!("its {side} child is {child}, the tree has {len} nodes");
                Err(TreeFault::Node(index, what))
            }
        };
        let (left, right) = (child(raw.left[index], "left")?, child(raw.right[index], "right")?);
        let feature = raw.feature[index];
        let mut split = match u32::try_from(feature) {
            Ok(feature) if (feature as usize) < self.features => feature,
            _ => {
                let what = format!("it splits on feature {feature}, the model has {}", self.features);
                return Err(TreeFault::Node(index, what));
            }
        };
        match raw.default_left[index] {
            0 => {}
            1 => split |= Node::DEFAULT_LEFT,
            other => return Err(TreeFault::Node(index, format!("default_left is {other}, not 0 or 1"))),
        }
        match raw.split_type.get(index) {
            None | Some(0) => {}
            Some(1) => split |= Node::CATEGORICAL,
            Some(other) => return Err(TreeFault::Node(index, format!("split_type is {other}, not 0 or 1"))),
        }
        Ok(Node { left, right, split, value: raw.value[index] })
    }

    /// Builds the bit sets of the tree's categorical nodes.
    fn categories(&mut self, raw: &RawTree, start: usize, budget: &mut Budget) -> Result<(), TreeFault> {
        let count = raw.category_nodes.len();
        for (name, found) in [
            ("categories_segments", raw.category_starts.len()),
            ("categories_sizes", raw.category_sizes.len()),
        ] {
            if found != count {
                let what = format!("{found} elements for {count} categorical nodes");
                return Err(TreeFault::Field(name, what));
            }
        }
        let mut owned = vec![false; raw.left.len()];
        for i in 0..count {
            let index = raw.category_nodes[i];
            let Some(index) = usize::try_from(index).ok().filter(|&index| index < owned.len()) else {
                let what = format!("node {index} of {}", owned.len());
                return Err(TreeFault::Field("categories_nodes", what));
            };
            let Some(members) = usize::try_from(raw.category_starts[i])
                .ok()
                .zip(usize::try_from(raw.category_sizes[i]).ok())
                .and_then(|(from, size)| raw.categories.get(from..from.checked_add(size)?))
            else {
                return Err(TreeFault::Node(index, "its categories lie outside the list".to_owned()));
            };
            if let Some(bad) = members.iter().find(|&&member| !(0..MAX_CATEGORY).contains(&member)) {
                return Err(TreeFault::Node(index, format!("its category {bad} is not in 0..2^24")));
            }
            let words = members.iter().max().map_or(0, |&most| most.cast_unsigned() as usize / 32 + 1);
            budget.charge_for::<[u32; 2]>(words + 8).map_err(TreeFault::Limit)?;
            let first = self.forest.words.len();
            self.forest.words.resize(first + words, 0);
            for member in members {
                let member = member.cast_unsigned() as usize;
                self.forest.words[first + member / 32] |= 1 << (member % 32);
            }
            let node = &mut self.forest.nodes[start + index];
            if node.is_categorical() && !node.is_leaf() {
                node.value = f32::from_bits(self.forest.sets.len() as u32);
                owned[index] = true;
                self.forest.sets.push(first..first + words);
            }
        }
        let nodes = &self.forest.nodes[start..];
        match nodes.iter().zip(&owned).position(|(node, owned)| node.is_categorical() && !owned) {
            None => Ok(()),
            Some(index) => Err(TreeFault::Node(index, "it splits on categories but lists none".to_owned())),
        }
    }
}
