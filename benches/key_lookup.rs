//! What telling a caller by its key takes: time of a look-up among a thousand keys, whether a right key can be told from a wrong one by it,
//! and whether memory grows. `cargo run --release --example key_lookup`.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use std::hint::black_box;
use std::time::Instant;

use imba::access::Access;
use imba::access::key::{generate, hash, hex};
use imba::access::meter::Now;
use imba::config::source::{Origin, Raw, Settings};
use imba::config::{self, Config};

const KEYS: usize = 1000;
const TRIES: usize = 100_000;

fn main() {
    let folder = std::env::temp_dir().join(format!("imba-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut keys: Vec<String> = (0..KEYS).map(|_| generate().expect("random numbers")).collect();
    let wrong: Vec<String> = (0..KEYS).map(|_| generate().expect("random numbers")).collect();
    // To each wrong key the right one that it is compared with, so that both kinds read the same places in memory as often.
    keys.sort_by_key(|key| hash(key));
    let place = |key: &String| keys.partition_point(|right| hash(right) < hash(key)).min(KEYS - 1);
    let right: Vec<String> = wrong.iter().map(|key| keys[place(key)].clone()).collect();
    let line = |(at, key): (usize, &String)| format!("shop-{at},{},gold\n", hex(&hash(key)));
    let file = folder.join("keys.csv");
    std::fs::write(&file, keys.iter().enumerate().map(line).collect::<String>()).expect("written");
    let access =
        Access::open(&configuration(&file), None, imba::telemetry::metrics::AccessMetrics::default());
    let access = access.expect("the keys");

    let before = resident();
    let started = Instant::now();
    for at in 0..1_000_000 {
        let caller = access.by_key(&keys[at % KEYS]).expect("known");
        caller.take(Now::get()).expect("within the plan");
    }
    let each = started.elapsed().as_nanos() as f64 / 1e6;
    println!(
        "a look-up and a plan: {each:.0} ns; resident memory: {before} KiB before, {} KiB after",
        resident()
    );

    // One by one, as a caller would try them; then as nobody outside could, with less noise of the clock.
    for batch in [1, 16] {
        compare(&access, &right, &wrong, batch);
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

/// Welch's t between the times of right and wrong keys, read once for `batch` look-ups.
fn compare(access: &Access, right: &[String], wrong: &[String], batch: usize) {
    let (mut right_times, mut wrong_times) = (Vec::with_capacity(TRIES), Vec::with_capacity(TRIES));
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..2 * TRIES {
        let is_right = random.bool();
        let (from, to) = if is_right { (right, &mut right_times) } else { (wrong, &mut wrong_times) };
        let key = &from[random.usize(..KEYS)];
        let started = Instant::now();
        for _ in 0..batch {
            let _ = black_box(access.by_key(black_box(key)));
        }
        to.push(started.elapsed().as_nanos() as f64 / batch as f64);
    }
    // The clock's and the system's own interruptions are neither key's.
    let (right, wrong) = (trimmed(right_times), trimmed(wrong_times));
    let (right_mean, right_variance) = moments(&right);
    let (wrong_mean, wrong_variance) = moments(&wrong);
    let error = (right_variance / right.len() as f64 + wrong_variance / wrong.len() as f64).sqrt();
    println!(
        "{batch} at a time: right {right_mean:.1} ns, wrong {wrong_mean:.1} ns, Welch's t = {:.2} over {} and {} tries",
        (right_mean - wrong_mean) / error,
        right.len(),
        wrong.len()
    );
}

fn configuration(keys: &std::path::Path) -> config::Access {
    let mut settings = Settings::defaults();
    for (key, value) in [
        ("access.keys", &*keys.to_string_lossy()),
        ("access.plans.gold.rate", "100000000/s"),
        ("access.plans.gold.burst", "100000000"),
    ] {
        settings.set(key, Raw::Text(value.to_owned()), Origin::Env("the benchmark".to_owned()));
    }
    Config::resolve(&settings).expect("a configuration").access
}

/// The faster 95 of a hundred.
fn trimmed(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() * 95 / 100);
    times
}

fn moments(times: &[f64]) -> (f64, f64) {
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let squares = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
    (mean, squares / (times.len() - 1) as f64)
}

/// In KiB.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4
}
