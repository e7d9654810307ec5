//! Models saved by eighteen releases of the official package, compared with what those releases computed.
//!
//! `golden/make.py` made the archives; `golden/README.md` tells with which releases. `kinds/` has the containers and
//! corner cases that people have.

use crate::archive::{Array, Case, cases, cases_in};
use gbtree::{Model, PredictError};

/// Margins: trees are added in the library's order, so only the rounding of the base score's link (`logf`)
/// may differ, and for dart of some releases one more rounding per tree.
const MARGIN: f32 = 2e-6;
/// Contributions: the library sums weighted paths in float32.
const CONTRIBUTION: f32 = 1e-5;
/// Scores: margins through `expf`, whose last digit differs between C libraries.
const SCORE: f32 = 3e-6;

#[test]
fn margins_are_the_librarys() {
    check("margin", MARGIN, |model, rows, out| model.margin(rows, out));
}

#[test]
fn scores_are_the_librarys() {
    check("score", SCORE, |model, rows, out| model.predict(rows, out));
}

#[test]
fn leaves_are_the_librarys() {
    let leaves: Evaluate = |model, rows, out| {
        let mut leaves = vec![0; out.len()];
        model.leaves(rows, &mut leaves)?;
        out.iter_mut().zip(leaves).for_each(|(out, leaf)| *out = leaf as f32);
        Ok(())
    };
    check("leaf", 0.0, leaves);
}

#[test]
fn contributions_are_the_librarys() {
    check("contributions", CONTRIBUTION, |model, rows, out| model.contributions(rows, out));
}

#[test]
fn interactions_are_the_librarys() {
    check("interactions", CONTRIBUTION, |model, rows, out| model.interactions(rows, out));
}

#[test]
fn margins_of_infinite_values_are_the_librarys() {
    check_with("infinite-rows", "infinite-margin", MARGIN, |model, rows, out| model.margin(rows, out));
}

#[test]
fn margins_of_an_iteration_range_are_the_librarys() {
    check("margin-1-3", MARGIN, |model, rows, out| model.slice(1..3)?.margin(rows, out));
}

type Evaluate = fn(&Model, &[f32], &mut [f32]) -> Result<(), PredictError>;

fn check(output: &str, tolerance: f32, evaluate: Evaluate) {
    check_with("rows", output, tolerance, evaluate);
}

/// Compares one output of every model that has it; all disagreements are told together.
fn check_with(input: &str, output: &str, tolerance: f32, evaluate: Evaluate) {
    let (mut compared, mut faults) = (0, Vec::new());
    for case in cases().iter().chain(&cases_in("kinds")) {
        if let (Some(rows), Some(expected)) = (case.find(input), case.find(output)) {
            compared += 1;
            if let Err(fault) = compare(case, rows, expected, tolerance, evaluate) {
                faults.push(format!("{}: {fault}", case.name));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {compared} differ:\n{}", faults.len(), faults.join("\n"));
    assert!(compared > 50, "{output}: only {compared} models compared");
}

fn compare(
    case: &Case,
    rows: &Array,
    expected: &Array,
    tolerance: f32,
    evaluate: Evaluate,
) -> Result<(), String> {
    let model = Model::from_bytes(&case.model).map_err(|error| error.to_string())?;
    let mut found = vec![f32::NAN; expected.values.len()];
    evaluate(&model, &rows.values, &mut found).map_err(|error| error.to_string())?;
    for (index, (found, expected)) in found.iter().zip(&expected.values).enumerate() {
        let near = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        let same = near || found == expected || (found.is_nan() && expected.is_nan());
        if !same {
            return Err(format!("number {index} is {found:?}, expected {expected:?}"));
        }
    }
    Ok(())
}
