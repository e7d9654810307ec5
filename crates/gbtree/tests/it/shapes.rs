//! Calls with buffers that do not fit, and the smallest models.

#![allow(clippy::float_cmp, reason = "the stump's outputs are exact")]

use gbtree::{Booster, Model, PredictError, Version};

/// One split on feature 1 at 2.5, missing goes left.
const STUMP: &str = include_str!("../stump.json");

#[test]
fn a_stump_scores_both_sides_and_missing() {
    let model = Model::from_bytes(STUMP.as_bytes()).unwrap();
    let mut margins = [0.0; 4];
    model.margin(&[0.0, 2.4, 0.0, 2.5, 0.0, f32::NAN, f32::NAN, f32::INFINITY], &mut margins).unwrap();
    assert_eq!(margins, [-1.0, 1.0, -1.0, 1.0]);
    let mut score = [0.0];
    model.predict(&[0.0, 2.4], &mut score).unwrap();
    assert!((score[0] - 0.268_941_43).abs() < 1e-7);
}

#[test]
fn metadata_is_what_the_file_says() {
    let model = Model::from_bytes(STUMP.as_bytes()).unwrap();
    assert_eq!((model.num_features(), model.num_outputs(), model.num_margins()), (2, 1, 1));
    assert_eq!((model.num_trees(), model.num_iterations(), model.best_iteration()), (1, 1, Some(0)));
    assert_eq!(model.feature_names(), ["a", "b"]);
    assert_eq!(model.version(), Some(Version::new(2, 1, 4)));
    assert_eq!((model.objective(), model.booster()), ("binary:logistic", Booster::GbTree));
}

#[test]
fn buffers_that_do_not_fit_are_refused_and_left_alone() {
    let model = Model::from_bytes(STUMP.as_bytes()).unwrap();
    let mut out = [7.0; 2];
    assert_eq!(model.predict(&[1.0; 3], &mut out), Err(PredictError::Rows { len: 3, features: 2 }));
    assert_eq!(
        model.predict(&[1.0; 6], &mut out),
        Err(PredictError::Output { len: 2, rows: 3, expected: 3 })
    );
    assert_eq!(out, [7.0; 2]);
    assert!(matches!(model.slice(0..2), Err(PredictError::Iterations { begin: 0, end: 2, available: 1 })));
}

#[test]
fn a_model_is_shared_between_threads() {
    let model = Model::from_bytes(STUMP.as_bytes()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut shares = [0.0; 3];
                model.contributions(&[0.0, 2.4], &mut shares).unwrap();
                assert_eq!(shares, [0.0, -1.5, 0.5]);
            });
        }
    });
}
