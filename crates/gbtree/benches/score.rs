//! Our own code over time: `cargo bench -p gbtree --bench score`. For peers see `peers.py`.

mod invented;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gbtree::Model;
use invented::{FEATURES, Numbers, model};

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
