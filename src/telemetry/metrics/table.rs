//! What is told of the table of features: which it is, how old, what became of new ones, which of its columns are empty.

use std::fmt;
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::ReloadMetrics;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ColumnLabels {
    column: String,
}

/// The counters of a table of features; cheap to clone.
#[derive(Clone, Default)]
pub struct TableMetrics {
    /// Of new tables.
    pub reloads: ReloadMetrics,
    absent: Family<ColumnLabels, Gauge>,
}

impl TableMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        self.reloads.register(registry, "table", "table of features", "tables of features");
        registry.register(
            "table_column_absent",
            "1 while a column has not been seen in any of the items read last, else 0",
            self.absent.clone(),
        );
    }

    /// Whether `column` is absent from now on.
    pub fn absent(&self, column: &str, is_absent: bool) {
        let labels = ColumnLabels { column: column.to_owned() };
        self.absent.get_or_create(&labels).set(i64::from(is_absent));
    }
}

/// What [`TableInUse`] tells of a table.
pub struct TableFacts {
    /// Its version, if it has one.
    pub version: Option<String>,
    /// Number of rows.
    pub rows: u64,
    /// When it was loaded, if that is known.
    pub loaded_at: Option<SystemTime>,
}

/// Says which table is in use when the metrics are fetched, and whether it is older than `max_age`.
pub struct TableInUse<F> {
    /// Gives what is known of it, if anything is.
    pub facts: F,
    /// The age from which it is old.
    pub max_age: Option<Duration>,
}

impl<F> fmt::Debug for TableInUse<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableInUse")
    }
}

impl<F: Fn() -> Option<TableFacts> + Send + Sync + 'static> Collector for TableInUse<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(TableFacts { version, rows, loaded_at }) = (self.facts)() else { return Ok(()) };
        let info = Info::new([("version", version.unwrap_or_default())]);
        info.encode(encoder.encode_descriptor(
            "table",
            "The table of features in use",
            None,
            MetricType::Info,
        )?)?;
        let mut gauge = |name: &str, help: &str, value: i64| {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge("table_rows", "Rows of the table of features in use", i64::try_from(rows).unwrap_or(i64::MAX))?;
        let Some(loaded_at) = loaded_at else { return Ok(()) };
        // A clock that was set back makes no table older.
        let age = loaded_at.elapsed().unwrap_or_default();
        let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        gauge("table_age_seconds", "Time since the table of features in use was loaded", seconds)?;
        let is_old = self.max_age.is_some_and(|max_age| age > max_age);
        gauge(
            "table_old",
            "1 while the table of features in use is older than features.max_age, else 0",
            is_old.into(),
        )
    }
}
