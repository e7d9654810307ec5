//! Sparse rows, models of more features than trees ask for, and margins to start from.

use std::num::NonZeroUsize;

use crate::archive::cases;
use gbtree::{Model, PredictError, Rows};

const STUMP: &str = include_str!("../stump.json");

/// Rows with gaps, and the same as compressed sparse rows, each row's features in descending order.
fn rows(count: usize, features: usize) -> (Vec<f32>, Vec<usize>, Vec<u32>, Vec<f32>) {
    let mut state = 99_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut dense = vec![f32::NAN; count * features];
    let (mut starts, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in 0..count {
        for feature in (0..features).rev() {
            if next() % 3 > 0 {
                let value = (next() % 64) as f32 / 8.0 - 4.0;
                dense[row * features + feature] = value;
                places.push(feature as u32);
                values.push(value);
            }
        }
        starts.push(values.len());
    }
    (dense, starts, places, values)
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn sparse_rows_equal_dense_ones() {
    let mut compared = 0;
    for case in
        cases().into_iter().filter(|case| case.name.starts_with("2.1.4/") && case.name.ends_with("ubj"))
    {
        let model = Model::from_bytes(&case.model).unwrap();
        let (dense, starts, features, values) = rows(70, model.num_features());
        let sparse = Rows::sparse(&starts, &features, &values);
        assert_eq!(bits(&model.predict_vec(sparse).unwrap()), bits(&model.predict_vec(&dense).unwrap()));
        if let Ok(leaves) = model.leaves_vec(&dense) {
            assert_eq!(model.leaves_vec(sparse).unwrap(), leaves, "{}", case.name);
        }
        if let Ok(shares) = model.contributions_vec(&dense) {
            assert_eq!(bits(&model.contributions_vec(sparse).unwrap()), bits(&shares), "{}", case.name);
        }
        compared += 1;
    }
    assert!(compared > 20, "only {compared}");
}

/// The stump's two features as two of many.
fn wide(features: usize) -> Model {
    let (from, to) = ("\"split_indices\":[1,0,0]", format!("\"split_indices\":[{},0,0]", features - 2));
    let text = STUMP.replacen("\"num_feature\":\"2\"", &format!("\"num_feature\":\"{features}\""), 1);
    let text = text.replacen(from, &to, 1).replacen("[\"a\",\"b\"]", "[]", 1).replacen(
        "[\"float\",\"float\"]",
        "[]",
        1,
    );
    assert!(text.contains(&to), "the stump's split");
    Model::from_bytes(text.as_bytes()).unwrap()
}

#[test]
fn a_wide_model_takes_any_rows() {
    let features = 5000;
    let model = wide(features);
    let mut dense = vec![f32::NAN; 3 * features];
    dense[features - 2] = 2.4;
    dense[2 * features - 2] = 2.6;
    let columns: Vec<f32> =
        (0..features).flat_map(|feature| [0, 1, 2].map(|row| dense[row * features + feature])).collect();
    let at = (features - 2) as u32;
    let (starts, places, values) = ([0, 1, 2, 3], [at, at, 0], [2.4, 2.6, 7.0]);
    let sparse = Rows::sparse(&starts, &places, &values);
    for rows in [Rows::row_major(&dense), Rows::column_major(&columns), sparse] {
        assert_eq!(model.margin_vec(rows).unwrap(), [-1.0, 1.0, -1.0]);
        assert_eq!(model.leaves_vec(rows).unwrap(), [1, 2, 1]);
        let shares = model.contributions_vec(rows).unwrap();
        assert_eq!(shares.len(), 3 * (features + 1));
        assert_eq!(shares.iter().filter(|share| **share != 0.0).count(), 6);
        assert_eq!((shares[features - 2], shares[features]), (-1.5, 0.5));
    }
    let pairs = model.interactions_vec(Rows::sparse(&starts[..2], &places[..1], &values[..1])).unwrap();
    assert_eq!(pairs[(features - 2) * (features + 1) + features - 2], -1.5);
    assert_eq!(pairs[features * (features + 1) + features], 0.5);
}

#[test]
fn a_wide_model_may_ask_for_no_feature() {
    let features = 5000;
    let mut text = STUMP.replace("\"num_feature\":\"2\"", &format!("\"num_feature\":\"{features}\""));
    for (from, to) in [
        ("[\"a\",\"b\"]", "[]"),
        ("[\"float\",\"float\"]", "[]"),
        ("\"num_nodes\":\"3\"", "\"num_nodes\":\"1\""),
        ("[1,-1,-1]", "[-1]"),
        ("[2,-1,-1]", "[-1]"),
        ("[1,0,0]", "[0]"),
        ("[2.5,-1,1]", "[2.5]"),
        ("[4,1,3]", "[4]"),
        ("[0,0,0]", "[0]"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let model = Model::from_bytes(text.as_bytes()).unwrap();
    for count in [1, 20, 50] {
        let dense = vec![1.0; count * features];
        let starts = vec![0; count + 1];
        for rows in [Rows::row_major(&dense), Rows::column_major(&dense), Rows::sparse(&starts, &[], &[])] {
            assert_eq!(model.margin_vec(rows).unwrap(), vec![2.5; count]);
            let shares = model.contributions_vec(rows).unwrap();
            for shares in shares.chunks_exact(features + 1) {
                assert_eq!((shares.iter().sum::<f32>(), shares[features]), (2.5, 2.5));
            }
        }
    }
}

#[test]
fn a_million_hashed_features_cost_what_is_listed() {
    let model = wide(1 << 20);
    let count = 1100;
    let places: Vec<u32> = (0..count * 50).map(|at| (at as u32).wrapping_mul(2_654_435_761) >> 12).collect();
    let starts: Vec<usize> = (0..=count).map(|row| row * 50).collect();
    let values = vec![1.0; places.len()];
    let margins = model.margin_vec(Rows::sparse(&starts, &places, &values)).unwrap();
    assert_eq!(margins.len(), count);
    assert!(margins.iter().all(|margin| *margin == -1.0));
}

#[test]
fn sparse_rows_that_contradict_themselves_are_refused() {
    let model = Model::from_bytes(STUMP.as_bytes()).unwrap();
    let margin = |starts: &[usize], features: &[u32], values: &[f32]| {
        model.margin_vec(Rows::sparse(starts, features, values)).map_err(|error| error.to_string())
    };
    // A feature twice with one value is that value.
    assert_eq!(margin(&[0, 3], &[1, 0, 1], &[2.6, 9.0, 2.6]), Ok(vec![1.0]));
    assert_eq!(margin(&[0], &[], &[]), Ok(vec![]));
    assert_eq!(margin(&[], &[], &[]), Ok(vec![]));
    for (starts, features, values, expected) in [
        (
            &[0, 0, 2][..],
            &[1, 1][..],
            &[2.6, 2.7][..],
            "sparse row 1: it lists feature 1 twice, with two values",
        ),
        (&[0, 1], &[2], &[0.0], "sparse row 0: it lists feature 2, the model has 2"),
        (&[0, 2], &[0], &[0.0], "sparse row 0: it is 0..2 of 1 features and 1 values"),
        (&[1, 0], &[0], &[0.0], "sparse row 0: it is 1..0 of 1 features and 1 values"),
        (&[0, 1], &[0], &[], "sparse row 0: it is 0..1 of 1 features and 0 values"),
    ] {
        assert_eq!(margin(starts, features, values), Err(expected.to_owned()));
    }
}

#[test]
fn base_margins_take_the_base_scores_place() {
    let (mut compared, mut explained) = (0, 0);
    for case in
        cases().into_iter().filter(|case| case.name.starts_with("2.1.4/") && case.name.ends_with("ubj"))
    {
        let model = Model::from_bytes(&case.model).unwrap();
        let (dense, starts, features, values) = rows(40, model.num_features());
        let margins = model.margin_vec(&dense).unwrap();
        let zero = vec![0.0; margins.len()];
        let some: Vec<f32> = (0..margins.len()).map(|at| at as f32 / 4.0).collect();
        let from_zero = model.margin_vec(Rows::row_major(&dense).with_base_margin(&zero)).unwrap();
        let shifted = model.margin_vec(Rows::row_major(&dense).with_base_margin(&some)).unwrap();
        for ((shifted, zero), some) in shifted.iter().zip(&from_zero).zip(&some) {
            assert!((shifted - zero - some).abs() < 1e-4, "{}", case.name);
        }
        let sparse = Rows::sparse(&starts, &features, &values).with_base_margin(&some);
        assert_eq!(bits(&model.margin_vec(sparse).unwrap()), bits(&shifted), "{}", case.name);
        let mut threads = vec![0.0; shifted.len()];
        let parallel = model.parallel(NonZeroUsize::new(2).unwrap());
        parallel.margin(Rows::row_major(&dense).with_base_margin(&some), &mut threads).unwrap();
        assert_eq!(bits(&threads), bits(&shifted), "{}", case.name);
        if let Ok(shares) = model.contributions_vec(Rows::row_major(&dense).with_base_margin(&some)) {
            assert_eq!(bits(&model.contributions_vec(sparse).unwrap()), bits(&shares), "{}", case.name);
            for (shares, margin) in shares.chunks_exact(model.num_features() + 1).zip(&shifted) {
                let sum: f32 = shares.iter().sum();
                assert!(
                    (sum - margin).abs() <= 1e-5 * margin.abs().max(1.0),
                    "{}: {sum} {margin}",
                    case.name
                );
            }
            explained += 1;
        }
        compared += 1;
    }
    assert!(compared > 20 && explained > 15, "only {compared}, {explained}");
    let model = Model::from_bytes(STUMP.as_bytes()).unwrap();
    let short = Rows::row_major(&[1.0; 4]).with_base_margin(&[0.0]);
    let expected = PredictError::BaseMargin { len: 1, rows: 2, margins: 1 };
    assert_eq!(model.predict_vec(short), Err(expected));
}
