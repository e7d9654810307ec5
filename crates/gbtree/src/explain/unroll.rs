use std::collections::HashMap;

use super::{Edge, NONE};
use crate::forest::{Forest, Tree};

/// Appends the tree's edges for one output; gives its depth and the most distinct features on one path.
pub(super) fn unroll(
    forest: &Forest,
    tree: &Tree,
    group: usize,
    edges: &mut Vec<Edge>,
    seen: &mut HashMap<u32, u32>,
) -> (usize, usize) {
    enum Visit {
        Enter { node: u32, level: u32, feature: u32, left: bool, ratio: f32 },
        Leave { edge: usize },
    }
    let (nodes, covers) = (forest.nodes(tree), forest.covers(tree));
    let children = |at: u32, level: u32, stack: &mut Vec<Visit>| {
        let parent = &nodes[at as usize];
        for (node, left) in [(parent.link, false), (parent.link + 1, true)] {
            let ratio = ratio(covers[node as usize], covers[at as usize]);
            let feature = parent.feature() as u32;
            stack.push(Visit::Enter { node, level: level + 1, feature, left, ratio });
        }
    };
    let mut stack = Vec::new();
    if !nodes[0].is_leaf() {
        children(0, 0, &mut stack);
    }
    seen.clear();
    let (mut depth, mut distinct) = (0, 0);
    while let Some(visit) = stack.pop() {
        match visit {
            Visit::Enter { node, level, feature, left, ratio } => {
                let earlier = seen.insert(feature, level).unwrap_or(NONE);
                depth = depth.max(level as usize);
                distinct = distinct.max(seen.len());
                let to = &nodes[node as usize];
                let value = if to.is_leaf() { forest.output(tree, to, group) } else { 0.0 };
                stack.push(Visit::Leave { edge: edges.len() });
                let leaf = to.is_leaf();
                edges.push(Edge {
                    node,
                    level,
                    feature,
                    player: 0,
                    earlier,
                    ratio,
                    share: ratio,
                    left,
                    leaf,
                    size: 0,
                    value,
                });
                if !leaf {
                    children(node, level, &mut stack);
                }
            }
            Visit::Leave { edge } => {
                edges[edge].size = (edges.len() - edge) as u32;
                let Edge { feature, earlier, .. } = edges[edge];
                if earlier == NONE {
                    seen.remove(&feature);
                } else {
                    seen.insert(feature, earlier);
                }
            }
        }
    }
    (depth, distinct)
}

/// The share of a node's cover that a child has. Without cover, as a refreshed tree may have it, the children share
/// evenly; a child without any keeps a trace (as 3.4 does: dmlc/xgboost `interpretability/quadrature.h`).
fn ratio(child: f32, parent: f32) -> f32 {
    const LEAST: f32 = 1e-12;
    if parent > 0.0 { (child / parent).max(LEAST) } else { 0.5 }
}

/// Numbers the features that are used, gives them in order, and multiplies the shares along each path.
pub(super) fn complete(edges: &mut [Edge]) -> Vec<u32> {
    let mut used: Vec<u32> = edges.iter().map(|edge| edge.feature).collect();
    used.sort_unstable();
    used.dedup();
    let mut shares = vec![1.0];
    for edge in edges {
        edge.player = used.binary_search(&edge.feature).unwrap_or(0) as u32;
        if edge.earlier != NONE {
            edge.share = edge.ratio * shares[edge.earlier as usize];
        }
        shares.truncate(edge.level as usize);
        shares.push(edge.share);
    }
    used
}

/// The expected output: leaves weighted by the product of ratios on their path.
pub(super) fn mean(forest: &Forest, tree: &Tree, group: usize, edges: &[Edge]) -> f64 {
    if edges.is_empty() {
        return f64::from(forest.output(tree, &forest.nodes(tree)[0], group));
    }
    let mut shares = vec![1.0];
    let mut mean = 0.0;
    for edge in edges {
        shares.truncate(edge.level as usize);
        let share = shares[edge.level as usize - 1] * f64::from(edge.ratio);
        if edge.leaf {
            mean += share * f64::from(edge.value);
        }
        shares.push(share);
    }
    mean
}
