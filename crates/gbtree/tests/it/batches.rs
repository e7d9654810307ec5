//! A row's numbers do not depend on the batch it comes in.

use std::num::NonZeroUsize;

use crate::archive::{Case, cases};
use gbtree::{Model, PredictError, Rows};

/// One model of every shape and booster.
fn models() -> impl Iterator<Item = (String, Model)> {
    let wanted = |case: &Case| case.name.starts_with("3.2.0/") && case.name.contains(".ubj");
    let cases = cases().into_iter().filter(wanted);
    cases.map(|case| (case.name, Model::from_bytes(&case.model).unwrap()))
}

/// Rows on a grid that hits thresholds, with missing values; a linear congruence makes them.
fn rows(count: usize, features: usize) -> Vec<f32> {
    let mut state = 12_345_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    (0..count * features)
        .map(|_| if next() % 8 == 0 { f32::NAN } else { (next() % 64) as f32 / 8.0 - 4.0 })
        .collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn margins<'r>(model: &Model, rows: impl Into<Rows<'r>>, count: usize) -> Vec<f32> {
    let mut out = vec![0.0; count * model.num_margins()];
    model.margin(rows, &mut out).unwrap();
    out
}

#[test]
fn single_rows_chunks_and_permutations_equal_the_batch() {
    for (name, model) in models() {
        let (features, width) = (model.num_features(), model.num_margins());
        let rows = rows(203, features);
        let batch = margins(&model, &rows, 203);
        for chunk in [1, 2, 7, 15, 16, 17, 64, 100] {
            let parts =
                rows.chunks(chunk * features).flat_map(|part| margins(&model, part, part.len() / features));
            assert_eq!(bits(&parts.collect::<Vec<_>>()), bits(&batch), "{name}, chunks of {chunk}");
        }
        let order: Vec<usize> = (0..203).map(|i| i * 89 % 203).collect();
        let shuffled: Vec<f32> =
            order.iter().flat_map(|&row| rows[row * features..][..features].to_vec()).collect();
        let shuffled = margins(&model, &shuffled, 203);
        for (place, row) in order.into_iter().enumerate() {
            assert_eq!(
                bits(&shuffled[place * width..][..width]),
                bits(&batch[row * width..][..width]),
                "{name}"
            );
        }
    }
}

#[test]
fn columns_and_threads_give_the_same_numbers() {
    for (name, model) in models() {
        let (features, count) = (model.num_features(), 1100);
        let rows = rows(count, features);
        let batch = margins(&model, &rows, count);
        let columns: Vec<f32> =
            (0..features).flat_map(|feature| rows.iter().skip(feature).step_by(features).copied()).collect();
        assert_eq!(bits(&margins(&model, Rows::column_major(&columns), count)), bits(&batch), "{name}");
        let parallel = model.parallel(NonZeroUsize::new(3).unwrap());
        for rows in [Rows::row_major(&rows), Rows::column_major(&columns)] {
            let mut out = vec![0.0; batch.len()];
            parallel.margin(rows, &mut out).unwrap();
            assert_eq!(bits(&out), bits(&batch), "{name}");
        }
    }
}

#[test]
fn contributions_sum_to_the_margin() {
    for (name, model) in models() {
        let features = model.num_features();
        let rows = rows(40, features);
        let margins = margins(&model, &rows, 40);
        let mut shares = vec![0.0; 40 * model.num_contributions()];
        match model.contributions(&rows, &mut shares) {
            Err(PredictError::Undefined(_)) => assert!(name.contains("vector"), "{name}"),
            other => {
                other.unwrap();
                for (shares, margin) in shares.chunks(features + 1).zip(&margins) {
                    let sum: f32 = shares.iter().sum();
                    assert!(
                        (sum - margin).abs() <= 1e-5 * margin.abs().max(1.0),
                        "{name}: {sum} for {margin}"
                    );
                }
            }
        }
    }
}

#[test]
fn strings_and_integers_have_the_codes_of_training() {
    let (_, model) = models().find(|(name, _)| name.contains("strings")).unwrap();
    let text = model.categories(3).unwrap();
    assert_eq!((text.code_of_text("apple"), text.code_of_text("bread")), (Some(0.0), Some(1.0)));
    assert_eq!((text.code_of_text("unseen"), text.code_of_text(""), text.len()), (None, None, 7));
    // The package cut these names by characters: what stands in the file is not what training saw.
    assert_eq!((text.code_of_text("crème"), text.code_of_text("edil")), (None, None));
    let integers = model.categories(4).unwrap();
    assert_eq!(
        (integers.code_of_integer(5), integers.code_of_integer(27), integers.code_of_integer(6)),
        (Some(0.0), Some(2.0), None)
    );
    assert_eq!(model.categories(0), None);
}

/// A caller whose rows were all refused has none left to score.
#[test]
fn no_rows_give_no_numbers() {
    let stump = include_str!("../stump.json");
    // One row's interactions of the wide model would not fit in any memory.
    let wide = stump.replacen("\"num_feature\":\"2\"", "\"num_feature\":\"16777216\"", 1);
    assert_ne!(stump, wide);
    for text in [stump, &wide] {
        let model = Model::from_bytes(text.as_bytes()).unwrap();
        let none: &[f32] = &[];
        model.predict(none, &mut []).unwrap();
        model.margin(none, &mut []).unwrap();
        model.leaves(none, &mut []).unwrap();
        model.contributions(none, &mut []).unwrap();
        model.interactions(none, &mut []).unwrap();
    }
}
