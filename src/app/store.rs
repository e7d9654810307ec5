//! The configured store and its decorators.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{info, warn};

use super::{StartError, of_the_demo, taken};
use crate::admission::Admission;
use crate::cause::chain;
use crate::config::{self, DynamoDb, Store};
use crate::features::batched::BatchedStore;
use crate::features::cached::CachedStore;
use crate::features::dynamodb::{DynamoStore, TableError};
use crate::features::embedded::{Base, EmbeddedStore, OpenError, OpenOptions, StoreDraft, TableWatcher};
use crate::features::table::FeatureTable;
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

/// What becomes of the rows that a store holds when a table is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// Those stay that the table does not replace.
    Beside,
    /// They are gone: the table, whose version this is, takes their place. A local store finds the version by itself.
    InPlace(String),
}

/// Opens the configured store for a table that comes from `source`.
///
/// # Errors
/// As [`open_store`]; also that another table is being loaded.
pub async fn open_writer(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
    loading: &Loading,
    source: &str,
) -> Result<Box<dyn FeatureWriter>, StartError> {
    match &features.store {
        Store::Embedded(embedded) => {
            let base = if *loading == Loading::Beside { Base::Present } else { Base::Empty };
            let draft = StoreDraft::begin(&embedded.path, &schema.stored_columns(), base, source);
            Ok(Box::new(draft.map_err(|source| of_store(embedded, source))?))
        }
        Store::DynamoDb(table) => {
            let store = open_table(table, schema, aws, &UpstreamMetrics::default()).await?;
            Ok(match loading {
                Loading::Beside => Box::new(store),
                Loading::InPlace(version) => Box::new(store.replacement(version, source)),
            })
        }
        Store::None => Err(StartError::NoStore),
    }
}

pub use crate::features::dynamodb::PairSet;

/// The store in a table of DynamoDB, for what only it can tell.
pub type RemoteStore = DynamoStore;

/// Opens the table of DynamoDB, if that is the configured store.
///
/// # Errors
/// As [`open_store`].
pub async fn open_remote(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
) -> Result<Option<RemoteStore>, StartError> {
    match &features.store {
        Store::DynamoDb(table) => open_table(table, schema, aws, &UpstreamMetrics::default()).await.map(Some),
        _ => Ok(None),
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
    admission: &Admission,
    is_demo: bool,
) -> Result<(Option<Features>, Option<TableWatcher>), StartError> {
    let mut watcher = None;
    let opened = match &features.store {
        Store::Embedded(embedded) => {
            let store = Arc::new(open_seeded(embedded, schema, is_demo).await?.admitted(admission.clone()));
            let every = embedded.reload_interval;
            let metrics = upstreams.table().clone();
            watcher = Some(TableWatcher::new(Arc::clone(&store), every, features.max_age, metrics));
            let (users, table) = (Some(Arc::clone(&store) as _), Some(Arc::clone(&store) as _));
            Features { kind: "embedded", store, users, table }
        }
        Store::DynamoDb(table) => {
            let store = open_table(table, schema, aws, upstreams).await?;
            let info = Some(Arc::new(store.clone()) as _);
            Features { kind: "dynamodb", store: batched(store, table), users: None, table: info }
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
    let store = DynamoStore::new(aws.sdk().await?, table, schema, upstreams.clone());
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
    EmbeddedStore::open(&embedded.path, &schema.stored_columns(), options)
        .map_err(|source| of_store(embedded, source))
}

/// [`open_embedded`] on the blocking pool: a large file is read whole, and the start must hear a signal meanwhile.
async fn opened(embedded: &config::EmbeddedStore, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    let (embedded, schema) = (embedded.clone(), schema.clone());
    let opening = tokio::task::spawn_blocking(move || open_embedded(&embedded, &schema));
    opening.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

async fn open_seeded(
    embedded: &config::EmbeddedStore,
    schema: &Schema,
    is_demo: bool,
) -> Result<EmbeddedStore, StartError> {
    let path = embedded.path.display();
    let is_filled = match opened(embedded, schema).await {
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
    let store = match opened(embedded, schema).await {
        Err(StartError::Store { source: OpenError::Absent, .. }) => {
            let empty = StoreDraft::begin(&embedded.path, &schema.stored_columns(), Base::Empty, "");
            let empty = empty.map_err(|source| of_store(embedded, source))?;
            let io = |error: StoreError| OpenError::Io(io::Error::other(error));
            empty.finish().await.map_err(|error| of_store(embedded, io(error)))?;
            opened(embedded, schema).await?
        }
        opened => opened?,
    };
    info!(features.pairs = store.table().rows, "feature store open at {path}");
    Ok(store)
}

/// The whole table or nothing of it: what is cut short or has a bad row is not there at the next start.
async fn load_seed(path: &Path, schema: &Schema, embedded: &config::EmbeddedStore) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let table = FeatureTable::open_file(file, schema).map_err(|error| chain(&error))?;
    let unit = table.unit();
    let source = path.display().to_string();
    let draft = StoreDraft::begin(&embedded.path, &schema.stored_columns(), Base::Empty, &source);
    let draft = draft.map_err(|error| chain(&error))?;
    let report = table.load_into(&draft, 1, |_| {}).await.map_err(|error| chain(&error))?;
    if let Some(bad) = report.bad.first() {
        let (count, place) = (report.bad.len(), bad.line);
        return Err(format!("{count} bad rows, the first in {unit} {place}: {}", bad.what));
    }
    draft.finish().await.map_err(|error| chain(&error))?;
    info!(features.pairs = report.loaded, "empty feature store loaded from {}", path.display());
    Ok(())
}
