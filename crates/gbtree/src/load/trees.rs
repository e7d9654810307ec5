//! The tree arrays of a JSON or UBJSON model.

use super::budget::Budget;
use super::learner::{Booster, Header};
use super::value::At;
use super::{json, ubjson};
use crate::forest::{Forest, ForestBuilder, LeafRows, RawTree, TreeFault};
use crate::{Format, LoadError};

/// Reads `gradient_booster.model` and, for dart, the weight of each tree.
pub(super) fn read(
    model: At,
    weights: Option<At>,
    header: &Header,
    budget: &mut Budget,
) -> Result<Booster, LoadError> {
    let params = model.get("gbtree_model_param")?;
    let list = model.get("trees")?;
    let trees = list.deferred()?;
    let declared: usize = params.get("num_trees")?.param()?;
    if declared != trees.len() {
        return Err(list.fault(format!("{} trees, {declared} declared", trees.len())));
    }
    let mut groups = Vec::<u32>::new();
    let tree_info = model.get("tree_info")?;
    tree_info.ints(&mut groups)?;
    if groups.len() != trees.len() {
        return Err(tree_info.fault(format!("{} elements for {} trees", groups.len(), trees.len())));
    }
    let mut tree_weights = Vec::new();
    if let Some(weights) = weights {
        weights.f32s(&mut tree_weights)?;
        if tree_weights.len() != trees.len() {
            return Err(weights.fault(format!("{} elements for {} trees", tree_weights.len(), trees.len())));
        }
    }

    let mut forest = None;
    let mut raw = RawTree::default();
    for (index, &deferred) in trees.iter().enumerate() {
        let left = budget.left();
        let document = match list.format() {
            Format::Ubjson => ubjson::parse_deferred(deferred, budget)?,
            _ => json::parse_deferred(deferred, budget)?,
        };
        let tree = list.element(index, &document);
        let width = leaf_width(tree)?;
        let (forest, leaf_width) = forest
            .get_or_insert_with(|| (ForestBuilder::new(header.num_features, header.groups, width), width));
        if width != *leaf_width {
            return Err(tree.fault(format!("leaves of {width} numbers, in others {leaf_width}")));
        }
        if width > 1 && width != header.groups {
            let what = format!("leaves of {width} numbers in a model of {} outputs", header.groups);
            return Err(tree.fault(what));
        }
        fill(&mut raw, tree, width)?;
        let fault = |fault| match fault {
            TreeFault::Node(node, what) => tree.fault(format!("node {node}: {what}")),
            TreeFault::Field(name, what) => tree.fault(format!("{name}: {what}")),
            TreeFault::Limit(error) => error,
        };
        budget.refund_to(left);
        let weight = tree_weights.get(index).copied().unwrap_or(1.0);
        forest.push(&raw, groups[index] as usize, weight, budget).map_err(fault)?;
    }
    let forest = forest.map_or_else(Forest::empty, |(forest, _)| forest.finish());
    let iterations = match model.find("iteration_indptr") {
        None => None,
        Some(at) => {
            let mut bounds = Vec::new();
            at.ints::<usize>(&mut bounds)?;
            Some(bounds)
        }
    };
    Ok(Booster::Trees {
        forest,
        dart: weights.is_some(),
        parallel_trees: params.find("num_parallel_tree").map_or(Ok(0), |at| at.param())?,
        iterations,
    })
}

fn leaf_width(tree: At) -> Result<usize, LoadError> {
    let params = tree.get("tree_param")?;
    let width: usize = params.find("size_leaf_vector").map_or(Ok(1), |at| at.param())?;
    Ok(width.max(1))
}

fn fill(raw: &mut RawTree, tree: At, width: usize) -> Result<(), LoadError> {
    tree.get("left_children")?.ints(&mut raw.left)?;
    tree.get("right_children")?.ints(&mut raw.right)?;
    tree.get("split_indices")?.ints(&mut raw.feature)?;
    tree.get("split_conditions")?.f32s(&mut raw.value)?;
    tree.get("default_left")?.ints(&mut raw.default_left)?;
    match tree.find("sum_hessian") {
        Some(cover) => cover.f32s(&mut raw.cover)?,
        // Trees with vector leaves have none up to 3.1; only contributions need it.
        None if width > 1 => {
            raw.cover.clear();
            raw.cover.resize(raw.left.len(), 0.0);
        }
        None => return Err(tree.fault("the field \"sum_hessian\" is missing")),
    }
    if let Some(types) = tree.find("split_type") {
        types.ints(&mut raw.split_type)?;
    } else {
        raw.split_type.clear();
        raw.split_type.resize(raw.left.len(), 0);
    }
    if raw.split_type.contains(&1) {
        tree.get("categories")?.ints(&mut raw.categories)?;
        tree.get("categories_nodes")?.ints(&mut raw.category_nodes)?;
        tree.get("categories_segments")?.ints(&mut raw.category_starts)?;
        tree.get("categories_sizes")?.ints(&mut raw.category_sizes)?;
    }
    raw.vectors.clear();
    if width > 1 {
        let rows = if let Some(leaves) = tree.find("leaf_weights") {
            raw.leaf_rows = LeafRows::RightChild;
            leaves
        } else {
            raw.leaf_rows = LeafRows::Node;
            tree.get("base_weights")?
        };
        rows.f32s(&mut raw.vectors)?;
    }
    Ok(())
}
