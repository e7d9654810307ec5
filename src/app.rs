//! The composition root: configuration to adapters to use case to router. The only file that names concrete adapters.

use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::aws::{Account, AwsError};
use crate::coalesce::Limits;
use crate::config::{Config, EmbeddedStore as EmbeddedStoreConfig, Features, ScorerKind, Store};
use crate::features::FeatureStore;
use crate::features::embedded::{EmbeddedStore, OpenError};
use crate::features::table::Table;
use crate::http::{HttpState, PAGE, router};
use crate::inference::Inference;
use crate::metrics::{Metrics, UpstreamMetrics};
use crate::products::ProductNames;
use crate::readiness::{NotReady, Readiness};
use crate::schema::Schema;
use crate::scorer::Scorer;
use crate::scorer::coalesced::CoalescedScorer;
use crate::scorer::embedded::{EmbeddedScorer, LoadError};
use crate::scorer::sagemaker::SageMakerScorer;
use crate::{config, server};

/// Why the service does not start. Each text says what to look at.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model cannot be used.
    #[error("model.path: {}: {source}", path.display())]
    Model {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        source: LoadError,
    },
    /// The feature store cannot be used.
    #[error("features.embedded.path: {}: {source}", path.display())]
    Store {
        /// The store file.
        path: PathBuf,
        /// What is wrong with it.
        source: OpenError,
    },
    /// A table that was asked for cannot be loaded.
    #[error("{key}: {}: {what}", path.display())]
    Table {
        /// The key that names it.
        key: &'static str,
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The page is not where the configuration says.
    #[error("server.static_dir: {}: {source}", path.display())]
    Page {
        /// The page's file.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// AWS cannot be called.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The first row could not be scored or looked up.
    #[error("the service does not answer its own first request: {0}")]
    Probe(#[from] NotReady),
    /// The address cannot be listened on.
    #[error("server.listen: {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A service that is loaded, warm and ready, but not yet listening.
pub struct App {
    /// Every route, over the real adapters.
    pub router: Router,
    /// Whether it should be sent requests.
    pub readiness: Arc<Readiness>,
    limits: config::Server,
}

impl App {
    /// Loads the model, opens the store, fills it if it is empty and to be seeded, and scores a first row.
    ///
    /// # Errors
    /// The first of these that fails.
    pub async fn build(config: &Config) -> Result<Self, StartError> {
        check_page(&config.server.static_dir)?;
        let account = Account::new(config.aws.clone());
        let upstreams = UpstreamMetrics::default();
        let scorer = open_scorer(config, &account, &upstreams).await?;
        let schema = Arc::new(Schema::new(config.features.columns.clone()));
        let store: Arc<dyn FeatureStore> = match &config.features.store {
            Store::Embedded(embedded) => Arc::new(open_seeded(embedded, &schema).await?),
        };
        Self::assemble(config, schema, store, scorer, &upstreams).await
    }

    /// The service over ports that are open already.
    ///
    /// # Errors
    /// The first row cannot be scored or looked up.
    pub async fn assemble(
        config: &Config,
        schema: Arc<Schema>,
        store: Arc<dyn FeatureStore>,
        scorer: Arc<dyn Scorer>,
        upstreams: &UpstreamMetrics,
    ) -> Result<Self, StartError> {
        let product_names = match &config.products.names {
            Some(table) => taken("products.names", table, read_product_names(table))?,
            None => ProductNames::default(),
        };
        let metrics = Metrics::new(&scorer.info(), upstreams);
        let inference = Arc::new(Inference::new(schema, store, scorer, config.model.threshold));
        let readiness = Arc::new(Readiness::new(Arc::clone(&inference)));
        // This first call also opens connections and fetches credentials. An upstream that is down now may be back in a
        // minute, as it may be at any other time: the service starts, and is ready when its upstreams are.
        match readiness.check().await {
            Ok(()) => {}
            Err(error) if error.is_of_upstream() => {
                warn!(
                    error = &error as &(dyn Error + 'static),
                    "an upstream does not answer; not ready until it does"
                );
            }
            Err(error) => return Err(error.into()),
        }
        let state = HttpState::new(
            inference,
            Arc::clone(&readiness),
            metrics,
            product_names,
            &config.server,
            config.log.access,
        );
        Ok(Self { router: router(state, &config.cors), readiness, limits: config.server.clone() })
    }

    /// Serves on `listener` until `stop` completes and the drain is over.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let readiness = self.readiness;
        server::serve(listener, self.router, &self.limits, stop, || readiness.drain()).await;
    }
}

/// Opens the configured store without filling it, for commands that work on it.
///
/// # Errors
/// It cannot be opened.
pub fn open_store(features: &Features) -> Result<Arc<dyn FeatureStore>, StartError> {
    match &features.store {
        Store::Embedded(embedded) => Ok(Arc::new(open_embedded(embedded, &features.columns)?)),
    }
}

/// Opens the configured scorer, with what stands before it.
///
/// # Errors
/// Its model cannot be loaded, or AWS cannot be called.
pub async fn open_scorer(
    config: &Config,
    account: &Account,
    upstreams: &UpstreamMetrics,
) -> Result<Arc<dyn Scorer>, StartError> {
    match (config.scorer.kind, &config.scorer.sagemaker) {
        (ScorerKind::SageMaker, Some(endpoint)) => {
            let sdk = account.sdk().await?;
            let scorer: Arc<dyn Scorer> =
                Arc::new(SageMakerScorer::new(sdk, endpoint, &config.features.columns, upstreams.clone()));
            Ok(match endpoint.coalesce_rows {
                1 => scorer,
                rows => Arc::new(CoalescedScorer::new(scorer, shared(&endpoint.calls, rows))),
            })
        }
        _ => Ok(Arc::new(load_model(config)?)),
    }
}

/// What callers of an upstream may share, `items` at most in one call.
fn shared(calls: &config::Calls, items: usize) -> Limits {
    Limits { items, in_flight: calls.in_flight, waiting: calls.waiting }
}

/// Binds the configured address.
///
/// # Errors
/// It is taken, not ours, or not allowed.
pub async fn listen(server: &config::Server) -> Result<TcpListener, StartError> {
    let address = server.listen;
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn check_page(static_dir: &Path) -> Result<(), StartError> {
    let path = static_dir.join(PAGE.trim_start_matches('/'));
    match File::open(&path) {
        Ok(_) => Ok(()),
        Err(source) => Err(StartError::Page { path, source }),
    }
}

fn load_model(config: &Config) -> Result<EmbeddedScorer, StartError> {
    let path = &config.model.path;
    let scorer = EmbeddedScorer::load(path, &config.features.columns)
        .map_err(|source| StartError::Model { path: path.clone(), source })?;
    let model = scorer.info();
    info!(
        model.version = model.version,
        model.objective = model.objective,
        model.trees = model.trees,
        "model loaded from {}",
        path.display()
    );
    Ok(scorer)
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
    let report = table.load_into(store, |_| {}).await.map_err(|error| error.to_string())?;
    if let Some(bad) = report.bad.first() {
        return Err(format!("{} bad rows, the first in line {}: {}", report.bad.len(), bad.line, bad.what));
    }
    info!(features.pairs = report.loaded, "empty feature store loaded from {}", path.display());
    Ok(())
}

fn read_product_names(table: &config::Table) -> Result<ProductNames, String> {
    let file = File::open(&table.path).map_err(|error| error.to_string())?;
    let names = ProductNames::read(file).map_err(|error| error.to_string())?;
    info!(products.named = names.len(), "product names loaded from {}", table.path.display());
    Ok(names)
}

/// What was loaded from `table`, or nothing if it could not be and nobody asked for it.
fn taken<T: Default>(
    key: &'static str,
    table: &config::Table,
    loaded: Result<T, String>,
) -> Result<T, StartError> {
    loaded.or_else(|what| {
        let path = table.path.clone();
        if table.required {
            return Err(StartError::Table { key, path, what });
        }
        warn!("{key}: the demo's {} is passed over: {what}", path.display());
        Ok(T::default())
    })
}
