//! Which columns the items have: one that none of them has is misspelt or no longer filled, and every score is without it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing::{info, warn};

use crate::telemetry::metrics::TableMetrics;

/// Items after which a column that none of them had is called absent.
const ITEMS: u64 = 1000;

/// The columns of a table whose items hold one attribute per column.
pub(super) struct SeenColumns {
    items: AtomicU64,
    columns: Vec<Column>,
    metrics: TableMetrics,
}

#[derive(Default)]
struct Column {
    /// Among the items since the last judgement.
    seen: AtomicBool,
    /// By the last judgement.
    absent: AtomicBool,
}

impl SeenColumns {
    pub(super) fn new(columns: &[String], metrics: TableMetrics) -> Self {
        let columns = columns.iter().map(|_| Column::default()).collect();
        Self { items: AtomicU64::new(0), columns, metrics }
    }

    /// Notes an item, which has some of the columns `names`.
    pub(super) fn note(&self, names: &[String], has: impl Fn(&str) -> bool) {
        for (column, name) in self.columns.iter().zip(names) {
            // A look is cheaper than a write that all cores hear of.
            if !column.seen.load(Ordering::Relaxed) && has(name) {
                column.seen.store(true, Ordering::Relaxed);
            }
        }
        if (self.items.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(ITEMS) {
            self.judge(names);
        }
    }

    fn judge(&self, names: &[String]) {
        for (column, name) in self.columns.iter().zip(names) {
            let is_absent = !column.seen.swap(false, Ordering::Relaxed);
            let was_absent = column.absent.swap(is_absent, Ordering::Relaxed);
            self.metrics.absent(name, is_absent);
            match (was_absent, is_absent) {
                (false, true) => {
                    warn!(
                        "features.dynamodb: none of the last {ITEMS} items has the attribute {name:?}: it counts as missing"
                    );
                }
                (true, false) => info!("features.dynamodb: items have the attribute {name:?} again"),
                _ => {}
            }
        }
    }
}
