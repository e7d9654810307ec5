//! The configured store and its decorators.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use tracing::{info, warn};

use super::{StartError, fits, name_of};
use crate::cause::chain;
use crate::config::{self, DynamoDb, IN_MEMORY, Store, Table};
use crate::demo;
use crate::features::batched::BatchedStore;
use crate::features::cached::CachedStore;
use crate::features::dynamodb::{DynamoStore, TableError};
use crate::features::embedded::{
    Base, EmbeddedStore, MemoryDraft, OpenError, OpenOptions, StoreDraft, TableWatcher,
};
use crate::features::table::{FeatureTable, plain};
use crate::features::{FeatureStore, FeatureWriter, StoreError, VersionedTable};
use crate::inference::Features;
use crate::row::Schema;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::aws::AwsContext;
use crate::upstream::batcher::BatchLimits;

/// Opens the configured store to read from it, also beside a running service.
///
/// # Errors
/// There is none; it cannot be opened, is not there, or is of another shape.
pub async fn open_store(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
) -> Result<Arc<dyn FeatureStore>, StartError> {
    match &features.store {
        Store::Embedded(embedded) => Ok(Arc::new(open_embedded(of_a_file(embedded)?, schema)?)),
        Store::DynamoDb(table) => {
            Ok(Arc::new(open_table(table, schema, aws, &UpstreamMetrics::default()).await?))
        }
        Store::None => Err(StartError::NoStore),
    }
}

/// Opens the configured store for a table that comes from `source`: beside what it holds, or in its place.
///
/// # Errors
/// As [`open_store`]; also that another table is being loaded, or that the store cannot be replaced.
pub async fn open_writer(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
    replace: bool,
    source: &str,
) -> Result<Box<dyn FeatureWriter>, StartError> {
    match &features.store {
        Store::Embedded(embedded) => {
            let embedded = of_a_file(embedded)?;
            let base = if replace { Base::Empty } else { Base::Present };
            let draft = StoreDraft::begin(&embedded.path, schema.names(), base, source);
            Ok(Box::new(draft.map_err(|source| of_store(embedded, source))?))
        }
        Store::DynamoDb(_) if replace => Err(StartError::NotReplaceable),
        Store::DynamoDb(table) => {
            Ok(Box::new(open_table(table, schema, aws, &UpstreamMetrics::default()).await?))
        }
        Store::None => Err(StartError::NoStore),
    }
}

/// The embedded store, for what only it can tell.
pub type LocalStore = EmbeddedStore;

/// Opens the embedded store.
///
/// # Errors
/// As [`open_store`]; also that another kind of store is configured.
pub fn open_local(features: &config::Features, schema: &Schema) -> Result<(LocalStore, PathBuf), StartError> {
    match &features.store {
        Store::Embedded(embedded) => {
            Ok((open_embedded(of_a_file(embedded)?, schema)?, embedded.path.clone()))
        }
        Store::DynamoDb(_) => Err(StartError::NotLocal),
        Store::None => Err(StartError::NoStore),
    }
}

/// Opens the configured store to serve from, with what stands before it, and the watch over its file if it has one. An absent or
/// empty local store is filled if it has a seed; the demo's seed is for the demo's model alone.
///
/// # Errors
/// As [`open_store`], except that there may be none; also that the seed cannot be loaded.
pub async fn open_filled(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
    upstreams: &UpstreamMetrics,
    is_demo: bool,
) -> Result<(Option<Features>, Option<TableWatcher>), StartError> {
    let mut watcher = None;
    let opened = match &features.store {
        Store::Embedded(embedded) => {
            let store = Arc::new(open_seeded(embedded, schema, is_demo).await?);
            if of_a_file(embedded).is_ok() {
                let every = embedded.reload_interval;
                let metrics = upstreams.table().clone();
                watcher = Some(TableWatcher::new(Arc::clone(&store), every, features.max_age, metrics));
            }
            let (users, table) = (Some(Arc::clone(&store) as _), Some(Arc::clone(&store) as _));
            Features { kind: "embedded", store, users, table }
        }
        Store::DynamoDb(table) => {
            let store = open_table(table, schema, aws, upstreams).await?;
            Features { kind: "dynamodb", store: batched(store, table), users: None, table: None }
        }
        Store::None => return Ok((None, None)),
    };
    let store = match &features.cache {
        Some(cache) => Arc::new(CachedStore::new(opened.store, cache)),
        None => opened.store,
    };
    Ok((Some(Features { store, ..opened }), watcher))
}

/// A table that does not answer now may do so later; one that is absent or of another shape will not.
async fn open_table(
    table: &DynamoDb,
    schema: &Schema,
    aws: &AwsContext,
    upstreams: &UpstreamMetrics,
) -> Result<DynamoStore, StartError> {
    let store = DynamoStore::new(aws.sdk().await?, table, schema.names(), upstreams.clone());
    match store.verify().await {
        Ok(()) => info!("features are in table {:?}", table.table),
        Err(TableError::Unknown(upstream)) if upstream.is_outage() => {
            warn!(
                error = &upstream as &(dyn Error + 'static),
                "features.dynamodb.table: {:?} does not answer; it is looked at when it does", table.table
            );
        }
        Err(source) => return Err(StartError::DynamoDb { table: table.table.clone(), source }),
    }
    Ok(store)
}

fn batched(store: DynamoStore, table: &DynamoDb) -> Arc<dyn FeatureStore> {
    match table.batch_pairs {
        1 => Arc::new(store),
        items => {
            let limits = BatchLimits { items, in_flight: table.calls.in_flight };
            let queue = store.queue();
            Arc::new(BatchedStore::new(Arc::new(store), limits, queue))
        }
    }
}

fn of_store(embedded: &config::EmbeddedStore, source: OpenError) -> StartError {
    StartError::Store { path: embedded.path.clone(), source }
}

/// The store, unless it is in memory.
fn of_a_file(embedded: &config::EmbeddedStore) -> Result<&config::EmbeddedStore, StartError> {
    if embedded.path.as_os_str() == IN_MEMORY { Err(StartError::InMemory) } else { Ok(embedded) }
}

fn options(embedded: &config::EmbeddedStore) -> OpenOptions {
    OpenOptions { cache: embedded.cache, check_limit: embedded.check_limit as u64 }
}

fn open_embedded(embedded: &config::EmbeddedStore, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    EmbeddedStore::open(&embedded.path, schema.names(), options(embedded))
        .map_err(|source| of_store(embedded, source))
}

async fn open_seeded(
    embedded: &config::EmbeddedStore,
    schema: &Schema,
    is_demo: bool,
) -> Result<EmbeddedStore, StartError> {
    let seed = embedded.seed.as_ref().filter(|seed| fits("features.embedded.seed", seed, is_demo));
    let store = if of_a_file(embedded).is_ok() {
        match open_embedded(embedded, schema) {
            Ok(store) if store.table().rows > 0 || seed.is_none() => store,
            Ok(_) | Err(StartError::Store { source: OpenError::Absent, .. }) => {
                let source = seed.map(name_of).unwrap_or_default();
                let draft = StoreDraft::begin(&embedded.path, schema.names(), Base::Empty, &source);
                fill(&draft.map_err(|source| of_store(embedded, source))?, seed, schema, embedded).await?;
                open_embedded(embedded, schema)?
            }
            Err(error) => return Err(error),
        }
    } else {
        let source = seed.map(name_of).unwrap_or_default();
        let draft = MemoryDraft::begin(schema.names(), &source);
        let draft = draft.map_err(|source| of_store(embedded, source))?;
        fill(&draft, seed, schema, embedded).await?;
        draft.into_store(options(embedded)).map_err(|source| of_store(embedded, source))?
    };
    info!(features.pairs = store.table().rows, "feature store open at {}", embedded.path.display());
    Ok(store)
}

/// Writes all of `seed`, if there is one, or nothing: what is cut short or has a bad row is not there at the next start.
async fn fill(
    draft: &dyn FeatureWriter,
    seed: Option<&Table>,
    schema: &Schema,
    embedded: &config::EmbeddedStore,
) -> Result<(), StartError> {
    if let Some(seed) = seed {
        let failed = |what| StartError::Table { key: "features.embedded.seed", name: name_of(seed), what };
        let pairs = load(draft, seed, schema).await.map_err(failed)?;
        info!(features.pairs = pairs, "empty feature store loaded from {}", name_of(seed));
    }
    let io = |error: StoreError| OpenError::Io(io::Error::other(error));
    draft.finish().await.map(drop).map_err(|error| of_store(embedded, io(error)))
}

async fn load(draft: &dyn FeatureWriter, seed: &Table, schema: &Schema) -> Result<u64, String> {
    let table: Box<dyn Read> = match seed {
        Table::Demo => Box::new(demo::features()),
        Table::File(path) => File::open(path).and_then(plain).map_err(|error| error.to_string())?,
    };
    let table = FeatureTable::open(table, schema).map_err(|error| chain(&error))?;
    let report = table.load_into(draft, 1, |_| {}).await.map_err(|error| chain(&error))?;
    match report.bad.first() {
        Some(bad) => {
            Err(format!("{} bad rows, the first in line {}: {}", report.bad.len(), bad.line, bad.what))
        }
        None => Ok(report.loaded),
    }
}
