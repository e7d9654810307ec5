//! Our own code over time: `cargo bench -p gbtree --bench score`. For peers see `peers.py`.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gbtree::Model;

const FEATURES: usize = 18;
const TREES: usize = 300;
const DEPTH: u32 = 5;

/// A linear congruence: the same model and rows in every run.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

/// 300 complete trees of depth 5 over 18 features, as JSON.
fn model() -> Vec<u8> {
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
        let conditions = list(&mut (0..nodes).map(|_| format!("{:?}", numbers.next())));
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

fn score(criterion: &mut Criterion) {
    let bytes = model();
    let model = Model::from_bytes(&bytes).expect("a model");
    let mut numbers = Numbers(2);
    let rows: Vec<f32> = (0..1000 * FEATURES).map(|_| numbers.next()).collect();
    let missing: Vec<f32> = rows.iter().map(|value| if *value < 0.3 { f32::NAN } else { *value }).collect();
    let mut out = vec![0.0; 1000];
    let mut next = 0;
    criterion.bench_function("one row", |bench| {
        bench.iter(|| {
            next = (next + 1) % 1000;
            model.predict(black_box(&rows[next * FEATURES..][..FEATURES]), &mut out[..1])
        });
    });
    criterion.bench_function("1,000 rows", |bench| bench.iter(|| model.predict(black_box(&rows), &mut out)));
    criterion.bench_function("1,000 rows, 30 % missing", |bench| {
        bench.iter(|| model.predict(black_box(&missing), &mut out));
    });
    let mut shares = vec![0.0; model.num_contributions()];
    criterion.bench_function("contributions of one row", |bench| {
        bench.iter(|| model.contributions(black_box(&rows[..FEATURES]), &mut shares));
    });
    criterion.bench_function("load", |bench| bench.iter(|| Model::from_bytes(black_box(&bytes))));
}

criterion_group!(benches, score);
criterion_main!(benches);
