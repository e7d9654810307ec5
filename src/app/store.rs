//! The configured store and its decorators.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};

use super::{StartError, taken};
use crate::cause::chain;
use crate::config::{self, DynamoDb, Store};
use crate::features::batched::BatchedStore;
use crate::features::cached::CachedStore;
use crate::features::dynamodb::{DynamoStore, TableError};
use crate::features::embedded::{EmbeddedStore, OpenError};
use crate::features::table::FeatureTable;
use crate::features::{FeatureStore, FeatureWriter};
use crate::inference::Features;
use crate::row::Schema;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::aws::AwsContext;
use crate::upstream::batcher::BatchLimits;

/// A store for commands that work on it.
pub struct OpenStore {
    /// Reads it.
    pub store: Arc<dyn FeatureStore>,
    /// Writes it.
    pub writer: Arc<dyn FeatureWriter>,
}

/// Opens the configured store without filling it.
///
/// # Errors
/// There is none; it cannot be opened, is not there, or is of another shape.
pub async fn open_store(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
) -> Result<OpenStore, StartError> {
    match &features.store {
        Store::Embedded(embedded) => {
            let store = Arc::new(open_embedded(embedded, schema)?);
            Ok(OpenStore { store: Arc::clone(&store) as _, writer: store })
        }
        Store::DynamoDb(table) => {
            let store = Arc::new(open_table(table, schema, aws, &UpstreamMetrics::default()).await?);
            Ok(OpenStore { store: Arc::clone(&store) as _, writer: store })
        }
        Store::None => Err(StartError::NoStore),
    }
}

/// Opens the configured store to serve from, with what stands before it; an empty local one is filled if it has a seed.
///
/// # Errors
/// As [`open_store`], except that there may be none; also that the seed cannot be loaded.
pub async fn open_filled(
    features: &config::Features,
    schema: &Schema,
    aws: &AwsContext,
    upstreams: &UpstreamMetrics,
) -> Result<Option<Features>, StartError> {
    let opened = match &features.store {
        Store::Embedded(embedded) => {
            let store = Arc::new(open_seeded(embedded, schema).await?);
            Features { kind: "embedded", store: Arc::clone(&store) as _, users: Some(store) }
        }
        Store::DynamoDb(table) => {
            let store = open_table(table, schema, aws, upstreams).await?;
            Features { kind: "dynamodb", store: batched(store, table), users: None }
        }
        Store::None => return Ok(None),
    };
    let store = match &features.cache {
        Some(cache) => Arc::new(CachedStore::new(opened.store, cache)),
        None => opened.store,
    };
    Ok(Some(Features { store, ..opened }))
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

fn open_embedded(embedded: &config::EmbeddedStore, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    EmbeddedStore::open(&embedded.path, schema.names(), embedded.cache)
        .map_err(|source| StartError::Store { path: embedded.path.clone(), source })
}

async fn open_seeded(embedded: &config::EmbeddedStore, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    let store = open_embedded(embedded, schema)?;
    let count = |store: &EmbeddedStore| {
        store.len().map_err(|error| StartError::Store {
            path: embedded.path.clone(),
            source: OpenError::NotAStore(error.to_string()),
        })
    };
    if let (0, Some(seed)) = (count(&store)?, &embedded.seed) {
        taken("features.embedded.seed", seed, load_seed(&seed.path, schema, &store).await)?;
    }
    info!(features.pairs = count(&store)?, "feature store open at {}", embedded.path.display());
    Ok(store)
}

async fn load_seed(path: &Path, schema: &Schema, store: &EmbeddedStore) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let table = FeatureTable::open(file, schema).map_err(|error| chain(&error))?;
    let report = table.load_into(store, 1, |_| {}).await.map_err(|error| chain(&error))?;
    if let Some(bad) = report.bad.first() {
        return Err(format!("{} bad rows, the first in line {}: {}", report.bad.len(), bad.line, bad.what));
    }
    info!(features.pairs = report.loaded, "empty feature store loaded from {}", path.display());
    Ok(())
}
