use super::{NO_SHARE, Split, Step};
use crate::forest::{Forest, Tree};

/// No node, or no place.
const NONE: u32 = u32::MAX;

/// Splits of a subtree that are gone down to before the first is left again: nothing then depends on the tree's shape that the
/// processor would have to foresee. Their state stays in the first-level cache.
const TOGETHER: usize = 64;

/// Puts the splits of a forest in the order of the walk, tree by tree.
pub(super) struct Unroller<'f> {
    forest: &'f Forest,
    pub(super) splits: Vec<Split>,
    pub(super) steps: Vec<Step>,
    /// Slots that some tree takes.
    pub(super) slots: usize,
    /// The most distinct features on a path.
    pub(super) distinct: usize,
    /// The features that some split is on, as first met.
    pub(super) used: Vec<u32>,
    /// The place of each feature there.
    players: Vec<u32>,
    /// Per feature, the node that the path's last edge with it leads to.
    last: Vec<u32>,
    nodes: Vec<Place>,
}

/// What a path says of a node.
#[derive(Clone, Copy)]
struct Place {
    parent: u32,
    left: bool,
    /// The node that the last edge above with the feature of this split leads to: perhaps this one.
    earlier: u32,
    /// See [`Split::share`].
    share: f32,
    /// Whether it is the `earlier` of another.
    repeated: bool,
    /// Splits in its subtree.
    splits: usize,
    slot: u32,
}

impl<'f> Unroller<'f> {
    pub(super) fn new(forest: &'f Forest, features: usize) -> Self {
        Self {
            forest,
            splits: Vec::new(),
            steps: Vec::new(),
            slots: 1,
            distinct: 1,
            used: Vec::new(),
            players: vec![NONE; features],
            last: vec![NONE; features],
            nodes: Vec::new(),
        }
    }

    /// Appends a tree as one output sees it; gives the expected output, leaves weighted by their shares of cover.
    pub(super) fn push(&mut self, tree: &Tree, group: usize) -> f64 {
        let nodes = self.forest.nodes(tree);
        if nodes[0].is_leaf() {
            return f64::from(self.forest.output(tree, &nodes[0], group));
        }
        let nowhere = Place {
            parent: NONE,
            left: true,
            earlier: NONE,
            share: 1.0,
            repeated: false,
            splits: 0,
            slot: 0,
        };
        self.nodes.clear();
        self.nodes.resize(nodes.len(), nowhere);
        let covers = self.forest.covers(tree);
        let mut reached = vec![1.0; nodes.len()];
        let mut mean = 0.0;
        for (index, node) in nodes.iter().enumerate() {
            if node.is_leaf() {
                mean += reached[index] * f64::from(self.forest.output(tree, node, group));
                continue;
            }
            self.nodes[index].splits = 1;
            for (child, left) in children(node.link) {
                (self.nodes[child].parent, self.nodes[child].left) = (index as u32, left);
                reached[child] = reached[index] * f64::from(ratio(covers[child], covers[index]));
            }
        }
        for index in (1..nodes.len()).rev() {
            let Place { parent, splits, .. } = self.nodes[index];
            self.nodes[parent as usize].splits += splits;
        }
        self.follow(tree);
        self.arrange(tree, group);
        mean
    }

    /// Finds what each split's path says of its feature.
    fn follow(&mut self, tree: &Tree) {
        let (nodes, covers) = (self.forest.nodes(tree), self.forest.covers(tree));
        let mut distinct = 0;
        let mut stack = vec![(0_usize, true)];
        while let Some((index, enter)) = stack.pop() {
            let Place { parent, .. } = self.nodes[index];
            if let Some(above) = nodes.get(parent as usize) {
                let Place { earlier, .. } = self.nodes[parent as usize];
                self.last[above.feature()] = if enter { index as u32 } else { earlier };
                match (earlier == NONE, enter) {
                    (true, true) => distinct += 1,
                    (true, false) => distinct -= 1,
                    _ => {}
                }
                self.nodes[index].share = ratio(covers[index], covers[parent as usize]) * self.share(earlier);
            }
            if !enter {
                continue;
            }
            let earlier = self.last[nodes[index].feature()];
            self.nodes[index].earlier = earlier;
            if let Some(earlier) = self.nodes.get_mut(earlier as usize) {
                earlier.repeated = true;
            }
            self.distinct = self.distinct.max(distinct + usize::from(earlier == NONE));
            stack.push((index, false));
            let below = children(nodes[index].link).map(|(child, _)| child);
            stack.extend(
                below.into_iter().filter(|&child| !nodes[child].is_leaf()).map(|child| (child, true)),
            );
        }
    }

    /// The share of an edge's feature; of no edge, all.
    fn share(&self, node: u32) -> f32 {
        self.nodes.get(node as usize).map_or(1.0, |place| place.share)
    }

    fn slot(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(0, |place| place.slot)
    }

    /// Appends steps and splits: small subtrees as a whole, what is above them split by split.
    fn arrange(&mut self, tree: &Tree, group: usize) {
        enum Visit {
            Enter(usize),
            Leave(usize),
        }
        let nodes = self.forest.nodes(tree);
        let mut stack = vec![Visit::Enter(0)];
        let mut subtree = Vec::new();
        while let Some(visit) = stack.pop() {
            let root = match visit {
                Visit::Enter(root) => root,
                Visit::Leave(split) => {
                    self.steps.push(Step { splits: split..split + 1, down: false, up: true });
                    continue;
                }
            };
            let whole = self.nodes[root].splits <= TOGETHER;
            let (first, slot) = (self.splits.len(), self.slot(self.nodes[root].parent) + 1);
            subtree.clear();
            subtree.push(root);
            let mut at = 0;
            while let Some(&index) = subtree.get(at) {
                self.nodes[index].slot = slot + at as u32;
                let split = self.split(tree, index, group);
                self.splits.push(split);
                let below = children(nodes[index].link).map(|(child, _)| child);
                let below = below.into_iter().filter(|&child| !nodes[child].is_leaf());
                if whole {
                    subtree.extend(below);
                } else {
                    stack.push(Visit::Leave(first));
                    stack.extend(below.map(Visit::Enter));
                }
                at += 1;
            }
            self.slots = self.slots.max(slot as usize + at);
            self.steps.push(Step { splits: first..self.splits.len(), down: true, up: whole });
        }
    }

    fn split(&mut self, tree: &Tree, index: usize, group: usize) -> Split {
        let (nodes, covers) = (self.forest.nodes(tree), self.forest.covers(tree));
        let (node, place) = (&nodes[index], self.nodes[index]);
        let player = &mut self.players[node.feature()];
        if *player == NONE {
            *player = self.used.len() as u32;
            self.used.push(node.feature() as u32);
        }
        let player = *player;
        let (mut leaves, mut shared) = ([0.0; 2], 0.0);
        for (child, left) in children(node.link) {
            if nodes[child].is_leaf() {
                let output = self.forest.output(tree, &nodes[child], group);
                leaves[usize::from(left)] = output;
                shared += output * ratio(covers[child], covers[index]) * self.share(place.earlier);
            }
        }
        let above = self.nodes.get(place.parent as usize).map_or(NONE, |parent| parent.earlier);
        Split {
            slot: place.slot,
            parent: self.slot(place.parent),
            above: self.slot(above),
            earlier: self.slot(place.earlier),
            player,
            node: index as u32,
            threshold: node.value,
            share: place.share.max(NO_SHARE),
            leaves,
            shared,
            left: place.left,
            default_left: node.default_left(),
            categorical: node.is_categorical(),
            repeated: place.repeated,
        }
    }
}

/// The children of a split, and whether each is the left one.
pub(super) fn children(link: u32) -> [(usize, bool); 2] {
    [(link as usize, false), (link as usize + 1, true)]
}

/// The share of a node's cover that a child has. Without cover, as a refreshed tree may have it, the children share
/// evenly; a child without any keeps a trace (as 3.4 does: dmlc/xgboost `interpretability/quadrature.h`).
pub(super) fn ratio(child: f32, parent: f32) -> f32 {
    const LEAST: f32 = 1e-12;
    if parent > 0.0 { (child / parent).max(LEAST) } else { 0.5 }
}
