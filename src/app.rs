//! The composition root: configuration to adapters to use case to HTTP edge. The only file that names concrete adapters.

mod age;
mod door;
mod files;
mod jwks;
pub mod scorer;
pub mod store;

use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::access::AccessError;
use crate::admission::{Admission, AdmissionLimits};
use crate::api::{AnswerCache, ApiState, Face, PageError, PageFiles, Parts, edge};
use crate::app::age::AgeWatch;
use crate::app::files::FilesWatcher;
use crate::app::scorer::{open_scorer, schema_of};
use crate::app::store::open_filled;
use crate::cause::chain;
use crate::config::{self, Config, ScorerKind};
use crate::demo;
use crate::features::TableInfo;
use crate::features::dynamodb::TableError;
use crate::features::embedded::{OpenError, TableWatcher};
use crate::inference::{Features, Inference, Model};
use crate::model::watcher::ModelWatcher;
use crate::products::ProductNames;
use crate::readiness::{NotReady, Readiness};
use crate::row::Schema;
use crate::server::{self, Listener, MaybeTls, Tls, TlsError};
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::metrics::{Collector, Metrics, ModelInUse, TableFacts, TableInUse, UpstreamMetrics};
use crate::upstream::aws::{AwsContext, AwsError};

pub use door::listen_admin;

/// Why the service does not start. Each text says what to look at.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The model cannot be used.
    #[error("model.path: {location}: {source}")]
    Model {
        /// Where the model was to come from.
        location: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The feature store cannot be used.
    #[error("features.embedded.path: {}: {source}", path.display())]
    Store {
        /// The store file.
        path: PathBuf,
        /// What is wrong with it.
        source: OpenError,
    },
    /// The table of features cannot be used.
    #[error("features.dynamodb.table: {table:?}: {source}")]
    DynamoDb {
        /// The table.
        table: String,
        /// What is wrong with it.
        source: TableError,
    },
    /// A table that was asked for cannot be loaded.
    #[error("{key}: {name}: {what}")]
    Table {
        /// The key that names it.
        key: &'static str,
        /// The table.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The page is not where the configuration says.
    #[error("server.static_dir: {0}")]
    Page(#[from] PageError),
    /// A store in memory is its own process's alone.
    #[error(
        "features.embedded.path: is \":memory:\": such a store ends with its service, and no other process can read it or load it; \
         expected the path of a file"
    )]
    InMemory,
    /// A store is needed.
    #[error(
        "features.kind: is \"none\": there is no store to work on; set features.kind to \"embedded\" or \"dynamodb\""
    )]
    NoStore,
    /// An endpoint is needed.
    #[error("scorer.sagemaker.endpoint_name: names no endpoint to compare with")]
    NoEndpoint,
    /// AWS cannot be called.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// Callers cannot be told apart as configured.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Connections cannot be secured as configured.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The first row could not be scored or looked up.
    #[error("the service does not answer its own first request: {0}")]
    Probe(#[from] NotReady),
    /// The address for operators cannot be listened on.
    #[error("server.admin_listen: {address}: {source}")]
    ListenAdmin {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The address cannot be listened on.
    #[error("server.listen: {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// The two ports of a service, answered.
pub struct Ports {
    /// The inputs of a row.
    pub schema: Arc<Schema>,
    /// The store, unless the service has none.
    pub features: Option<Features>,
    /// What scores.
    pub model: Model,
}

/// A service that is loaded, warm and ready, but not yet listening.
pub struct App {
    state: ApiState,
    /// Whether it should be sent requests.
    pub readiness: Arc<Readiness>,
    model_watcher: Option<ModelWatcher>,
    table_watcher: Option<TableWatcher>,
    files_watchers: Vec<FilesWatcher>,
    tls: Option<Tls>,
    admin: Option<TcpListener>,
    config: Config,
}

impl App {
    /// Loads the model, opens the store, fills it if it is empty and to be seeded, and scores a first row.
    ///
    /// # Errors
    /// The first of these that fails.
    pub async fn build(config: &Config, access_log: Option<AccessLog>) -> Result<Self, StartError> {
        let aws = AwsContext::new(config.aws.clone());
        let limits = AdmissionLimits::new(config.server.queue_rows, config.server.bodies_limit);
        let admission = Admission::new(limits);
        let upstreams = UpstreamMetrics::default();
        let (model, model_watcher) = open_scorer(config, &aws, &admission, &upstreams).await?;
        let schema = schema_of(&*model.scorer);
        let is_demo = model.scorer.info().version == demo::MODEL_VERSION;
        let (features, table_watcher) =
            open_filled(&config.features, &schema, &aws, &upstreams, &admission, is_demo).await?;
        let ports = Ports { schema, features, model };
        let app = Self::assemble(config, ports, admission, &upstreams, access_log).await?;
        Ok(Self { model_watcher, table_watcher, ..app })
    }

    /// The service over ports that are open already.
    ///
    /// # Errors
    /// The first row cannot be scored or looked up.
    pub async fn assemble(
        config: &Config,
        Ports { schema, features, model }: Ports,
        admission: Admission,
        upstreams: &UpstreamMetrics,
        access_log: Option<AccessLog>,
    ) -> Result<Self, StartError> {
        let is_demo = model.scorer.info().version == demo::MODEL_VERSION;
        let names = config.products.names.as_ref();
        let product_names = match names.filter(|names| fits("products.names", names, is_demo)) {
            Some(table) => product_names(table)?,
            None => ProductNames::default(),
        };
        let scorer = Arc::clone(&model.scorer);
        let in_use = ModelInUse(move || {
            let model = scorer.info();
            (model.version.clone(), model.objective.clone().unwrap_or_default())
        });
        let mut collectors: Vec<Box<dyn Collector>> = vec![Box::new(in_use)];
        if let Some(table) = features.as_ref().and_then(|features| features.table.clone()) {
            let facts = move || {
                let table = (*table.table()).clone();
                let is_known = table != TableInfo::default();
                let TableInfo { version, rows, loaded_at, .. } = table;
                is_known.then_some(TableFacts { version, rows, loaded_at })
            };
            collectors.push(Box::new(TableInUse { facts, max_age: config.features.max_age }));
        }
        let metrics = Metrics::new(upstreams, collectors);
        let inference =
            Arc::new(Inference::new(schema, features, model, config.model.threshold, admission.clone()));
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
        let access = door::open_access(config, metrics.access.clone()).await?;
        let tls = door::open_tls(&config.server)?;
        let files_watchers = door::watchers(config, access.as_ref(), tls.as_ref());
        let answers = config.answers.map(|answers| AnswerCache::new(answers, metrics.answers.clone()));
        let state = ApiState::from(Parts {
            inference,
            readiness: Arc::clone(&readiness),
            metrics,
            product_names: Arc::new(product_names),
            access_log,
            admission,
            model_name: config.model.name.clone(),
            pass_headers: pass_headers(config),
            body_limit: config.server.body_limit,
            rows_limit: config.server.rows_limit,
            container: Arc::new(config.container.clone()),
            endpoint_names: config.model.endpoint_names.clone(),
            deadline: config.server.deadline,
            files: PageFiles::open(config.server.static_dir.as_deref())?,
            access,
            answers,
            is_tls: tls.is_some(),
        });
        let (model_watcher, table_watcher, admin) = (None, None, None);
        let config = config.clone();
        Ok(Self { state, readiness, model_watcher, table_watcher, files_watchers, tls, admin, config })
    }

    /// When notified, the service looks at once for a new model, feature table, keys and certificates; empty if it has nothing to reload.
    #[must_use]
    pub fn reload_now(&self) -> Vec<Arc<Notify>> {
        let model = self.model_watcher.as_ref().map(ModelWatcher::now);
        let table = self.table_watcher.as_ref().map(TableWatcher::now);
        model.into_iter().chain(table).chain(self.files_watchers.iter().map(FilesWatcher::now)).collect()
    }

    /// The same service with what is for operators on `listener`, and nowhere else.
    #[must_use]
    pub fn with_admin(self, listener: Option<TcpListener>) -> Self {
        Self { admin: listener, ..self }
    }

    /// Serves on `listener`, with the newest model there is, until `stop` completes and the drain is over.
    pub async fn serve(self, listener: impl Listener + Sync, stop: impl Future<Output = ()>) {
        let readiness = self.readiness;
        let metrics = self.state.metrics.model.clone();
        let model = self.model_watcher.map(|watcher| tokio::spawn(watcher.run(metrics)));
        let table = self.table_watcher.map(|watcher| tokio::spawn(watcher.run()));
        let files = self.files_watchers.into_iter().map(|watcher| tokio::spawn(watcher.run()));
        let access = self.state.access.clone();
        let caring = access.clone().map(|access| tokio::spawn(access.run()));
        let inference = Arc::clone(&self.state.inference);
        let loaded_at = move || inference.table().and_then(|table| table.loaded_at);
        let age =
            self.config.features.max_age.map(|max_age| tokio::spawn(AgeWatch::new(loaded_at, max_age).run()));
        let background: Vec<_> =
            model.into_iter().chain(table).chain(files).chain(caring).chain(age).collect();
        let face = if self.admin.is_some() { Face::Public } else { Face::Whole };
        let admin = self.admin.map(|admin| {
            let edge = edge(&self.state, &self.config, Face::Admin);
            let (config, stop) = (self.config.server.clone(), Arc::new(Notify::new()));
            let listener = MaybeTls { listener: admin, tls: None };
            let config = config::Server { ready_delay: Duration::ZERO, ..config };
            let stopped = Arc::clone(&stop);
            let served = async move {
                server::serve(listener, edge, &config, stopped.notified(), || {}).await;
            };
            (stop, tokio::spawn(served))
        });
        let listener = MaybeTls { listener, tls: self.tls };
        let edge = edge(&self.state, &self.config, face);
        server::serve(listener, edge, &self.config.server, stop, || readiness.drain()).await;
        // To the last, so that probers can ask how the drain goes.
        if let Some((stop, served)) = admin {
            stop.notify_one();
            let _ = served.await;
        }
        for watcher in background {
            watcher.abort();
            let _ = watcher.await;
        }
        if let Some(access) = access {
            access.save();
        }
    }
}

fn pass_headers(config: &Config) -> Vec<String> {
    match &config.scorer.kind {
        ScorerKind::SageMaker(endpoint) => endpoint.pass_headers.clone(),
        ScorerKind::Embedded => Vec::new(),
    }
}

/// Binds the configured address.
///
/// # Errors
/// The address is in use, not local, or not permitted.
pub fn listen(server: &config::Server) -> Result<TcpListener, StartError> {
    let address = server.listen;
    server::bind(address).map_err(|source| StartError::Listen { address, source })
}

fn product_names(table: &config::Table) -> Result<ProductNames, StartError> {
    let names = match table {
        config::Table::Demo => ProductNames::read(demo::products()).map_err(|error| chain(&error)),
        config::Table::File(path) => File::open(path)
            .map_err(|error| error.to_string())
            .and_then(|file| ProductNames::read(file).map_err(|error| chain(&error))),
    };
    let names =
        names.map_err(|what| StartError::Table { key: "products.names", name: name_of(table), what })?;
    info!(products.named = names.len(), "product names loaded from {}", name_of(table));
    Ok(names)
}

/// Whether `table` can be for the model: the demo's is for the demo's alone.
fn fits(key: &str, table: &config::Table, is_demo: bool) -> bool {
    let fits = is_demo || *table != config::Table::Demo;
    if !fits {
        info!("{key}: the demo's table is left out: the model is another");
    }
    fits
}

/// What people call `table`.
fn name_of(table: &config::Table) -> String {
    match table {
        config::Table::Demo => "the demo".to_owned(),
        config::Table::File(path) => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests;
