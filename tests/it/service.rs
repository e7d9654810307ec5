//! A service on a free port, with the parts that a test is not about already in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use imba::admission::{Admission, AdmissionLimits};
use imba::app::scorer::{open_scorer, schema_of};
use imba::app::{App, Ports, listen_admin};
use imba::config::source::{Origin, Raw, Settings};
use imba::config::{Config, ModelPath};
use imba::features::embedded::{Base, EmbeddedStore, OpenOptions, StoreDraft};
use imba::features::{FeatureStore, FeatureWriter, StoreError, TableInfo};
use imba::inference::{Features, Model};
use imba::row::{FeatureRow, PairKey};
use imba::scorer::Scorer;
use imba::scorer::embedded::{EmbeddedScorer, LoadOptions};
use imba::telemetry::access_log::AccessLog;
use imba::telemetry::metrics::UpstreamMetrics;
use imba::upstream::aws::AwsContext;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;

use crate::aws_stub::AwsStub;

/// The payload that everybody used.
pub(crate) const RECORDED: &str = "1,6.67578125,3418,209,0.595703125,514,10.0,11,57,11,1599,0.1498791297340854,1.2884770346494763,0.22388993120700437,9.017543859649123,0.017543859649122806,46,0.02127659574468085";

/// Longer than anything takes: it guards against a test that hangs, and says nothing about speed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until `holds`.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let holding = async {
        while !holds().await {
            // Real: whoever is asked tells nothing by itself.
            time::sleep(Duration::from_millis(10)).await;
        }
    };
    time::timeout(PATIENCE, holding).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Lets `span` pass at once, for everything in this runtime.
pub(crate) async fn pass(span: Duration) {
    time::pause();
    time::advance(span).await;
    time::resume();
}

/// A file of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The lines of a file of `tests/fixtures`.
pub(crate) fn fixture_lines(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(fixture(name)).expect("fixture");
    text.lines().map(str::to_owned).collect()
}

/// A running service; it stops when dropped.
pub(crate) struct TestService {
    address: String,
    admin: Option<String>,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<()>>,
    _folder: Arc<TempDir>,
}

/// What a test wants otherwise.
pub(crate) struct Builder {
    folder: Arc<TempDir>,
    settings: Settings,
    pairs: Vec<(PairKey, FeatureRow)>,
    store: Option<Arc<dyn FeatureStore>>,
    model: Option<Model>,
    access_log: Option<AccessLog>,
    upstreams: UpstreamMetrics,
}

impl TestService {
    /// A service of the small binary model with the recorded row stored for user 1 and product 2.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    pub(crate) fn builder() -> Builder {
        let folder = Arc::new(tempfile::tempdir().expect("temporary folder"));
        let mut builder = Builder {
            settings: Settings::defaults(),
            pairs: vec![(PairKey::new("1", "2"), recorded_row())],
            store: None,
            model: None,
            access_log: None,
            upstreams: UpstreamMetrics::default(),
            folder: Arc::clone(&folder),
        };
        for (key, path) in [
            ("model.path", fixture("binary.ubj")),
            ("features.embedded.path", folder.path().join("features.redb")),
        ] {
            builder = builder.with(key, &path.to_string_lossy());
        }
        // Nothing is late because the machine is slow; what must be late is made so by `pass`.
        for (key, span) in [
            ("server.deadline", "60s"),
            ("scorer.sagemaker.timeout", "45s"),
            ("scorer.sagemaker.attempt_timeout", "20s"),
            ("features.dynamodb.timeout", "45s"),
            ("features.dynamodb.attempt_timeout", "20s"),
        ] {
            builder = builder.with(key, span);
        }
        builder.with("features.embedded.seed", "").with("products.names", "")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A GET of the listener for operators.
    pub(crate) fn get_admin(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.admin.as_ref().expect("server.admin_listen")))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().expect("method"), self.url(path))
    }

    /// A POST of `body` without a content type.
    pub(crate) fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(self.url(path)).body(body)
    }

    /// A POST of JSON that wants JSON back.
    pub(crate) fn post_json(&self, path: &str, body: &str) -> RequestBuilder {
        self.post(path, body.to_owned())
            .header("content-type", "application/json")
            .header("accept", "application/json")
    }

    /// Waits until the metrics hold `line`; returns them.
    pub(crate) async fn metrics_say(&self, line: &str) -> String {
        until(line, async || text(self.get("/metrics")).await.1.lines().any(|found| found == line)).await;
        text(self.get("/metrics")).await.1
    }

    /// Waits until `count` requests are under way.
    pub(crate) async fn in_flight(&self, count: usize) {
        // And the request for the metrics.
        self.metrics_say(&format!("imba_http_requests_in_flight {}", count + 1)).await;
    }

    /// Lets time pass, second by second, until all of `requests` are answered; returns the answers.
    pub(crate) async fn pass_until_answered<T: 'static>(&self, mut requests: JoinSet<T>) -> Vec<T> {
        let mut answers = Vec::new();
        while !requests.is_empty() {
            pass(Duration::from_secs(1)).await;
            // What became due happens before the next second.
            assert_eq!(text(self.get("/livez")).await.0, 200);
            while let Some(answer) = requests.try_join_next() {
                answers.push(answer.expect("no panic"));
            }
        }
        answers
    }

    /// Begins the drain, as SIGTERM does.
    pub(crate) fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).expect("serving");
    }

    /// Waits for the end of the drain.
    pub(crate) async fn stopped(mut self) {
        self.served.take().expect("serving").await.expect("no panic in the server");
    }
}

impl Builder {
    /// Sets a key of the configuration.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.set(key, Raw::Text(value.to_owned()), Origin::Env("the test".to_owned()));
        self
    }

    /// Stores other pairs.
    pub(crate) fn pairs(mut self, pairs: Vec<(PairKey, FeatureRow)>) -> Self {
        self.pairs = pairs;
        self
    }

    /// Puts another store behind the port.
    pub(crate) fn store(mut self, store: Arc<dyn FeatureStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Puts another scorer behind the port.
    pub(crate) fn scorer(self, scorer: Arc<dyn Scorer>) -> Self {
        self.model(Model { scorer, explainer: None })
    }

    fn model(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Writes an access log.
    pub(crate) fn access_log(mut self, log: AccessLog) -> Self {
        self.access_log = Some(log);
        self
    }

    /// Has the endpoint `stub` score, through everything that stands before one in the service.
    pub(crate) async fn sagemaker(self, stub: &AwsStub) -> Self {
        self.with("scorer.kind", "sagemaker")
            .with("features.columns", &columns().join(","))
            .shadow(stub)
            .await
    }

    /// Has the endpoint `stub` at hand, for what the configuration uses it for.
    pub(crate) async fn shadow(self, stub: &AwsStub) -> Self {
        let builder = self.with("scorer.sagemaker.endpoint_name", "imba");
        let sdk = stub.sdk(&builder.config().aws).await;
        builder.endpoint(sdk).await
    }

    /// Has the configured endpoint of the account `sdk` at hand.
    pub(crate) async fn endpoint(self, sdk: SdkConfig) -> Self {
        let config = self.config();
        let account = AwsContext::given(config.aws.clone(), sdk);
        let admission = Admission::default();
        let opened = Box::pin(open_scorer(&config, &account, &admission, &self.upstreams)).await;
        let (model, _) = opened.expect("a client");
        self.model(model)
    }

    pub(crate) fn config(&self) -> Config {
        Config::resolve(&self.settings).expect("the test's configuration")
    }

    /// The small model of the fixtures.
    pub(crate) fn fixture_scorer(&self) -> EmbeddedScorer {
        let config = self.config();
        let ModelPath::File(path) = &config.model.path else { panic!("the model is a fixture") };
        let file = std::fs::read(path).expect("fixture");
        let options = LoadOptions { columns: config.features.columns, ..LoadOptions::default() };
        EmbeddedScorer::new(&file, options, Admission::default()).expect("fixture model")
    }

    pub(crate) async fn start(self) -> TestService {
        let config = self.config();
        let model = self.model.clone().unwrap_or_else(|| {
            let scorer = Arc::new(self.fixture_scorer());
            Model { scorer: Arc::clone(&scorer) as _, explainer: Some(scorer) }
        });
        let schema = schema_of(&*model.scorer);
        let path = self.folder.path().join("features.redb");
        if self.store.is_none() {
            store_table(&path, &schema.stored_columns(), Base::Present, self.pairs.clone())
                .await
                .expect("pairs stored");
        }
        let app = if self.store.is_none() && self.model.is_none() {
            App::build(&config, self.access_log).await
        } else {
            let features = if let Some(store) = self.store.clone() {
                Features { kind: "of the test", store, users: None, table: None }
            } else {
                let store = Arc::new(open_table(&path, &schema.stored_columns()));
                let (users, table) = (Some(Arc::clone(&store) as _), Some(Arc::clone(&store) as _));
                Features { kind: "embedded", store, users, table }
            };
            let ports = Ports { schema: Arc::clone(&schema), features: Some(features), model };
            let limits = AdmissionLimits::new(config.server.queue_rows, config.server.bodies_limit);
            App::assemble(&config, ports, Admission::new(limits), &self.upstreams, self.access_log).await
        };
        let admin = listen_admin(&config.server).expect("a free port");
        let address_of = |listener: &TcpListener| listener.local_addr().expect("bound").to_string();
        let admin_address = admin.as_ref().map(address_of);
        let app = app.expect("the service starts").with_admin(admin);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = address_of(&listener);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(app.serve(listener, async move {
            // A dropped sender stops the service too.
            let _ = stopped.await;
        }));
        let client = Client::builder().timeout(Duration::from_mins(10)).build().expect("client");
        TestService {
            address,
            admin: admin_address,
            client,
            stop: Some(stop),
            served: Some(served),
            _folder: self.folder,
        }
    }
}

/// Writes `rows` into the store at `path`, as an import does.
pub(crate) async fn store_table(
    path: &Path,
    columns: &[String],
    base: Base,
    rows: Vec<(PairKey, FeatureRow)>,
) -> Result<TableInfo, StoreError> {
    let draft = StoreDraft::begin(path, columns, base, "the test").expect("a draft");
    draft.put_many(rows).await?;
    draft.finish().await
}

pub(crate) fn open_table(path: &Path, columns: &[String]) -> EmbeddedStore {
    EmbeddedStore::open(path, columns, OPTIONS).expect("a store")
}

/// A cache that holds little, and a check of every file.
pub(crate) const OPTIONS: OpenOptions = OpenOptions { cache: 1 << 20, check_limit: u64::MAX };

/// The features of the fixtures' model, in order.
pub(crate) fn columns() -> Vec<String> {
    TestService::builder().fixture_scorer().info().feature_names.clone()
}

/// The row of [`RECORDED`].
pub(crate) fn recorded_row() -> FeatureRow {
    RECORDED.split(',').map(|cell| cell.parse::<f64>().expect("number") as f32).collect()
}

/// Sends, and returns status and text.
pub(crate) async fn text(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a text"))
}

/// Sends, and returns status and JSON.
pub(crate) async fn json(request: RequestBuilder) -> (u16, Value) {
    let (status, text) = text(request).await;
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}")))
}

/// Sends, and checks that the answer is a whole problem document: its status, code, row and column.
pub(crate) async fn problem(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    check_problem(response).await
}

pub(crate) async fn check_problem(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let header = |name: &str| {
        let value = response.headers().get(name).unwrap_or_else(|| panic!("{status} without {name}"));
        value.to_str().expect("ASCII").to_owned()
    };
    assert_eq!(header("content-type"), "application/problem+json");
    assert_eq!(header("access-control-allow-origin"), "*");
    let id = header("x-request-id");
    let problem: Value =
        serde_json::from_str(&response.text().await.expect("a text")).expect("a JSON document");
    for member in ["type", "title", "detail", "code"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
    }
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], id);
    (status, problem)
}
