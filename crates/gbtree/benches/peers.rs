//! Our side of `peers.py`: the same measures as `peers.c`, as "name value" lines.

use std::hint::black_box;
use std::time::Instant;

use gbtree::Model;

/// As the service has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, path, features, some, ..] = &arguments[..] else {
        // `cargo bench` itself passes only flags: there is nothing to compare without peers.py.
        return;
    };
    let (Ok(features), Ok(some)) = (features.parse::<usize>(), some.parse::<usize>()) else { return };
    let bytes = std::fs::read(format!("{path}.ubj")).expect("PATH.ubj");
    let raw = std::fs::read(format!("{path}.rows")).expect("PATH.rows");
    let rows: Vec<f32> = raw.as_chunks().0.iter().map(|&raw| f32::from_le_bytes(raw)).collect();
    let count = rows.len() / features;

    report("load", 30, 1000.0, || Model::from_bytes(black_box(&bytes)).expect("a model"));
    // The first row waits for the trees to be laid out.
    report("ready", 30, 1000.0, || {
        let model = Model::from_bytes(black_box(&bytes)).expect("a model");
        model.predict_vec(&rows[..features]).expect("one row");
        model
    });
    let model = Model::from_bytes(&bytes).expect("a model");
    // The same answers, before anything else is timed.
    let mut all = vec![0.0; count * model.num_outputs()];
    model.predict(&rows, &mut all).expect("all rows");
    let raw = std::fs::read(format!("{path}.scores")).expect("PATH.scores");
    let mut expected = raw.as_chunks().0.iter().map(|&raw| f32::from_le_bytes(raw));
    assert!(all.iter().all(|score| expected.next().is_some_and(|expected| (score - expected).abs() < 1e-5)));
    let mut one = vec![0.0; model.num_outputs()];
    // A different row each time, as in a service; 64 calls per reading of the clock.
    let mut next = 0;
    report("single", 500, 64.0, || {
        for _ in 0..64 {
            let row = &rows[next % count * features..][..features];
            model.predict(black_box(row), &mut one).expect("one row");
            black_box(&one);
            next += 1;
        }
    });
    report("batch", 30, count as f64, || {
        model.predict(black_box(&rows), &mut all).expect("all rows");
        black_box(&all);
    });
    // What missing values cost: the same rows, each missing value filled with 0.
    if rows.iter().any(|value| value.is_nan()) {
        let filled: Vec<f32> = rows.iter().map(|&value| if value.is_nan() { 0.0 } else { value }).collect();
        report("filled", 30, count as f64, || {
            model.predict(black_box(&filled), &mut all).expect("all rows");
            black_box(&all);
        });
    }
    let mut shares = vec![0.0; some * model.num_contributions()];
    report("contributions", 8, some as f64, || {
        model.contributions(black_box(&rows[..some * features]), &mut shares).expect("contributions");
        black_box(&shares);
    });
    let shares = &mut shares[..model.num_contributions()];
    let mut next = 0;
    report("explanation", 50, 1.0, || {
        let row = &rows[next % count * features..][..features];
        model.contributions(black_box(row), shares).expect("contributions");
        next += 1;
    });
}

/// Prints the least of `times` readings, in microseconds over `unit`: what is above it is other work on the machine.
/// What a run makes is dropped after the reading, as in `peers.c`.
#[expect(clippy::print_stdout, reason = "peers.py reads it")]
fn report<T>(measure: &str, times: usize, unit: f64, mut run: impl FnMut() -> T) {
    run();
    let readings = (0..times).map(|_| {
        let start = Instant::now();
        let made = black_box(run());
        let elapsed = start.elapsed();
        drop(made);
        elapsed.as_secs_f64() * 1e6 / unit
    });
    println!("gbtree-{measure} {:.6}", readings.fold(f64::INFINITY, f64::min));
}
