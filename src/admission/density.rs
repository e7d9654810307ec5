//! How many rows a body will turn out to have, before it is read.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that rows are counted per.
const UNIT: u64 = 1 << 20;

/// Rows per mebibyte of the large bodies that came last, admitted or not. It falls at once and rises by a quarter at most with each body,
/// so that one dense body keeps hardly anybody out.
pub(super) struct Density(AtomicUsize);

impl Density {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// A body of so many `bytes` had so many `rows`.
    pub(super) fn note(&self, rows: usize, bytes: usize) {
        let found = in_proportion(UNIT, rows, bytes.max(1));
        let known = self.0.load(Ordering::Relaxed);
        let highest = if known == 0 { found } else { known.saturating_add(known / 4 + 1) };
        self.0.store(found.min(highest), Ordering::Relaxed);
    }

    /// About how many rows there are in `bytes`; 0 while nothing is known.
    pub(super) fn rows_in(&self, bytes: usize) -> usize {
        in_proportion(bytes as u64, self.0.load(Ordering::Relaxed), UNIT as usize)
    }
}

/// `of * part / whole`.
fn in_proportion(of: u64, part: usize, whole: usize) -> usize {
    let product = u128::from(of) * part as u128 / whole as u128;
    usize::try_from(product).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_at_once_and_rises_slowly() {
        let density = Density::new();
        assert_eq!(density.rows_in(1 << 30), 0);
        density.note(2_000, 1 << 19);
        assert_eq!((density.rows_in(1 << 19), density.rows_in(1 << 20)), (2_000, 4_000));
        density.note(usize::MAX, 1);
        assert_eq!(density.rows_in(1 << 20), 5_001);
        density.note(100, 1 << 20);
        assert_eq!(density.rows_in(1 << 20), 100);
        density.note(0, 0);
        assert_eq!(density.rows_in(usize::MAX), 0);
    }
}
