use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use imba::cause::cause;
use imba::features::{FeatureStore, Lookup, ProductRow, StoreError, UnreadableRow};
use imba::model::ModelInfo;
use imba::row::PairKey;
use imba::scorer::{ScoreError, ScoreRequest, Scorer, Scores};
use imba::upstream::UpstreamError;
use serde_json::json;
use tokio::task::JoinSet;

use crate::service::{RECORDED, TestService, pass, problem, text};

const WELL: u8 = 0;
const DOWN: u8 = 1;
const PANICS: u8 = 2;
const NAN: u8 = 3;
const SLOW: u8 = 4;
const CORRUPT: u8 = 5;

/// Both ports, with a switch for what goes wrong behind them.
struct Faulty {
    fault: AtomicU8,
    scorer: Arc<dyn Scorer>,
}

impl Faulty {
    fn set(&self, fault: u8) {
        self.fault.store(fault, Ordering::Relaxed);
    }
}

#[async_trait]
impl Scorer for Faulty {
    fn info(&self) -> Arc<ModelInfo> {
        self.scorer.info()
    }

    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        match self.fault.load(Ordering::Relaxed) {
            DOWN => Err(UpstreamError::Unavailable(cause("connection refused by 10.0.0.7")).into()),
            PANICS => panic!("the scorer panics"),
            NAN => Err(ScoreError::NotFinite { row: 1, value: f64::NAN }),
            SLOW => std::future::pending().await,
            _ => self.scorer.score(request).await,
        }
    }

    async fn probe(&self) -> Result<(), ScoreError> {
        self.scorer.probe().await
    }
}

#[async_trait]
impl FeatureStore for Faulty {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        match self.fault.load(Ordering::Relaxed) {
            DOWN => Err(StoreError::Unavailable(cause("connection refused by 10.0.0.8"))),
            CORRUPT => Ok(vec![Err(UnreadableRow("row format 9".to_owned())); keys.len()]),
            _ => Ok(vec![Ok(Some(crate::service::recorded_row().into())); keys.len()]),
        }
    }

    async fn products_of(&self, _: &str) -> Result<Vec<ProductRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        match self.fault.load(Ordering::Relaxed) {
            DOWN => Err(StoreError::Unavailable(cause("connection refused by 10.0.0.8"))),
            _ => Ok(()),
        }
    }
}

async fn faulty() -> (Arc<Faulty>, TestService) {
    let builder = TestService::builder();
    let faulty = Arc::new(Faulty { fault: AtomicU8::new(WELL), scorer: Arc::new(builder.fixture_scorer()) });
    let service = builder.scorer(faulty.clone()).store(faulty.clone()).start().await;
    (faulty, service)
}

/// Each fault has its documented answer, says nothing of what is inside, and is over when it is over.
#[tokio::test]
async fn faults_are_answered_and_end() {
    let (faulty, service) = faulty().await;
    for (fault, path, status, code) in [
        (DOWN, "/predict", 503, "unavailable"),
        (DOWN, "/predict/pair", 503, "unavailable"),
        (PANICS, "/predict", 500, "internal"),
        (NAN, "/predict", 500, "internal"),
        (CORRUPT, "/predict/pair", 500, "unreadable_row"),
        (SLOW, "/predict", 504, "deadline"),
    ] {
        let body = if path == "/predict" { RECORDED } else { "1,2" };
        faulty.set(fault);
        let mut asked = JoinSet::from_iter([problem(service.post(path, body))]);
        let answer = match fault {
            SLOW => service.pass_until_answered(asked).await.pop(),
            _ => asked.join_next().await.transpose().expect("no panic"),
        };
        let (found_status, found) = answer.expect("an answer");
        assert_eq!((found_status, &found["code"]), (status, &json!(code)), "{path} with fault {fault}");
        let words = found.to_string();
        assert!(!words.contains("10.0.0") && !words.contains("row format"), "{words}");
        faulty.set(WELL);
        assert_eq!(text(service.post(path, body)).await.0, 200, "{path} after fault {fault}");
    }
}

#[tokio::test]
async fn retry_after_comes_with_503() {
    let (faulty, service) = faulty().await;
    faulty.set(DOWN);
    let response = service.post("/predict", RECORDED).send().await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "1");
}

/// A store that goes away makes the service unready and leaves it alive; when it is back, so is readiness.
#[tokio::test]
async fn readiness_follows_the_ports() {
    let (faulty, service) = faulty().await;
    assert_eq!(text(service.get("/readyz")).await.0, 200);
    faulty.set(DOWN);
    // The last good probe is old.
    pass(Duration::from_secs(2)).await;
    let (_, found) = problem(service.get("/readyz")).await;
    assert_eq!(found["code"], "not_ready");
    assert_eq!(text(service.get("/livez")).await.0, 200);
    faulty.set(WELL);
    assert_eq!(text(service.get("/readyz")).await.0, 200);
}

/// A client that hangs up while it waits is counted as 499 and holds nothing.
#[tokio::test]
async fn a_client_that_hangs_up() {
    let (faulty, service) = faulty().await;
    faulty.set(SLOW);
    let hasty = tokio::spawn(service.post("/predict", RECORDED).send());
    service.in_flight(1).await;
    hasty.abort();
    service.metrics_say(r#"imba_http_requests_total{route="/predict",status="499"} 1"#).await;
    service.in_flight(0).await;
}
