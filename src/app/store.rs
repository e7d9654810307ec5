//! The configured store and its decorators.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::{info, warn};

use super::{StartError, fits, name_of};
use crate::admission::Admission;
use crate::cause::chain;
use crate::config::{self, DynamoDb, IN_MEMORY, Store, Table};
use crate::demo;
use crate::features::batched::BatchedStore;
use crate::features::cached::CachedStore;
use crate::features::dynamodb::{DynamoStore, TableError};
use crate::features::embedded::{
    Base, EmbeddedStore, MemoryDraft, OpenError, OpenOptions, StoreDraft, TableWatcher,
};
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
        Store::Embedded(embedded) => Ok(Arc::new(open_embedded(of_a_file(embedded)?, schema)?)),
        Store::DynamoDb(table) => {
            Ok(Arc::new(open_table(table, schema, aws, &UpstreamMetrics::default()).await?))
        }
        Store::None => Err(StartError::NoStore),
    }
}

/// What happens to the rows in a store when a table is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// Rows that the table does not replace stay.
    Beside,
    /// All are replaced by the table, whose version this is. A local store computes the version itself.
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
            let embedded = of_a_file(embedded)?;
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

/// The store in a DynamoDB table, for what only it can tell.
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

/// A store that tells what only its kind can.
pub enum OpenedStore {
    /// A file, and where it is.
    Local(LocalStore, PathBuf),
    /// A table of DynamoDB.
    Remote(RemoteStore),
}

/// Opens the configured store, whichever it is.
///
/// # Errors
/// As [`open_store`].
pub async fn open_either(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
) -> Result<OpenedStore, StartError> {
    match &features.store {
        Store::Embedded(embedded) => {
            Ok(OpenedStore::Local(open_embedded(of_a_file(embedded)?, schema)?, embedded.path.clone()))
        }
        Store::DynamoDb(table) => {
            Ok(OpenedStore::Remote(open_table(table, schema, aws, &UpstreamMetrics::default()).await?))
        }
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
            if of_a_file(embedded).is_ok() {
                let every = embedded.reload_interval;
                let metrics = upstreams.table().clone();
                watcher = Some(TableWatcher::new(Arc::clone(&store), every, metrics));
            }
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

/// A table that does not answer now may do so later; one that is absent or has another shape will not.
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

/// The store, unless it is in memory.
fn of_a_file(embedded: &config::EmbeddedStore) -> Result<&config::EmbeddedStore, StartError> {
    if embedded.path.as_os_str() == IN_MEMORY { Err(StartError::InMemory) } else { Ok(embedded) }
}

fn options(embedded: &config::EmbeddedStore) -> OpenOptions {
    OpenOptions { cache: embedded.cache, check_limit: embedded.check_limit as u64 }
}

fn open_embedded(embedded: &config::EmbeddedStore, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    EmbeddedStore::open(&embedded.path, &schema.stored_columns(), options(embedded))
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
    let seed = embedded.seed.as_ref().filter(|seed| fits("features.embedded.seed", seed, is_demo));
    let store = if of_a_file(embedded).is_ok() {
        match opened(embedded, schema).await {
            Ok(store) if store.table().rows > 0 || seed.is_none() => store,
            Ok(_) | Err(StartError::Store { source: OpenError::Absent, .. }) => {
                let source = seed.map(name_of).unwrap_or_default();
                let draft = StoreDraft::begin(&embedded.path, &schema.stored_columns(), Base::Empty, &source);
                fill(&draft.map_err(|source| of_store(embedded, source))?, seed, schema, embedded).await?;
                opened(embedded, schema).await?
            }
            Err(error) => return Err(error),
        }
    } else {
        let source = seed.map(name_of).unwrap_or_default();
        let draft = MemoryDraft::begin(&schema.stored_columns(), &source);
        let draft = draft.map_err(|source| of_store(embedded, source))?;
        fill(&draft, seed, schema, embedded).await?;
        draft.into_store(options(embedded)).map_err(|source| of_store(embedded, source))?
    };
    info!(features.pairs = store.table().rows, "feature store open at {}", embedded.path.display());
    Ok(store)
}

/// Writes all of `seed`, if there is one, or nothing: an interrupted or bad seed leaves nothing for the next start.
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
    let table = match seed {
        Table::Demo => FeatureTable::open(demo::features(), schema),
        Table::File(path) => {
            let file = File::open(path).map_err(|error| error.to_string())?;
            FeatureTable::open_file(file, schema)
        }
    };
    let table = table.map_err(|error| chain(&error))?;
    let unit = table.unit();
    let report = table.load_into(draft, 1, |_| {}).await.map_err(|error| chain(&error))?;
    match report.bad.first() {
        Some(bad) => {
            let count = report.bad.len();
            Err(format!("{count} bad rows, the first in {unit} {}: {}", bad.line, bad.what))
        }
        None => Ok(report.loaded),
    }
}
