//! Contributions beside the definition they follow: the mean, over all orders of the features, of what a feature adds to the
//! expected output when it becomes known.

use std::fmt::Write as _;

use gbtree::{Model, Rows};

const FEATURES: usize = 6;
const ROWS: usize = 19;

/// A linear congruence: the same trees in every run.
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % bound
    }

    fn value(&mut self) -> f32 {
        self.below(64) as f32 / 8.0 - 4.0
    }
}

#[derive(Default)]
struct Node {
    /// Right and left; none of a leaf.
    children: Option<[usize; 2]>,
    feature: usize,
    value: f32,
    default_left: bool,
    cover: f32,
}

/// Splits one leaf after the other: any of them, or always the last, which makes a chain.
fn grow(numbers: &mut Numbers, splits: usize, chain: bool) -> Vec<Node> {
    let mut tree = vec![Node { cover: 4096.0, value: numbers.value(), ..Node::default() }];
    let mut leaves = vec![0];
    for _ in 0..splits {
        let at = if chain { leaves.len() - 1 } else { numbers.below(leaves.len()) };
        let index = leaves.swap_remove(at);
        // A chain goes on where most of the cover is, which therefore lasts.
        let share = if chain { 0.125 } else { (1 + numbers.below(7)) as f32 / 8.0 };
        let first = tree.len();
        let node = &mut tree[index];
        let cover = node.cover;
        (node.feature, node.value) = (numbers.below(FEATURES), numbers.value());
        node.default_left = numbers.below(2) == 0;
        node.children = Some([first, first + 1]);
        for cover in [cover * share, cover * (1.0 - share)] {
            leaves.push(tree.len());
            tree.push(Node { cover, value: numbers.value() / 8.0, ..Node::default() });
        }
    }
    tree
}

/// The expected output of a row of which only some features are known.
fn expected(tree: &[Node], index: usize, row: &[f32], known: usize) -> f64 {
    let node = &tree[index];
    let Some(children) = node.children else { return f64::from(node.value) };
    let below = |side: usize| expected(tree, children[side], row, known);
    if known >> node.feature & 1 == 1 {
        let value = row[node.feature];
        let left = if value.is_nan() { node.default_left } else { value < node.value };
        return below(usize::from(left));
    }
    let share = |side: usize| f64::from(tree[children[side]].cover / node.cover);
    share(0) * below(0) + share(1) * below(1)
}

fn shapley(trees: &[Vec<Node>], row: &[f32]) -> Vec<f64> {
    let outputs: Vec<f64> = (0..1 << FEATURES)
        .map(|known| trees.iter().map(|tree| expected(tree, 0, row, known)).sum())
        .collect();
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    let mut shares: Vec<f64> = (0..FEATURES)
        .map(|feature| {
            let without = (0..1_usize << FEATURES).filter(|known| known >> feature & 1 == 0);
            without
                .map(|known| {
                    let before = known.count_ones() as usize;
                    let orders = factorial(before) * factorial(FEATURES - before - 1) / factorial(FEATURES);
                    orders * (outputs[known | 1 << feature] - outputs[known])
                })
                .sum()
        })
        .collect();
    shares.push(outputs[0]);
    shares
}

fn model(trees: &[Vec<Node>]) -> Model {
    let mut listed = String::new();
    for tree in trees {
        let list = |of: &dyn Fn(&Node) -> String| tree.iter().map(of).collect::<Vec<_>>().join(",");
        let child = |side: usize| {
            list(&move |node| node.children.map_or("-1".to_owned(), |children| children[side].to_string()))
        };
        let comma = if listed.is_empty() { "" } else { "," };
        let _ = write!(
            listed,
            r#"{comma}{{"tree_param":{{"size_leaf_vector":"1"}},"left_children":[{}],"right_children":[{}],"split_indices":[{}],
            "split_conditions":[{}],"default_left":[{}],"sum_hessian":[{}]}}"#,
            child(1),
            child(0),
            list(&|node| node.feature.to_string()),
            list(&|node| format!("{:?}", node.value)),
            list(&|node| u8::from(node.default_left).to_string()),
            list(&|node| format!("{:?}", node.cover)),
        );
    }
    let (count, groups) = (trees.len(), vec!["0"; trees.len()].join(","));
    let text = format!(
        r#"{{"version":[3,2,0],"learner":{{"learner_model_param":{{"base_score":"0","num_feature":"{FEATURES}"}},
        "objective":{{"name":"reg:squarederror"}},"gradient_booster":{{"name":"gbtree","model":{{
        "gbtree_model_param":{{"num_trees":"{count}","num_parallel_tree":"1"}},"tree_info":[{groups}],"trees":[{listed}]}}}}}}}}"#
    );
    Model::from_bytes(text.as_bytes()).unwrap()
}

#[test]
fn contributions_are_the_mean_over_all_orders() {
    let mut numbers = Numbers(7);
    for (splits, chain) in
        [(1, false), (7, false), (40, true), (63, false), (64, false), (65, false), (300, false), (150, true)]
    {
        let trees: Vec<_> = (0..3).map(|_| grow(&mut numbers, splits, chain)).collect();
        let model = model(&trees);
        let rows: Vec<f32> = (0..ROWS * FEATURES)
            .map(|_| if numbers.below(8) == 0 { f32::NAN } else { numbers.value() })
            .collect();
        let found = model.contributions_vec(&rows).unwrap();
        for (row, found) in rows.chunks(FEATURES).zip(found.chunks(FEATURES + 1)) {
            for (found, wanted) in found.iter().zip(shapley(&trees, row)) {
                assert!((f64::from(*found) - wanted).abs() < 2e-6, "{splits} splits: {found} for {wanted}");
            }
        }
    }
}

#[test]
fn a_row_has_the_same_contributions_alone_and_among_others() {
    let mut numbers = Numbers(8);
    let trees: Vec<_> =
        [20, 200, 90].into_iter().map(|splits| grow(&mut numbers, splits, splits == 90)).collect();
    let model = model(&trees);
    let rows: Vec<f32> = (0..ROWS * FEATURES).map(|_| numbers.value()).collect();
    let bits = |shares: Vec<f32>| shares.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let all = bits(model.contributions_vec(&rows).unwrap());
    for count in [1, 2, 7, 8, 9] {
        let parts =
            rows.chunks(count * FEATURES).flat_map(|rows| bits(model.contributions_vec(rows).unwrap()));
        assert_eq!(parts.collect::<Vec<_>>(), all, "{count} at once");
    }
    let columns: Vec<f32> =
        (0..FEATURES).flat_map(|feature| rows.iter().skip(feature).step_by(FEATURES).copied()).collect();
    assert_eq!(bits(model.contributions_vec(Rows::column_major(&columns)).unwrap()), all);
}
