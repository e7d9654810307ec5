//! What the operator decides: one plain struct per concern, resolved once at start-up.
//!
//! `config/default.toml` documents every key and is the bottom layer; [`source`] stacks files and environment above it,
//! `reader` turns raw values into typed ones and gathers every mistake. Nothing else reads the environment.

pub mod access;
pub mod cloud;
mod container;
mod cors;
pub mod dynamodb;
mod edge;
mod features;
pub mod mistake;
mod reader;
pub mod source;
mod vertex;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use access::Access;
pub use cloud::{Aws, Calls, SageMaker};
pub use container::{ACCEPTED, Container};
pub use cors::{Cors, OriginPattern, Origins};
pub use dynamodb::{DynamoDb, ItemLayout, KeyAttribute, KeyType};
pub use edge::{Answers, Tls};
pub use features::{EmbeddedStore, FeatureCache, Features, IN_MEMORY, Store};
pub use mistake::{Mistake, Mistakes};
use reader::Reader;
use source::Settings;
pub use vertex::Vertex;

/// The whole configuration. Field names are the keys of `config/default.toml`.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[cors]`
    pub cors: Cors,
    /// `[access]`
    pub access: Access,
    /// `[answers]`; `None` when nothing is cached
    pub answers: Option<Answers>,
    /// `[model]`
    pub model: Model,
    /// `[compat]` and the variables of the SageMaker container
    pub container: Container,
    /// `[vertex]`
    pub vertex: Vertex,
    /// `[scorer]`
    pub scorer: Scorer,
    /// `[features]`
    pub features: Features,
    /// `[aws]`
    pub aws: Aws,
    /// `[products]`
    pub products: Products,
    /// `[log]`
    pub log: Log,
}

/// `[server]`: the listener and its limits.
#[derive(Debug, Clone)]
pub struct Server {
    /// `server.listen`
    pub listen: SocketAddr,
    /// `server.static_dir`
    pub static_dir: Option<PathBuf>,
    /// `server.body_limit`, in bytes
    pub body_limit: usize,
    /// `server.bodies_limit`, in bytes
    pub bodies_limit: usize,
    /// `server.rows_limit`
    pub rows_limit: usize,
    /// `server.queue_rows`
    pub queue_rows: usize,
    /// `server.deadline`
    pub deadline: Duration,
    /// `server.head_timeout`
    pub head_timeout: Duration,
    /// `server.idle_timeout`
    pub idle_timeout: Duration,
    /// `server.write_timeout`
    pub write_timeout: Duration,
    /// `server.connections`; 0 for as many as the limit on open files allows
    pub connections: usize,
    /// `server.ready_delay`
    pub ready_delay: Duration,
    /// `server.drain`
    pub drain: Duration,
    /// `server.admin_listen`
    pub admin_listen: Option<SocketAddr>,
    /// `server.base_path`, without a slash at its end
    pub base_path: String,
    /// `server.hosts`, in lower case
    pub hosts: Vec<String>,
    /// `[server.tls]`
    pub tls: Option<Tls>,
}

/// `[model]`: the model file and the decision it leads to.
#[derive(Debug, Clone)]
pub struct Model {
    /// `model.path`
    pub path: ModelPath,
    /// `model.name`
    pub name: String,
    /// `model.size_limit`, in bytes
    pub size_limit: usize,
    /// `model.memory_limit`, in bytes
    pub memory_limit: usize,
    /// `model.reload_interval`; `None` for `"off"`
    pub reload_interval: Option<Duration>,
    /// `model.threshold`; `None` for `"auto"`
    pub threshold: Option<f64>,
    /// `model.endpoint_names`; empty for any
    pub endpoint_names: Vec<String>,
}

/// `model.path`, told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelPath {
    /// `"demo"`: the built-in model.
    Demo,
    /// A local file, or a folder of them.
    File(PathBuf),
    /// `s3://bucket/key`
    S3 {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
    },
}

/// `[scorer]`: what scores rows.
#[derive(Debug, Clone)]
pub struct Scorer {
    /// `scorer.kind`
    pub kind: ScorerKind,
    /// `scorer.shadow`; `None` for 0
    pub shadow: Option<Shadow>,
    /// `[scorer.sagemaker]`, whenever an endpoint is named: `imba verify` asks it whatever scores.
    pub endpoint: Option<SageMaker>,
}

/// Which adapter scores, with what it needs.
#[derive(Debug, Clone)]
pub enum ScorerKind {
    /// `"embedded"`
    Embedded,
    /// `"sagemaker"`
    SageMaker(Box<SageMaker>),
}

/// What is compared in the background.
#[derive(Debug, Clone)]
pub struct Shadow {
    /// Share of the requests, above 0 and up to 1.
    pub share: f64,
    /// The scorer that does not answer.
    pub kind: ScorerKind,
}

/// The word for the demo's files where a path may stand.
pub const DEMO: &str = "demo";

/// `[products]`: what products are called.
#[derive(Debug, Clone)]
pub struct Products {
    /// `products.names`
    pub names: Option<Table>,
}

/// A table that the service can do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Table {
    /// `"demo"`: the built-in one, which goes with the demo's model alone.
    Demo,
    /// A file, which must exist and fit, whatever the model.
    File(PathBuf),
}

/// `[log]`
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// `log.level`
    pub level: tracing::Level,
    /// `log.format`
    pub format: LogFormat,
    /// `log.access`
    pub access: bool,
    /// Whether the environment asks for texts without colours, by `NO_COLOR`
    pub no_color: bool,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// One readable line per event.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Resolves `settings` into a configuration, or reports every mistake in them.
    ///
    /// # Errors
    /// All mistakes found, each with its key and the file or variable it came from.
    pub fn resolve(settings: &Settings) -> Result<Self, Mistakes> {
        let mut reader = Reader::new(settings);
        let deadline = reader.duration("server.deadline");
        let config = Self {
            server: Server {
                listen: reader.address("server.listen"),
                static_dir: reader.optional("server.static_dir").map(PathBuf::from),
                body_limit: reader.size("server.body_limit"),
                bodies_limit: reader.size("server.bodies_limit"),
                rows_limit: reader.count("server.rows_limit"),
                queue_rows: reader.count("server.queue_rows"),
                deadline,
                head_timeout: reader.duration("server.head_timeout"),
                idle_timeout: reader.duration("server.idle_timeout"),
                write_timeout: reader.duration("server.write_timeout"),
                connections: reader.number("server.connections"),
                ready_delay: reader.delay("server.ready_delay"),
                drain: reader.duration("server.drain"),
                admin_listen: reader.optional_address("server.admin_listen"),
                base_path: edge::base_path(&mut reader),
                hosts: edge::hosts(&mut reader),
                tls: edge::tls(&mut reader),
            },
            cors: cors::cors(&mut reader),
            access: access::access(&mut reader),
            answers: edge::answers(&mut reader),
            model: Model {
                path: reader.model_path("model.path"),
                name: vertex::model_name(&mut reader),
                size_limit: reader.size("model.size_limit"),
                memory_limit: reader.size("model.memory_limit"),
                reload_interval: reader.interval("model.reload_interval"),
                threshold: reader.threshold("model.threshold"),
                endpoint_names: reader.list("model.endpoint_names"),
            },
            container: container::container(&mut reader),
            vertex: vertex::vertex(&mut reader),
            scorer: scorer(&mut reader, deadline),
            features: features::features(&mut reader, deadline),
            aws: cloud::aws(&mut reader),
            products: Products { names: reader.table("products.names") },
            log: Log {
                level: reader.choice(
                    "log.level",
                    &[
                        ("error", tracing::Level::ERROR),
                        ("warn", tracing::Level::WARN),
                        ("info", tracing::Level::INFO),
                        ("debug", tracing::Level::DEBUG),
                        ("trace", tracing::Level::TRACE),
                    ],
                ),
                format: reader.choice(
                    "log.format",
                    &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)],
                ),
                access: reader.flag("log.access"),
                no_color: settings.no_color(),
            },
        };
        if matches!(config.scorer.kind, ScorerKind::SageMaker(_)) && config.features.columns.is_empty() {
            let what = "is empty: an endpoint does not tell the names of its model's features";
            reader.mistake("features.columns", what.to_owned());
        }
        reader.finish().map(|()| config)
    }
}

fn scorer(reader: &mut Reader<'_>, deadline: Duration) -> Scorer {
    const KIND: &str = "scorer.kind";
    let is_embedded = reader.choice(KIND, &[("embedded", true), ("sagemaker", false)]);
    let endpoint = cloud::sagemaker(reader, deadline);
    let share = reader.share("scorer.shadow");
    let sagemaker = endpoint.clone().map(|endpoint| ScorerKind::SageMaker(Box::new(endpoint)));
    if !is_embedded && sagemaker.is_none() {
        reader.mistake(KIND, "is \"sagemaker\", which needs scorer.sagemaker.endpoint_name".to_owned());
    }
    if share > 0.0 && sagemaker.is_none() {
        reader.mistake("scorer.shadow", "needs scorer.sagemaker.endpoint_name to compare with".to_owned());
    }
    let (kind, other) = match sagemaker {
        Some(sagemaker) if is_embedded => (ScorerKind::Embedded, Some(sagemaker)),
        Some(sagemaker) => (sagemaker, Some(ScorerKind::Embedded)),
        // Where an endpoint is needed, this is already a mistake, and the placeholder is never used.
        None => (ScorerKind::Embedded, None),
    };
    let shadow = other.filter(|_| share > 0.0).map(|kind| Shadow { share, kind });
    Scorer { kind, shadow, endpoint }
}
