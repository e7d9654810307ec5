use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use imba::features::batched::BatchedStore;
use imba::features::{FeatureStore, Lookup, ProductRow, StoreError, StoredRow};
use imba::row::{FeatureRow, PairKey};
use imba::upstream::Bulkhead;
use imba::upstream::batcher::BatchLimits;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws_stub::{Act, AwsStub};
use crate::service::{TestService, problem, text};

/// A row that begins with `first`, unlike any other.
fn row(first: usize) -> String {
    format!("{first}{}", ",7".repeat(17))
}

/// A call that stays under way until it is released.
struct Held {
    permits: Arc<Semaphore>,
    caller: JoinSet<()>,
}

impl Held {
    async fn release(self) {
        self.permits.add_permits(1);
        self.caller.join_all().await;
    }
}

/// A service whose first call is held, and that call.
async fn busy(settings: &[(&str, &str)], then: Act) -> (AwsStub, Arc<TestService>, Held) {
    let stub = AwsStub::start().await;
    let builder =
        settings.iter().fold(TestService::builder(), |builder, (key, value)| builder.with(key, value));
    let service = Arc::new(builder.sagemaker(&stub).await.start().await);
    let permits = Arc::new(Semaphore::new(0));
    stub.next([Act::Held(Arc::clone(&permits))]);
    stub.otherwise(then);
    let mut caller = JoinSet::new();
    let asking = Arc::clone(&service);
    let before = stub.calls().len();
    caller.spawn(async move { assert_eq!(text(asking.post("/predict", row(1000))).await.0, 200) });
    stub.called(before + 1).await;
    (stub, service, Held { permits, caller })
}

/// One call at a time makes what is shared certain.
const ONE_AT_A_TIME: [(&str, &str); 1] = [("scorer.sagemaker.in_flight", "1")];

#[tokio::test]
async fn callers_that_come_meanwhile_share_the_next_call() {
    let (stub, service, first) = busy(&ONE_AT_A_TIME, Act::Scores).await;
    let embedded = TestService::start().await;
    let before = stub.calls().len();
    let mut callers = JoinSet::new();
    for caller in 0..24 {
        let service = Arc::clone(&service);
        callers.spawn(async move { (caller, text(service.post("/predict", row(caller))).await) });
    }
    service.in_flight(25).await;
    first.release().await;
    for (caller, answer) in callers.join_all().await {
        assert_eq!(answer, text(embedded.post("/predict", row(caller))).await, "caller {caller}");
    }
    let calls = stub.calls();
    assert_eq!(calls.len() - before, 1, "24 callers, one call");
    assert_eq!(calls[before].body.lines().count(), 24);
    assert_eq!(stub.most_at_once(), 1);
    // Idle again: called at once, with what was asked and no more.
    assert_eq!(text(service.post("/predict", row(1))).await.0, 200);
    assert_eq!(stub.calls().pop().expect("a call").body, row(1));
}

/// The story of a shared call: one caller's row is refused, and the others have their scores all the same.
#[tokio::test]
async fn a_bad_row_fails_its_caller_alone() {
    let (_stub, service, first) = busy(&ONE_AT_A_TIME, Act::RefusesRow("5")).await;
    let embedded = TestService::start().await;
    let mut callers = JoinSet::new();
    for caller in 0..9 {
        let service = Arc::clone(&service);
        callers.spawn(async move {
            let request = service.post("/predict", row(caller));
            (
                caller,
                if caller == 5 { (problem(request).await.0, String::new()) } else { text(request).await },
            )
        });
    }
    service.in_flight(10).await;
    first.release().await;
    for (caller, answer) in callers.join_all().await {
        let expected = match caller {
            5 => (422, String::new()),
            _ => text(embedded.post("/predict", row(caller))).await,
        };
        assert_eq!(answer, expected, "caller {caller}");
    }
}

#[tokio::test]
async fn who_hangs_up_leaves_the_queue() {
    let (stub, service, first) = busy(&ONE_AT_A_TIME, Act::Scores).await;
    let before = stub.calls().len();
    let gone = tokio::spawn(service.post("/predict", row(1)).send());
    service.in_flight(2).await;
    gone.abort();
    service.metrics_say(r#"imba_http_requests_total{route="/predict",status="499"} 1"#).await;
    let stays = tokio::spawn(text(service.post("/predict", row(2))));
    service.in_flight(2).await;
    first.release().await;
    assert_eq!(stays.await.expect("no panic").0, 200);
    let bodies: Vec<_> = stub.calls()[before..].iter().map(|call| call.body.clone()).collect();
    assert_eq!(bodies, [row(2)]);
}

#[tokio::test]
async fn a_shared_call_has_its_limits() {
    let limits = [ONE_AT_A_TIME[0], ("scorer.sagemaker.batch_rows", "4"), ("scorer.sagemaker.waiting", "10")];
    let (stub, service, first) = busy(&limits, Act::Scores).await;
    let before = stub.calls().len();
    let mut callers = JoinSet::new();
    for caller in 0..12 {
        let service = Arc::clone(&service);
        callers.spawn(async move { text(service.post("/predict", row(caller))).await });
    }
    service.metrics_say(r#"imba_http_requests_total{route="/predict",status="503"} 2"#).await;
    service.in_flight(11).await;
    first.release().await;
    let answers = callers.join_all().await;
    let overloaded: Vec<_> = answers.iter().filter(|(status, _)| *status != 200).collect();
    assert_eq!(overloaded.len(), 2, "ten may wait: {answers:?}");
    assert!(overloaded.iter().all(|(status, body)| *status == 503 && body.contains("\"overloaded\"")));
    let rows: Vec<_> = stub.calls()[before..].iter().map(|call| call.body.lines().count()).collect();
    assert_eq!(rows, [4, 4, 2]);
}

/// A call that hangs holds up nobody while there is room for another.
#[tokio::test]
async fn a_slow_call_is_overtaken() {
    let (stub, service, mut first) = busy(&[("scorer.sagemaker.in_flight", "8")], Act::Scores).await;
    assert_eq!(text(service.post("/predict", row(1))).await.0, 200);
    assert!(first.caller.try_join_next().is_none(), "the slow call is still under way");
    assert_eq!(stub.most_at_once(), 2);
    first.release().await;
}

/// Requests for different targets, or with ids of their own, never share.
#[tokio::test]
async fn targets_are_kept_apart() {
    let passed = [
        ONE_AT_A_TIME[0],
        ("scorer.sagemaker.pass_headers", "x-amzn-sagemaker-target-variant,x-amzn-sagemaker-inference-id"),
    ];
    let (stub, service, first) = busy(&passed, Act::Scores).await;
    let before = stub.calls().len();
    let mut callers = JoinSet::new();
    for (caller, (name, value)) in [
        ("target-variant", "blue"),
        ("target-variant", "green"),
        ("target-variant", "blue"),
        ("inference-id", "a"),
        ("inference-id", "a"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = service.post("/predict", row(caller)).header(format!("x-amzn-sagemaker-{name}"), value);
        callers.spawn(async move { assert_eq!(text(request).await.0, 200) });
    }
    service.in_flight(6).await;
    first.release().await;
    callers.join_all().await;
    let calls = stub.calls().split_off(before);
    for call in &calls {
        let variant = call.header("x-amzn-sagemaker-target-variant");
        let id = call.header("x-amzn-sagemaker-inference-id");
        assert!(variant.is_some() != id.is_some(), "{}", call.head);
        assert!(id.is_none() || call.body.lines().count() == 1, "{}", call.head);
        assert!(variant != Some("green") || call.body == row(1), "{}", call.head);
    }
    let (status, found) =
        problem(service.post("/predict", row(1)).header("x-amzn-sagemaker-target-variant", "x".repeat(64)))
            .await;
    assert_eq!((status, &found["code"]), (400, &json!("wrong_parameter")));
}

/// A store that holds rows of one number, the pair's user, and is as slow as the test wants.
struct Slow {
    gate: Semaphore,
    lookups: Mutex<Vec<usize>>,
    under_way: AtomicUsize,
}

#[async_trait]
impl FeatureStore for Slow {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        self.lookups.lock().expect("no panic").push(keys.len());
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.gate.acquire().await.expect("open").forget();
        if keys.iter().any(|key| key.user() == "13") {
            return Err(StoreError::Corrupt("row format 9".to_owned()));
        }
        let row =
            |key: &PairKey| Some(StoredRow::from(Box::from([key.user().parse::<f32>().ok()?]) as FeatureRow));
        Ok(keys.iter().map(|key| Ok(row(key))).collect())
    }

    async fn products_of(&self, _: &str) -> Result<Vec<ProductRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The same for lookups: order and absences kept, a corrupt row's caller fails alone.
#[tokio::test]
async fn lookups_share_too() {
    let slow =
        Arc::new(Slow { gate: Semaphore::new(0), lookups: Mutex::default(), under_way: AtomicUsize::new(0) });
    let limits = BatchLimits { items: 100, in_flight: 1 };
    let queue = Bulkhead::new(1, 100).queue();
    let store = Arc::new(BatchedStore::new(slow.clone(), limits, queue));
    let ask = |users: &[&str]| {
        let (store, keys) =
            (Arc::clone(&store), users.iter().map(|user| PairKey::new(user, "1")).collect::<Vec<_>>());
        tokio::spawn(async move {
            let rows = store.get_many(&keys).await.map_err(|error| error.to_string())?;
            Ok::<_, String>(
                rows.into_iter().map(|row| row.expect("readable").map(|row| row[0])).collect::<Vec<_>>(),
            )
        })
    };
    let first = ask(&["1"]);
    while slow.under_way.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let others = [ask(&["2", "x", "3"]), ask(&["4"]), ask(&["13"]), ask(&["4", "5"])];
    tokio::task::yield_now().await;
    slow.gate.add_permits(100);
    assert_eq!(first.await.expect("no panic"), Ok(vec![Some(1.0)]));
    let [two, four, bad, five] = others;
    assert_eq!(two.await.expect("no panic"), Ok(vec![Some(2.0), None, Some(3.0)]));
    assert_eq!(four.await.expect("no panic"), Ok(vec![Some(4.0)]));
    assert!(bad.await.expect("no panic").is_err_and(|error| error.contains("row format 9")));
    assert_eq!(five.await.expect("no panic"), Ok(vec![Some(4.0), Some(5.0)]));
    // All together, then both halves, then the bad half apart.
    assert_eq!(*slow.lookups.lock().expect("no panic"), [1, 7, 4, 3, 1, 2]);
}
