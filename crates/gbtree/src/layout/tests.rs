//! Every layout gives the sums of a plain walk, bit for bit, on forests of every shape.

use super::Layout;
use crate::Rows;
use crate::forest::{Forest, ForestBuilder, RawTree};
use crate::load::Budget;

/// A linear congruence: the same forests and rows in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// Numbers that comparisons may trip over, else one of a grid.
    fn value(&mut self, grid: usize) -> f32 {
        const ODD: [f32; 9] = [
            0.0,
            -0.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MIN_POSITIVE,
            1e-45,
            -1e-45,
            f32::MAX,
            f32::MIN,
        ];
        if self.below(12) == 0 { ODD[self.below(9)] } else { self.below(grid) as f32 / 16.0 - 4.0 }
    }
}

/// What a forest is made of.
#[derive(Debug, Clone, Copy)]
struct Recipe {
    features: usize,
    trees: usize,
    depth: usize,
    /// Of a hundred nodes, those that are leaves before the last level.
    early: usize,
    groups: usize,
    /// Distinct thresholds.
    grid: usize,
    /// Categories of every third feature; 0 for none.
    categories: usize,
    leaf_width: usize,
    unseen_is_missing: bool,
}

const PLAIN: Recipe = Recipe {
    features: 7,
    trees: 31,
    depth: 5,
    early: 0,
    groups: 1,
    grid: 100,
    categories: 0,
    leaf_width: 1,
    unseen_is_missing: false,
};

fn int<T: TryFrom<usize, Error: std::fmt::Debug>>(number: usize) -> T {
    T::try_from(number).unwrap()
}

fn is_category(recipe: &Recipe, feature: usize) -> bool {
    recipe.categories > 0 && feature.is_multiple_of(3)
}

fn tree(recipe: &Recipe, numbers: &mut Numbers) -> RawTree {
    let mut raw = RawTree::default();
    let mut open = vec![(0_usize, numbers.below(recipe.depth + 1).max(recipe.depth / 2))];
    let push = |raw: &mut RawTree| {
        raw.left.push(-1);
        raw.right.push(-1);
        raw.feature.push(0);
        raw.value.push(0.0);
        raw.default_left.push(0);
        raw.cover.push(1.0);
        raw.split_type.push(0);
        raw.vectors.resize(raw.left.len() * recipe.leaf_width, 0.0);
    };
    push(&mut raw);
    while let Some((at, levels)) = open.pop() {
        if levels == 0 || numbers.below(100) < recipe.early {
            raw.value[at] = numbers.below(10_000) as f32 / 7919.0 - 0.5;
            for vector in &mut raw.vectors[at * recipe.leaf_width..][..recipe.leaf_width] {
                *vector = numbers.below(10_000) as f32 / 7919.0 - 0.5;
            }
            continue;
        }
        let feature = numbers.below(recipe.features);
        raw.feature[at] = int(feature);
        raw.default_left[at] = numbers.below(2) as u8;
        if is_category(recipe, feature) {
            raw.split_type[at] = 1;
            raw.category_nodes.push(int(at));
            let start = raw.categories.len();
            raw.category_starts.push(int(start));
            let members = 1 + numbers.below(recipe.categories);
            let first = numbers.below(recipe.categories);
            let members = (0..members).map(|member| int::<i32>((first + member * 3) % recipe.categories));
            raw.categories.extend(members);
            raw.category_sizes.push(int(raw.categories.len() - start));
        } else {
            raw.value[at] = if numbers.below(40) == 0 { f32::NAN } else { numbers.value(recipe.grid) };
        }
        let next = raw.left.len();
        (raw.left[at], raw.right[at]) = (int(next), int(next + 1));
        push(&mut raw);
        push(&mut raw);
        open.push((next, levels - 1));
        open.push((next + 1, levels - 1));
    }
    if recipe.leaf_width == 1 {
        raw.vectors.clear();
    }
    raw
}

fn forest(recipe: &Recipe, numbers: &mut Numbers) -> Forest {
    let mut builder = ForestBuilder::new(recipe.features, recipe.groups, recipe.leaf_width);
    let mut budget = Budget::new(1 << 30);
    for index in 0..recipe.trees {
        let raw = tree(recipe, numbers);
        let group = if recipe.leaf_width > 1 { 0 } else { index % recipe.groups };
        builder.push(&raw, group, if index % 5 == 0 { 0.75 } else { 1.0 }, &mut budget).unwrap();
    }
    let mut forest = builder.finish();
    forest.unseen_is_missing = recipe.unseen_is_missing;
    forest
}

fn rows(recipe: &Recipe, count: usize, numbers: &mut Numbers) -> Vec<f32> {
    let values = (0..count * recipe.features).map(|index| match numbers.below(5) {
        0 => f32::NAN,
        1 => numbers.value(recipe.grid),
        _ if is_category(recipe, index % recipe.features) => numbers.below(recipe.categories + 40) as f32,
        _ => numbers.value(recipe.grid) + numbers.below(3) as f32 / 64.0,
    });
    values.collect()
}

/// The sums of a plain walk.
fn expected(forest: &Forest, recipe: &Recipe, rows: &[f32]) -> Vec<u32> {
    let mut sums = Vec::new();
    for row in rows.chunks_exact(recipe.features) {
        let mut out = vec![0.25; recipe.groups];
        for tree in &forest.trees {
            let nodes = forest.nodes(tree);
            let mut node = &nodes[0];
            while !node.is_leaf() {
                node = &nodes[node.link as usize + usize::from(forest.goes_left(node, row[node.feature()]))];
            }
            if recipe.leaf_width > 1 {
                for (group, out) in out.iter_mut().enumerate() {
                    *out += forest.output(tree, node, group);
                }
            } else {
                out[tree.group] += forest.output(tree, node, 0);
            }
        }
        sums.extend(out.into_iter().map(f32::to_bits));
    }
    sums
}

/// Whole batches and every size of a last block, in either order of values.
fn check(recipe: Recipe, seed: u64) {
    let numbers = &mut Numbers(seed);
    let forest = forest(&recipe, numbers);
    let rows = rows(&recipe, 611, numbers);
    let expected = expected(&forest, &recipe, &rows);
    let layouts = [
        Layout::new(&forest, recipe.features, recipe.groups),
        Layout::of_numbers(&forest, recipe.features, recipe.groups),
    ];
    for (layout, name) in layouts.iter().zip(["the processor's", "the plain"]) {
        let sums = |rows: Rows, count: usize| {
            let mut out = vec![0.0; count * recipe.groups];
            layout.margins(&rows, count, &vec![0.25; recipe.groups], &mut out);
            out.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        for count in [1, 2, 5, 6, 7, 12, 13, 31, 32, 33, 47, 63, 64, 65, 545, 611] {
            let rows = &rows[..count * recipe.features];
            let expected = &expected[..count * recipe.groups];
            assert!(sums(Rows::row_major(rows), count) == expected, "{name}: {count} rows of {recipe:?}");
            let columns: Vec<f32> = (0..recipe.features)
                .flat_map(|feature| rows.iter().skip(feature).step_by(recipe.features).copied())
                .collect();
            assert!(
                sums(Rows::column_major(&columns), count) == expected,
                "{name}: {count} columns of {recipe:?}"
            );
        }
    }
}

#[test]
fn trees_of_every_depth() {
    for depth in 0..=12 {
        for early in [0, 10, 40] {
            let early = if depth > 8 { early.max(10) } else { early };
            check(Recipe { depth, early, ..PLAIN }, depth as u64 * 3 + early as u64);
        }
    }
}

#[test]
fn several_outputs() {
    for depth in [3, 6, 8, 10] {
        check(Recipe { depth, early: 10, groups: 3, ..PLAIN }, 1);
        check(Recipe { depth, early: 10, groups: 3, leaf_width: 3, ..PLAIN }, 2);
    }
}

#[test]
fn more_features_and_thresholds_than_a_byte_tells() {
    for depth in [5, 7, 10] {
        check(Recipe { depth, early: 5, features: 2, trees: 90, grid: 3000, ..PLAIN }, 3);
        check(Recipe { depth, early: 5, features: 300, ..PLAIN }, 4);
        check(Recipe { depth, early: 5, features: 20, ..PLAIN }, 5);
    }
}

#[test]
fn more_questions_than_columns() {
    check(Recipe { depth: 6, features: 5000, trees: 200, ..PLAIN }, 6);
}

#[test]
fn few_thresholds() {
    check(Recipe { grid: 2, ..PLAIN }, 7);
    check(Recipe { features: 1, grid: 15, ..PLAIN }, 8);
}

#[test]
fn categories() {
    for (depth, early) in [(1, 0), (4, 5), (6, 5), (8, 10), (11, 15)] {
        for categories in [2, 32, 60, 120, 130, 500] {
            for unseen_is_missing in [false, true] {
                let recipe = Recipe { depth, early, categories, unseen_is_missing, ..PLAIN };
                check(recipe, categories as u64);
            }
        }
    }
}
