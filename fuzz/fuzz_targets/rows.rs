//! Any body as rows of features, in CSV and in JSON: every row is good or bad, and what is good is printed and read again
//! as the same bits.
#![no_main]

use imba_fuzz::formats::{csv, json, text::write_features};
use imba_fuzz::row::{Batch, Decoded, RowError};
use imba_fuzz::{limits, schema};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let schema = schema();
    for all_or_nothing in [false, true] {
        let limits = limits(all_or_nothing);
        check(csv::feature_rows(bytes, &schema, limits), all_or_nothing);
        check(json::feature_rows(bytes, &schema, limits), all_or_nothing);
    }
});

fn check(decoded: Result<Decoded<Batch>, RowError>, all_or_nothing: bool) {
    let Ok(Decoded { items, outcomes }) = decoded else { return };
    let bad = outcomes.iter().flatten().count();
    assert_eq!(items.len() + bad, outcomes.count(), "each row is good or bad");
    assert!(!all_or_nothing || bad <= 1, "nothing is read after the first bad row");
    if items.is_empty() {
        return;
    }
    let mut printed = String::new();
    for row in items.rows() {
        write_features(row, &mut printed);
        printed.push('\n');
    }
    let again = csv::feature_rows(printed.as_bytes(), &schema(), limits(true)).expect("our own words");
    assert!(again.outcomes.first_failure().is_none(), "{printed}");
    let bits = |batch: &Batch| -> Vec<_> {
        batch.values().iter().map(|value| (!value.is_nan()).then(|| value.to_bits())).collect()
    };
    assert_eq!(bits(&again.items), bits(&items), "{printed}");
}
