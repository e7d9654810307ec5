//! Any body as pairs, in CSV and in JSON: every pair is good or bad, and what is good is printed and read again as the same.
#![no_main]

use imba_fuzz::formats::{csv, json};
use imba_fuzz::limits;
use imba_fuzz::row::{Decoded, PairKey, RowError, check_id};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for all_or_nothing in [false, true] {
        check(csv::pairs(bytes, limits(all_or_nothing)));
        check(json::pairs(bytes, limits(all_or_nothing)));
    }
});

fn check(decoded: Result<Decoded<Vec<PairKey>>, RowError>) {
    let Ok(Decoded { items, outcomes }) = decoded else { return };
    let bad = outcomes.iter().flatten().count();
    assert_eq!(items.len() + bad, outcomes.count(), "each pair is good or bad");
    // With the header, because a pair may be called as the columns are.
    let mut printed = String::from("user_id,product_id\n");
    for pair in &items {
        for (id, end) in [(pair.user(), ','), (pair.product(), '\n')] {
            assert_eq!(check_id(id), Ok(id));
            csv::write_cell(id, &mut printed);
            printed.push(end);
        }
    }
    if !items.is_empty() {
        let again = csv::pairs(printed.as_bytes(), limits(true)).expect("our own words");
        assert!(again.outcomes.first_failure().is_none(), "{printed}");
        assert_eq!(again.items, items, "{printed}");
    }
}
