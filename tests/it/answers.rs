use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use imba::model::ModelInfo;
use imba::scorer::{ScoreError, ScoreRequest, Scorer, Scores};
use reqwest::RequestBuilder;
use tokio::sync::Semaphore;

use crate::access::{Keys, header};
use crate::service::{Builder, RECORDED, TestService, fixture, problem};

fn remembering() -> Builder {
    TestService::builder().with("answers.cache_ttl", "1h")
}

/// `hit`, `miss` or nothing, and the body.
async fn ask(request: RequestBuilder) -> (Option<String>, String) {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let cache = header(&answer, "x-cache");
    assert_eq!(header(&answer, "age").is_some(), cache.as_deref() == Some("hit"));
    assert_eq!(header(&answer, "server-timing").is_some(), cache.as_deref() != Some("hit"));
    assert!(header(&answer, "x-model-version").is_some());
    (cache, answer.text().await.expect("a text"))
}

async fn cache_of(request: RequestBuilder) -> String {
    ask(request).await.0.expect("x-cache")
}

#[tokio::test]
async fn an_answer_is_made_once() {
    let service = remembering().start().await;
    let other = RECORDED.replace("514", "515");
    let alike = |service: &TestService| {
        [
            service.post("/predict", RECORDED),
            service.post("/predict", other.clone()),
            service.post("/predict", RECORDED).header("accept", "application/json"),
            service.post_json("/predict", &format!("{{\"instances\": [[{RECORDED}]]}}")),
            service.post("/predict/pair", "1,2"),
            service.get("/predict/pair?user_id=1&product_id=2"),
            service.get("/recommend/1"),
            service.get("/recommend/1?limit=3"),
        ]
    };
    let mut bodies = Vec::new();
    for request in alike(&service) {
        let (cache, body) = ask(request).await;
        assert_eq!(cache.as_deref(), Some("miss"));
        bodies.push(body);
    }
    for (request, body) in alike(&service).into_iter().zip(bodies) {
        assert_eq!(ask(request).await, (Some("hit".to_owned()), body));
    }
    // Whoever sends what has no part in it.
    let request = service.post("/predict", RECORDED).header("user-agent", "x").header("cookie", "a=b");
    assert_eq!(cache_of(request).await, "hit");
    for request in
        [service.post("/explain", RECORDED), service.post("/explain", RECORDED), service.get("/model")]
    {
        let answer = request.send().await.expect("an answer");
        assert_eq!(header(&answer, "x-cache"), None);
    }
    service.metrics_say("imba_answer_cache_hits_total 9").await;
    service.metrics_say("imba_answer_cache_misses_total 8").await;
}

#[tokio::test]
async fn off_unless_asked_for() {
    let service = TestService::start().await;
    for _ in 0..2 {
        assert_eq!(ask(service.post("/predict", RECORDED)).await.0, None);
    }
    let service = remembering().with("answers.cache_explain", "true").start().await;
    for expected in ["miss", "hit"] {
        let answer = service.post("/explain", RECORDED).send().await.expect("an answer");
        assert_eq!(header(&answer, "x-cache").as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn what_failed_is_tried_again() {
    let service = remembering().start().await;
    for _ in 0..2 {
        for request in [service.post("/predict", "1,2,3"), service.post("/predict/pair", "1,99")] {
            let answer = request.send().await.expect("an answer");
            assert_eq!(header(&answer, "x-cache").as_deref(), Some("miss"));
            crate::service::check_problem(answer).await;
        }
        // One of two rows.
        let pairs =
            r#"{"instances": [{"user_id": "1", "product_id": "2"}, {"user_id": "1", "product_id": "99"}]}"#;
        let (cache, body) = ask(service.post_json("/predict/pair", pairs)).await;
        assert_eq!(cache.as_deref(), Some("miss"));
        assert!(body.contains("unknown_pair"), "{body}");
    }
    let (status, _) = problem(service.request("DELETE", "/predict")).await;
    assert_eq!(status, 405);
}

#[tokio::test]
async fn a_fresh_answer_for_those_who_ask() {
    let service = remembering().start().await;
    assert_eq!(cache_of(service.post("/predict", RECORDED)).await, "miss");
    for directive in ["no-cache", "max-age=0", "no-store"] {
        let request = service.post("/predict", RECORDED).header("cache-control", directive);
        assert_eq!(cache_of(request).await, "miss", "{directive}");
    }
    assert_eq!(
        cache_of(service.post("/predict", RECORDED).header("cache-control", "max-age=60")).await,
        "hit"
    );
    // no-store is not kept; no-cache is.
    let other = || service.post("/predict", RECORDED.replace("514", "515"));
    assert_eq!(cache_of(other().header("cache-control", "no-store")).await, "miss");
    assert_eq!(cache_of(other().header("cache-control", "no-cache")).await, "miss");
    assert_eq!(cache_of(other()).await, "hit");
}

#[tokio::test]
async fn a_fresh_answer_for_operators_alone() {
    let mut keys = Keys::new();
    let (usual, operator) = (keys.add("usual", ""), keys.add("operator", ",predict admin"));
    let service =
        keys.service().with("answers.cache_ttl", "1h").with("answers.bypass", "admin").start().await;
    let ask = |key: &str| service.post("/predict", RECORDED).header("x-api-key", key.to_owned());
    assert_eq!(cache_of(ask(&usual)).await, "miss");
    assert_eq!(cache_of(ask(&usual).header("cache-control", "no-cache")).await, "hit");
    assert_eq!(cache_of(ask(&operator).header("cache-control", "no-cache")).await, "miss");
    // Nobody hears a remembered answer who may not have one.
    let answer = service.post("/predict", RECORDED).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "x-cache")), (401, None));
}

fn put(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, content).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}

#[tokio::test]
async fn another_model_answers_for_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    put(&path, &std::fs::read(fixture("binary.ubj")).expect("fixture"));
    let service = remembering()
        .with("model.path", &path.to_string_lossy())
        .with("model.reload_interval", "20ms")
        .start()
        .await;
    let (_, before) = ask(service.post("/predict", RECORDED)).await;
    assert_eq!(cache_of(service.post("/predict", RECORDED)).await, "hit");
    put(&path, &std::fs::read(fixture("softprob.ubj")).expect("fixture"));
    service.metrics_say("imba_model_reloads_total{outcome=\"loaded\"} 1").await;
    let (cache, after) = ask(service.post("/predict", RECORDED)).await;
    assert_eq!(cache.as_deref(), Some("miss"));
    assert_ne!(before, after);
}

#[tokio::test]
async fn an_answer_is_forgotten_in_time() {
    let service = TestService::builder().with("answers.cache_ttl", "50ms").start().await;
    assert_eq!(cache_of(service.post("/predict", RECORDED)).await, "miss");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(cache_of(service.post("/predict", RECORDED)).await, "miss");
}

#[tokio::test]
async fn memory_is_bounded() {
    let service = remembering().with("answers.cache_size", "64KiB").start().await;
    for at in 0..500 {
        ask(service.post("/predict", RECORDED.replace("514", &at.to_string()))).await;
    }
    let (_, metrics) = crate::service::text(service.get("/metrics")).await;
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("imba_answer_cache_bytes "));
    let bytes: usize = bytes.expect("the metric").parse().expect("a number");
    assert!((1..=80 * 1024).contains(&bytes), "{bytes}");
}

/// Counts the calls that reach it, and holds each until it is let go.
pub(crate) struct Held {
    pub(crate) scorer: Arc<dyn Scorer>,
    pub(crate) calls: AtomicUsize,
    pub(crate) gate: Semaphore,
}

#[async_trait]
impl Scorer for Held {
    fn info(&self) -> Arc<ModelInfo> {
        self.scorer.info()
    }

    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.gate.acquire().await.expect("open").forget();
        self.scorer.score(request).await
    }

    async fn probe(&self) -> Result<(), ScoreError> {
        self.scorer.probe().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_ask_at_once_share_one_call() {
    let builder = remembering();
    let scorer = Arc::new(builder.fixture_scorer());
    let held = Arc::new(Held { scorer, calls: AtomicUsize::new(0), gate: Semaphore::new(0) });
    let service = Arc::new(builder.scorer(Arc::clone(&held) as _).start().await);
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { ask(service.post("/predict", RECORDED)).await })
        })
        .collect();
    // More permits than calls: were there more calls, they would pass.
    service.metrics_say("imba_http_requests_in_flight 21").await;
    held.gate.add_permits(100);
    let mut bodies = Vec::new();
    for client in clients {
        bodies.push(client.await.expect("no panic").1);
    }
    bodies.dedup();
    assert_eq!((bodies.len(), held.calls.load(Ordering::Relaxed)), (1, 1));
}

/// The one who makes the answer hangs up: the next one makes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_not_lost_with_the_first() {
    let builder = remembering();
    let scorer = Arc::new(builder.fixture_scorer());
    let held = Arc::new(Held { scorer, calls: AtomicUsize::new(0), gate: Semaphore::new(0) });
    let service = Arc::new(builder.scorer(Arc::clone(&held) as _).start().await);
    let begin = || {
        let service = Arc::clone(&service);
        tokio::spawn(async move { ask(service.post("/predict", RECORDED)).await.1 })
    };
    let first = begin();
    service.metrics_say("imba_http_requests_in_flight 2").await;
    let second = begin();
    service.metrics_say("imba_http_requests_in_flight 3").await;
    first.abort();
    service.metrics_say("imba_http_requests_in_flight 2").await;
    held.gate.add_permits(10);
    assert!(!second.await.expect("no panic").is_empty());
    assert_eq!(held.calls.load(Ordering::Relaxed), 2);
}
