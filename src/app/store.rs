//! The configured store and its decorators.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{info, warn};

use super::{StartError, of_the_demo, taken};
use crate::cause::chain;
use crate::config::{self, DynamoDb, Store};
use crate::features::batched::BatchedStore;
use crate::features::cached::CachedStore;
use crate::features::dynamodb::{DynamoStore, TableError};
use crate::features::embedded::{Base, EmbeddedStore, OpenError, OpenOptions, StoreDraft, TableWatcher};
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
        Store::Embedded(embedded) => Ok(Arc::new(open_embedded(embedded, schema)?)),
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
        Store::Embedded(embedded) => Ok((open_embedded(embedded, schema)?, embedded.path.clone())),
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
            let every = embedded.reload_interval;
            let metrics = upstreams.table().clone();
            watcher = Some(TableWatcher::new(Arc::clone(&store), every, features.max_age, metrics));
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

fn open_embedded(embedded: &config::EmbeddedStore, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    let options = OpenOptions { cache: embedded.cache, check_limit: embedded.check_limit as u64 };
    EmbeddedStore::open(&embedded.path, schema.names(), options).map_err(|source| of_store(embedded, source))
}

async fn open_seeded(
    embedded: &config::EmbeddedStore,
    schema: &Schema,
    is_demo: bool,
) -> Result<EmbeddedStore, StartError> {
    let path = embedded.path.display();
    let is_filled = match open_embedded(embedded, schema) {
        Ok(store) if store.table().rows > 0 => Some(store),
        Ok(_) | Err(StartError::Store { source: OpenError::Absent, .. }) => None,
        Err(error) => return Err(error),
    };
    if let Some(store) = is_filled {
        info!(features.pairs = store.table().rows, "feature store open at {path}");
        return Ok(store);
    }
    if let Some(seed) =
        embedded.seed.as_ref().and_then(|seed| of_the_demo("features.embedded.seed", seed, is_demo))
    {
        taken("features.embedded.seed", seed, load_seed(&seed.path, schema, embedded).await)?;
    }
    let store = match open_embedded(embedded, schema) {
        Err(StartError::Store { source: OpenError::Absent, .. }) => {
            let empty = StoreDraft::begin(&embedded.path, schema.names(), Base::Empty, "");
            let empty = empty.map_err(|source| of_store(embedded, source))?;
            let io = |error: StoreError| OpenError::Io(io::Error::other(error));
            empty.finish().await.map_err(|error| of_store(embedded, io(error)))?;
            open_embedded(embedded, schema)?
        }
        opened => opened?,
    };
    info!(features.pairs = store.table().rows, "feature store open at {path}");
    Ok(store)
}

/// The whole table or nothing of it: what is cut short or has a bad row is not there at the next start.
async fn load_seed(path: &Path, schema: &Schema, embedded: &config::EmbeddedStore) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let table = plain(file).map_err(|error| error.to_string())?;
    let table = FeatureTable::open(table, schema).map_err(|error| chain(&error))?;
    let source = path.display().to_string();
    let draft = StoreDraft::begin(&embedded.path, schema.names(), Base::Empty, &source);
    let draft = draft.map_err(|error| chain(&error))?;
    let report = table.load_into(&draft, 1, |_| {}).await.map_err(|error| chain(&error))?;
    if let Some(bad) = report.bad.first() {
        return Err(format!("{} bad rows, the first in line {}: {}", report.bad.len(), bad.line, bad.what));
    }
    draft.finish().await.map_err(|error| chain(&error))?;
    info!(features.pairs = report.loaded, "empty feature store loaded from {}", path.display());
    Ok(())
}
