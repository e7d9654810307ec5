//! The composition root: configuration to adapters to use case to router. The only file that names concrete adapters.

use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tracing::info;

use crate::config::{Config, EmbeddedStore as EmbeddedStoreConfig, Features, Store};
use crate::features::FeatureStore;
use crate::features::embedded::{EmbeddedStore, OpenError};
use crate::features::table::{Report, Table, TableError};
use crate::http::{HttpState, PAGE, router};
use crate::inference::Inference;
use crate::metrics::Metrics;
use crate::products::ProductNames;
use crate::readiness::{NotReady, Readiness};
use crate::schema::Schema;
use crate::scorer::Scorer;
use crate::scorer::embedded::{EmbeddedScorer, LoadError};
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
    /// The table for an empty store cannot be loaded.
    #[error("features.embedded.seed: {}: {what}", path.display())]
    Seed {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The table of product names cannot be used.
    #[error("products.names: {}: {what}", path.display())]
    ProductNames {
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
        let scorer: Arc<dyn Scorer> = match config.scorer {
            config::Scorer::Embedded => Arc::new(load_model(config)?),
        };
        let schema = Arc::new(Schema::new(config.features.columns.clone()));
        let store: Arc<dyn FeatureStore> = match &config.features.store {
            Store::Embedded(embedded) => Arc::new(open_seeded(embedded, &schema).await?),
        };
        Self::assemble(config, schema, store, scorer).await
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
    ) -> Result<Self, StartError> {
        let product_names = read_product_names(config.products.names.as_deref())?;
        let metrics = Metrics::new(&scorer.info());
        let inference = Arc::new(Inference::new(schema, store, scorer, config.model.threshold));
        let readiness = Arc::new(Readiness::new(Arc::clone(&inference)));
        readiness.check().await?;
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

fn read_product_names(path: Option<&Path>) -> Result<ProductNames, StartError> {
    let Some(path) = path else { return Ok(ProductNames::default()) };
    let wrong = |what| StartError::ProductNames { path: path.to_owned(), what };
    let table = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let names = ProductNames::read(table).map_err(|error| wrong(error.to_string()))?;
    info!(products.named = names.len(), "product names loaded from {}", path.display());
    Ok(names)
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
    let pairs =
        |source| StartError::Store { path: embedded.path.clone(), source: OpenError::NotAStore(source) };
    let mut count = store.len().map_err(|error| pairs(error.to_string()))?;
    if let (0, Some(path)) = (count, &embedded.seed) {
        let seed = |what| StartError::Seed { path: path.clone(), what };
        let file = File::open(path).map_err(|error| seed(error.to_string()))?;
        let report = match Table::open(file, schema) {
            Ok(table) => table.load_into(&store, |_| {}).await,
            Err(error) => Err(error),
        };
        count = seeded(report).map_err(seed)?;
        info!(features.pairs = count, "empty feature store loaded from {}", path.display());
    }
    info!(features.pairs = count, "feature store open at {}", embedded.path.display());
    Ok(store)
}

fn seeded(report: Result<Report, TableError>) -> Result<u64, String> {
    let report = report.map_err(|error| error.to_string())?;
    match report.bad.first() {
        Some(bad) => {
            Err(format!("{} bad rows, the first in line {}: {}", report.bad.len(), bad.line, bad.what))
        }
        None => Ok(report.loaded),
    }
}
