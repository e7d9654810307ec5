//! Whatever loads also evaluates: every output, every slice, also of no rows, without a panic, single rows equal to the batch.
#![no_main]

use gbtree::{Limits, Model, Rows};
use libfuzzer_sys::fuzz_target;

const ROWS: usize = 19;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new().decoded(16 << 20);
    let Ok(model) = Model::from_bytes_with(bytes, &limits) else { return };
    let none: &[f32] = &[];
    model.predict(none, &mut []).expect("no rows");
    model.margin(none, &mut []).expect("no rows");
    let _ = model.leaves(none, &mut []);
    let _ = model.contributions(none, &mut []);
    let _ = model.interactions(none, &mut []);
    let features = model.num_features();
    if features > 64 || model.num_margins() > 16 {
        return;
    }
    let values = [f32::NAN, 0.0, -0.0, 1.0, -1.5, 3.0, f32::INFINITY, f32::NEG_INFINITY, 1e9, 0.25, 31.0];
    let rows: Vec<f32> = (0..ROWS * features).map(|i| values[(i * 7 + i / 5) % values.len()]).collect();
    let mut batch = vec![0.0; ROWS * model.num_outputs()];
    model.predict(&rows, &mut batch).expect("a batch that fits");
    for (index, expected) in batch.chunks(model.num_outputs()).enumerate() {
        let mut single = vec![0.0; model.num_outputs()];
        if features > 0 {
            model.predict(&rows[index * features..][..features], &mut single).expect("a row that fits");
            let bits = |scores: &[f32]| scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
            assert!(bits(&single) == bits(expected) || expected.iter().any(|score| score.is_nan()));
        }
    }
    let mut margins = vec![0.0; ROWS * model.num_margins()];
    let _ = model.margin(Rows::column_major(&rows), &mut margins);
    let mut leaves = vec![0; ROWS * model.num_trees()];
    let _ = model.leaves(&rows, &mut leaves);
    let mut shares = vec![0.0; ROWS * model.num_contributions()];
    let _ = model.contributions(&rows, &mut shares);
    if features <= 8 {
        let mut pairs = vec![0.0; ROWS * model.num_interactions()];
        let _ = model.interactions(&rows, &mut pairs);
    }
    if let Ok(first) = model.slice(0..1) {
        first.predict(&rows, &mut batch).expect("a slice");
    }
});
