//! The configured store and its decorators.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};

use super::{StartError, taken};
use crate::aws::Account;
use crate::coalesce::Limits;
use crate::config::{DynamoDb, EmbeddedStore as EmbeddedStoreConfig, Features, Store};
use crate::features::FeatureStore;
use crate::features::cached::CachedStore;
use crate::features::coalesced::CoalescedStore;
use crate::features::dynamodb::{DynamoStore, TableError};
use crate::features::embedded::{EmbeddedStore, OpenError};
use crate::features::table::Table;
use crate::metrics::UpstreamMetrics;
use crate::schema::Schema;

/// Opens the configured store without filling it, for commands that work on it.
///
/// # Errors
/// It cannot be opened, is not there, or is of another shape.
pub async fn open_store(features: &Features, account: &Account) -> Result<Arc<dyn FeatureStore>, StartError> {
    match &features.store {
        Store::Embedded(embedded) => Ok(Arc::new(open_embedded(embedded, &features.columns)?)),
        Store::DynamoDb(table) => open_table(table, features, account, &UpstreamMetrics::default()).await,
    }
}

/// Opens the configured store to serve from, with what stands before it; an empty local one is filled if it has a seed.
///
/// # Errors
/// As [`open_store`]; also that the seed cannot be loaded.
pub async fn open_filled(
    features: &Features,
    schema: &Schema,
    account: &Account,
    upstreams: &UpstreamMetrics,
) -> Result<Arc<dyn FeatureStore>, StartError> {
    let store: Arc<dyn FeatureStore> = match &features.store {
        Store::Embedded(embedded) => Arc::new(open_seeded(embedded, schema).await?),
        Store::DynamoDb(table) => open_table(table, features, account, upstreams).await?,
    };
    Ok(match &features.cache {
        Some(cache) => Arc::new(CachedStore::new(store, cache)),
        None => store,
    })
}

/// A table that does not answer now may do so later; one that is absent or of another shape will not.
async fn open_table(
    table: &DynamoDb,
    features: &Features,
    account: &Account,
    upstreams: &UpstreamMetrics,
) -> Result<Arc<dyn FeatureStore>, StartError> {
    let store = DynamoStore::new(account.sdk().await?, table, &features.columns, upstreams.clone());
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
    Ok(match table.coalesce_pairs {
        1 => Arc::new(store),
        pairs => {
            let (in_flight, waiting) = (table.calls.in_flight, table.calls.waiting);
            Arc::new(CoalescedStore::new(Arc::new(store), Limits { items: pairs, in_flight, waiting }))
        }
    })
}

fn open_embedded(embedded: &EmbeddedStoreConfig, columns: &[String]) -> Result<EmbeddedStore, StartError> {
    EmbeddedStore::open(&embedded.path, columns, embedded.cache)
        .map_err(|source| StartError::Store { path: embedded.path.clone(), source })
}

async fn open_seeded(embedded: &EmbeddedStoreConfig, schema: &Schema) -> Result<EmbeddedStore, StartError> {
    let store = open_embedded(embedded, schema.names())?;
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
    let table = Table::open(file, schema).map_err(|error| error.to_string())?;
    let report = table.load_into(store, 1, |_| {}).await.map_err(|error| error.to_string())?;
    if let Some(bad) = report.bad.first() {
        return Err(format!("{} bad rows, the first in line {}: {}", report.bad.len(), bad.line, bad.what));
    }
    info!(features.pairs = report.loaded, "empty feature store loaded from {}", path.display());
    Ok(())
}
