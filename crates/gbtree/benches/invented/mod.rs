//! A model and rows that need no training.

use std::fmt::Write as _;

pub(crate) const FEATURES: usize = 18;
const TREES: usize = 300;
const DEPTH: u32 = 5;

/// A linear congruence: the same model and rows in every run.
pub(crate) struct Numbers(pub(crate) u32);

impl Numbers {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

/// 300 complete trees of depth 5 over 18 features, as JSON.
pub(crate) fn model() -> Vec<u8> {
    let mut numbers = Numbers(1);
    let splits = (1_usize << DEPTH) - 1;
    let nodes = 2 * splits + 1;
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(",");
    let children = |side: usize| {
        list(
            &mut (0..nodes)
                .map(|node| if node < splits { (2 * node + side).to_string() } else { "-1".to_owned() }),
        )
    };
    let (left, right) = (children(1), children(2));
    let mut trees = String::new();
    for tree in 0..TREES {
        let features =
            list(&mut (0..nodes).map(|_| ((numbers.next() * FEATURES as f32).floor()).to_string()));
        // As many distinct thresholds as training with 256 bins leaves.
        let conditions =
            list(&mut (0..nodes).map(|_| format!("{:?}", (numbers.next() * 250.0).floor() / 250.0)));
        let covers = list(
            &mut (0..nodes).map(|node| format!("{:?}", 64.0 / ((node + 1) as f32).log2().floor().exp2())),
        );
        let defaults = list(&mut (0..nodes).map(|node| (node % 2).to_string()));
        let comma = if tree == 0 { "" } else { "," };
        let _ = write!(
            trees,
            r#"{comma}{{"tree_param":{{"size_leaf_vector":"1"}},"left_children":[{left}],"right_children":[{right}],
            "split_indices":[{features}],"split_conditions":[{conditions}],"default_left":[{defaults}],
            "sum_hessian":[{covers}]}}"#
        );
    }
    let groups = list(&mut (0..TREES).map(|_| "0".to_owned()));
    format!(
        r#"{{"version":[3,2,0],"learner":{{"learner_model_param":{{"base_score":"5E-1","num_feature":"{FEATURES}"}},
        "objective":{{"name":"binary:logistic"}},"gradient_booster":{{"name":"gbtree","model":{{
        "gbtree_model_param":{{"num_trees":"{TREES}","num_parallel_tree":"1"}},"tree_info":[{groups}],"trees":[{trees}]}}}}}}}}"#
    )
    .into_bytes()
}
