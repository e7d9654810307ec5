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
    /// 1 marks a categorical split.
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

impl RawTree {
    fn check_lengths(&self) -> Result<(), TreeFault> {
        let len = self.left.len();
        if len == 0 {
            return Err(TreeFault::Field("left_children", "the tree has no nodes".to_owned()));
        }
        for (name, found) in [
            ("right_children", self.right.len()),
            ("split_indices", self.feature.len()),
            ("split_conditions", self.value.len()),
            ("default_left", self.default_left.len()),
            ("sum_hessian", self.cover.len()),
            ("split_type", self.split_type.len()),
        ] {
            if found != len {
                return Err(TreeFault::Field(name, format!("{found} elements for {len} nodes")));
            }
        }
        Ok(())
    }
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
/// Memory per number of a vector leaf: here, in the layout, and for contributions.
const OUTPUT_BYTES: usize = 96;

/// Checks trees one by one into a [`Forest`].
#[derive(Debug)]
pub(crate) struct ForestBuilder {
    forest: Forest,
    features: usize,
    groups: usize,
    /// The file's index of each place of the tree at hand.
    order: Vec<u32>,
    /// The place of each node of the file's tree, or [`UNREACHED`].
    places: Vec<u32>,
    /// Nodes to come that are charged for.
    reserved: usize,
}

const UNREACHED: u32 = u32::MAX;

impl ForestBuilder {
    pub(crate) fn new(features: usize, groups: usize, leaf_width: usize) -> Self {
        let forest = Forest { leaf_width, ..Forest::default() };
        // What exceeds the node's bits for the feature is refused as out of range.
        let features = features.min(Node::MAX_FEATURES);
        Self { forest, features, groups, order: Vec::new(), places: Vec::new(), reserved: 0 }
    }

    pub(crate) fn finish(mut self) -> Forest {
        self.forest.nodes.shrink_to_fit();
        self.forest.covers.shrink_to_fit();
        self.forest
    }

    /// Makes room for all nodes to come, at once.
    pub(crate) fn reserve(&mut self, nodes: usize, budget: &mut Budget) -> Result<(), LoadError> {
        budget.charge_for::<[u8; NODE_BYTES]>(nodes)?;
        self.reserved += nodes;
        self.forest.nodes.reserve_exact(nodes);
        self.forest.covers.reserve_exact(nodes);
        Ok(())
    }

    /// Checks and appends a tree. Unreachable nodes (pruned ones stay in the file's arrays) are left out and
    /// never looked at.
    pub(crate) fn push(
        &mut self,
        raw: &RawTree,
        group: usize,
        weight: f32,
        budget: &mut Budget,
    ) -> Result<(), TreeFault> {
        raw.check_lengths()?;
        if group >= self.groups {
            return Err(TreeFault::Field(
                "tree_info",
                format!("the tree adds to output {group}, the model has {}", self.groups),
            ));
        }
        let unpaid = raw.left.len().saturating_sub(self.reserved);
        self.reserved = self.reserved.saturating_sub(raw.left.len());
        budget.charge_for::<[u8; NODE_BYTES]>(unpaid).map_err(TreeFault::Limit)?;
        budget.charge_for::<Tree>(2).map_err(TreeFault::Limit)?;
        budget.charge_for::<[u8; OUTPUT_BYTES]>(raw.vectors.len()).map_err(TreeFault::Limit)?;
        let start = self.forest.nodes.len();
        let (depth, categorical) = self.arrange(raw)?;
        let len = self.forest.nodes.len() - start;
        if self.forest.leaf_width > 1 {
            self.vectors(raw, start)?;
        }
        if categorical {
            self.categories(raw, start, budget)?;
        }
        let tree = Tree { start, len, group, weight, depth, leaves: len.div_ceil(2), categorical };
        self.forest.trees.push(tree);
        Ok(())
    }

    /// Appends the nodes that the root reaches; gives the depth and whether some split is on categories.
    ///
    /// What kind a node is decides no branch: in a lopsided tree the processor could not foresee it.
    fn arrange(&mut self, raw: &RawTree) -> Result<(u32, bool), TreeFault> {
        let len = raw.left.len();
        let (left, right) = (&raw.left[..], &raw.right[..len]);
        let (feature, value, cover) = (&raw.feature[..len], &raw.value[..len], &raw.cover[..len]);
        let (default_left, split_type) = (&raw.default_left[..len], &raw.split_type[..len]);
        self.places.clear();
        self.places.resize(len, UNREACHED);
        let places = &mut self.places[..len];
        // Each node enters once, and makes room for two children: leaves write there, and stay where they are.
        if self.order.len() < 2 * len + 1 {
            self.order.resize(2 * len + 1, 0);
        }
        let order = &mut self.order[..];
        order[0] = 0;
        let (nodes, covers) = (&mut self.forest.nodes, &mut self.forest.covers);
        let (start, features) = (nodes.len(), self.features as u64);
        let (mut at, mut end, mut level_end, mut depth, mut kinds) = (0, 1, 1, 0, 0);
        while at < end {
            let index = order[at] as usize;
            if index >= len || places[index] != UNREACHED {
                return Err(misplaced(raw, order, &nodes[start..], at));
            }
            places[index] = at as u32;
            if at == level_end {
                depth += 1;
                level_end = end;
            }
            order[end] = right[index].cast_unsigned();
            order[end + 1] = left[index].cast_unsigned();
            let is_split = u32::from(left[index] != -1);
            let feature = u64::from(is_split) * feature[index].cast_unsigned().saturating_add(1);
            let (missing_left, categorical) = (u32::from(default_left[index]), u32::from(split_type[index]));
            if (feature > features) || (is_split * (missing_left | categorical) > 1) {
                return Err(self.split_fault(raw, index));
            }
            let flags = missing_left * Node::DEFAULT_LEFT + categorical * Node::CATEGORICAL;
            let split = feature as u32 * Node::FEATURE + is_split * flags;
            kinds |= split;
            let link = if is_split == 1 { end as u32 } else { index as u32 };
            nodes.push(Node { link, split, value: value[index] });
            covers.push(cover[index]);
            end += 2 * is_split as usize;
            at += 1;
        }
        Ok((depth, kinds & Node::CATEGORICAL != 0))
    }

    /// What is wrong with a split.
    #[cold]
    fn split_fault(&self, raw: &RawTree, index: usize) -> TreeFault {
        let (feature, default_left) = (raw.feature[index], raw.default_left[index]);
        TreeFault::Node(
            index,
            match usize::try_from(feature) {
                Ok(feature) if feature < self.features => match default_left {
                    0 | 1 => format!("split_type is {}, not 0 or 1", raw.split_type[index]),
                    other => format!("default_left is {other}, not 0 or 1"),
                },
                _ => format!("it splits on feature {feature}, the model has {}", self.features),
            },
        )
    }

    /// Takes over the tree's vector leaves.
    fn vectors(&mut self, raw: &RawTree, start: usize) -> Result<(), TreeFault> {
        let width = self.forest.leaf_width;
        let rows = raw.vectors.len() / width;
        let before = self.forest.vectors.len() / width;
        for leaf in self.forest.nodes[start..].iter_mut().filter(|node| node.is_leaf()) {
            let index = leaf.link as usize;
            let row = match raw.leaf_rows {
                LeafRows::Node => index,
                LeafRows::RightChild => usize::try_from(raw.right[index]).unwrap_or(usize::MAX),
            };
            if row >= rows {
                let what = format!("its leaf vector is row {row}, the tree has {rows} rows of {width}");
                return Err(TreeFault::Node(index, what));
            }
            leaf.value = f32::from_bits((before + row) as u32);
        }
        self.forest.vectors.extend_from_slice(&raw.vectors[..rows * width]);
        Ok(())
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
        let mut owned = vec![false; self.forest.nodes.len() - start];
        for i in 0..count {
            let index = raw.category_nodes[i];
            let index_and_place =
                usize::try_from(index).ok().and_then(|index| Some((index, *self.places.get(index)?)));
            let Some((index, place)) = index_and_place else {
                let what = format!("node {index} of {}", self.places.len());
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
            let Some(node) = self.forest.nodes[start..].get_mut(place as usize) else { continue };
            if node.is_categorical() {
                node.value = f32::from_bits(self.forest.sets.len() as u32);
                owned[place as usize] = true;
                let first = self.forest.words.len();
                self.forest.words.resize(first + words, 0);
                fill(&mut self.forest.words[first..], members);
                self.forest.sets.push(first..first + words);
            }
        }
        let nodes = &self.forest.nodes[start..];
        match nodes.iter().zip(&owned).position(|(node, owned)| node.is_categorical() && !owned) {
            None => Ok(()),
            Some(place) => {
                let what = "it splits on categories but lists none".to_owned();
                Err(TreeFault::Node(self.order[place] as usize, what))
            }
        }
    }
}

/// What is wrong with the child that was to take a place: it is out of range, the root, or taken.
#[cold]
fn misplaced(raw: &RawTree, order: &[u32], nodes: &[Node], place: usize) -> TreeFault {
    let first = (place - 1) / 2 * 2 + 1;
    let parent = nodes.iter().position(|node| !node.is_leaf() && node.link as usize == first);
    let parent = parent.map_or(0, |parent| order[parent] as usize);
    let (side, child) =
        if place == first { ("right", raw.right[parent]) } else { ("left", raw.left[parent]) };
    let len = raw.left.len();
    TreeFault::Node(
        parent,
        match usize::try_from(child) {
            Ok(0) => format!("its {side} child is the root"),
            Ok(child) if child < len => format!("its child {child} already has a parent"),
            _ => format!("its {side} child is {child}, the tree has {len} nodes"),
        },
    )
}

/// Sets the bits of non-negative `members`, word by word: most files list them in order.
fn fill(words: &mut [u32], members: &[i32]) {
    let (mut at, mut bits) = (0, 0);
    for member in members {
        let member = member.cast_unsigned();
        let word = member as usize / 32;
        if word != at {
            words[at] |= bits;
            (at, bits) = (word, 0);
        }
        bits |= 1 << (member % 32);
    }
    if let Some(word) = words.get_mut(at) {
        *word |= bits;
    }
}
