//! `[features]`: the columns of a row, and where rows are kept.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;
use super::{DynamoDb, Table, dynamodb};

/// `[features]`: the columns of a row, and where rows are kept.
#[derive(Debug, Clone)]
pub struct Features {
    /// `features.columns`; empty for the model's own names
    pub columns: Vec<String>,
    /// `features.kind` with the settings of that kind
    pub store: Store,
    /// `features.max_age`; `None` for `"off"`
    pub max_age: Option<Duration>,
    /// `[features.cache]`; `None` when `features.cache.ttl` is `"off"`
    pub cache: Option<FeatureCache>,
}

/// `[features.cache]`: the cache of lookups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureCache {
    /// `features.cache.ttl`
    pub ttl: Duration,
    /// `features.cache.absent_ttl`
    pub absent_ttl: Duration,
    /// `features.cache.size`, in bytes
    pub size: usize,
}

/// `features.kind`, with what that kind needs.
#[derive(Debug, Clone)]
pub enum Store {
    /// `features.kind = "embedded"`
    Embedded(EmbeddedStore),
    /// `features.kind = "dynamodb"`
    DynamoDb(DynamoDb),
    /// `features.kind = "none"`
    None,
}

/// The `features.embedded.path` of a store in memory.
pub const IN_MEMORY: &str = ":memory:";

/// `[features.embedded]`
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    /// `features.embedded.path`; [`IN_MEMORY`] for none
    pub path: PathBuf,
    /// `features.embedded.seed`
    pub seed: Option<Table>,
    /// `features.embedded.cache`, in bytes
    pub cache: usize,
    /// `features.embedded.check_limit`, in bytes
    pub check_limit: usize,
    /// `features.embedded.reload_interval`; `None` for `"off"`
    pub reload_interval: Option<Duration>,
}

pub(super) fn features(reader: &mut Reader<'_>, deadline: Duration) -> Features {
    Features {
        columns: columns(reader),
        store: store(reader, deadline),
        max_age: reader.interval("features.max_age"),
        cache: cache(reader),
    }
}

fn cache(reader: &mut Reader<'_>) -> Option<FeatureCache> {
    let ttl = reader.interval("features.cache.ttl");
    let absent_ttl = reader.duration("features.cache.absent_ttl");
    let size = reader.size("features.cache.size");
    Some(FeatureCache { ttl: ttl?, absent_ttl, size })
}

fn store(reader: &mut Reader<'_>, deadline: Duration) -> Store {
    let kind = reader.choice(
        "features.kind",
        &[("embedded", StoreKind::Embedded), ("dynamodb", StoreKind::DynamoDb), ("none", StoreKind::None)],
    );
    let embedded = EmbeddedStore {
        path: reader.path("features.embedded.path"),
        seed: reader.table("features.embedded.seed"),
        cache: reader.size("features.embedded.cache"),
        check_limit: reader.size("features.embedded.check_limit"),
        reload_interval: reader.interval("features.embedded.reload_interval"),
    };
    // The deadline is not compared with keys that nobody uses.
    let used = if kind == StoreKind::DynamoDb { deadline } else { Duration::ZERO };
    let table = dynamodb::dynamodb(reader, used);
    match kind {
        StoreKind::Embedded => Store::Embedded(embedded),
        StoreKind::DynamoDb => Store::DynamoDb(table),
        StoreKind::None => Store::None,
    }
}

/// The words of `features.kind`.
#[derive(Clone, Copy, PartialEq)]
enum StoreKind {
    Embedded,
    DynamoDb,
    None,
}

fn columns(reader: &mut Reader<'_>) -> Vec<String> {
    const KEY: &str = "features.columns";
    let list = reader.list(KEY);
    let mut seen = HashSet::new();
    for name in &list {
        if name.is_empty() {
            reader.mistake(KEY, "holds an empty name".to_owned());
        } else if !seen.insert(name) {
            reader.mistake(KEY, format!("names {name:?} twice"));
        }
    }
    list
}
