//! What `count.py` counts the instructions of: one case by its name, once.

mod invented;

use std::hint::black_box;

use gbtree::Model;
use invented::{FEATURES, Numbers, model};

const ROWS: usize = 1000;

fn main() {
    let bytes = model();
    let model = Model::from_bytes(&bytes).expect("a model");
    let mut numbers = Numbers(2);
    let rows: Vec<f32> = (0..ROWS * FEATURES).map(|_| numbers.next()).collect();
    let row = &rows[..FEATURES];
    let mut scores = vec![0.0; ROWS];
    let mut shares = vec![0.0; 8 * model.num_contributions()];
    match std::env::args().nth(1).as_deref() {
        Some("row") => {
            // The first row waits for the trees to be laid out.
            model.predict(row, &mut scores[..1]).expect("a score");
            counted(|| model.predict(row, &mut scores[..1]));
        }
        Some("batch") => {
            model.predict(row, &mut scores[..1]).expect("a score");
            counted(|| model.predict(&rows, &mut scores));
        }
        Some("explanation") => {
            // Made ready by the first.
            let shares = &mut shares[..model.num_contributions()];
            model.contributions(row, shares).expect("contributions");
            counted(|| model.contributions(row, shares));
        }
        Some("explanations") => {
            model.contributions(row, &mut shares[..model.num_contributions()]).expect("contributions");
            counted(|| model.contributions(&rows[..8 * FEATURES], &mut shares));
        }
        Some("load") => {
            counted(|| Model::from_bytes(&bytes));
        }
        // The first row, which waits for it.
        Some("layout") => {
            counted(|| model.predict(row, &mut scores[..1]));
        }
        // `cargo bench` itself passes only flags.
        _ => {}
    }
    black_box((scores, shares));
}

/// The counter is on while this runs.
#[inline(never)]
fn counted<T>(run: impl FnOnce() -> T) {
    black_box(run());
}
