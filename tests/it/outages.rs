use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::aws_stub::{Act, AwsStub};
use crate::service::{RECORDED, TestService, pass, problem, text, until};

async fn service(stub: &AwsStub, settings: &[(&str, &str)]) -> TestService {
    let builder = TestService::builder()
        .with("scorer.sagemaker.attempts", "2")
        .with("scorer.sagemaker.breaker_calls", "4")
        .with("scorer.sagemaker.breaker_pause", "300ms");
    let builder = settings.iter().fold(builder, |builder, (key, value)| builder.with(key, value));
    builder.sagemaker(stub).await.start().await
}

/// Waits until a GET of `path` has `status`.
async fn becomes(service: &TestService, path: &str, status: u16) {
    until(&format!("{path} is {status}"), async || text(service.get(path)).await.0 == status).await;
}

/// Waits until a row is scored.
async fn recovers(service: &TestService) {
    until("it recovers by itself", async || text(service.post("/predict", RECORDED)).await.0 == 200).await;
}

/// Down at start: alive, not ready, and ready by itself once the endpoint is there, with no request to find out by.
#[tokio::test]
async fn an_endpoint_that_is_down_at_start() {
    let stub = AwsStub::start().await;
    stub.down(true);
    let service = service(&stub, &[]).await;
    assert_eq!(text(service.get("/livez")).await.0, 200);
    let (status, found) = problem(service.get("/readyz")).await;
    assert_eq!((status, &found["code"]), (503, &json!("not_ready")));
    assert_eq!(problem(service.post("/predict", RECORDED)).await.0, 503);
    stub.down(false);
    becomes(&service, "/readyz", 200).await;
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
}

/// Repeated failures open the circuit: callers hear at once, with the time after which to come back; the endpoint hears
/// nothing. When it is well again, so is the service.
#[tokio::test]
async fn an_endpoint_that_goes_away_and_comes_back() {
    let stub = AwsStub::start().await;
    let service = service(&stub, &[("scorer.sagemaker.breaker_pause", "20s")]).await;
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
    stub.otherwise(Act::Error(500, "InternalFailure", "{}"));
    // Two attempts each; with the two good ones before, the third makes it three failures of five.
    for _ in 0..2 {
        assert_eq!(problem(service.post("/predict", RECORDED)).await.0, 502);
    }
    let before = stub.calls().len();
    let response = service.post("/predict", RECORDED).send().await.expect("an answer");
    let after: u64 = response.headers()["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
    assert_eq!(response.status(), 503);
    assert!((1..=20).contains(&after), "{after}");
    assert!(response.text().await.expect("a text").contains("left alone"));
    assert_eq!(stub.calls().len(), before);
    let (_, metrics) = text(service.get("/metrics")).await;
    for line in [
        r#"imba_upstream_circuit_open{upstream="sagemaker"} 1"#,
        r#"imba_upstream_calls_total{upstream="sagemaker",outcome="failed"} 2"#,
        r#"imba_upstream_attempts_total{upstream="sagemaker"} 5"#,
        r#"imba_upstream_calls_total{upstream="sagemaker",outcome="circuit_open"} 1"#,
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
    // Ready all the same: another instance would meet the same endpoint.
    assert_eq!(text(service.get("/readyz")).await.0, 200);
    becomes(&service, "/readyz?upstreams", 503).await;
    // Still ill at the first trial: one call, and the circuit stays open.
    pass(Duration::from_secs(21)).await;
    assert_eq!(problem(service.post("/predict", RECORDED)).await.0, 502);
    assert_eq!(problem(service.post("/predict", RECORDED)).await.0, 503);
    stub.otherwise(Act::Scores);
    pass(Duration::from_secs(21)).await;
    recovers(&service).await;
    becomes(&service, "/readyz?upstreams", 200).await;
    assert!(
        text(service.get("/metrics"))
            .await
            .1
            .contains(r#"imba_upstream_circuit_open{upstream="sagemaker"} 0"#)
    );
}

/// An endpoint that hangs takes nothing from lookups and probes, and its callers hear at their timeout.
#[tokio::test]
async fn a_hanging_endpoint_starves_nobody() {
    let stub = AwsStub::start().await;
    let service =
        service(&stub, &[("scorer.sagemaker.in_flight", "2"), ("scorer.sagemaker.waiting", "4")]).await;
    stub.otherwise(Act::Hangs);
    let before = stub.calls().len();
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let request = service.post("/predict", RECORDED);
        callers.spawn(async move { problem(request).await.0 });
    }
    stub.called(before + 2).await;
    for path in ["/livez", "/model", "/users"] {
        assert_eq!(text(service.get(path)).await.0, 200, "{path}, while the callers wait");
    }
    let statuses = service.pass_until_answered(callers).await;
    assert!(statuses.iter().all(|status| [503, 504].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&504) && statuses.contains(&503), "{statuses:?}");
    stub.otherwise(Act::Scores);
    recovers(&service).await;
    becomes(&service, "/readyz?upstreams", 200).await;
}

/// Every other call fails, and retries make up for it.
#[tokio::test]
async fn a_flapping_endpoint_is_not_noticed() {
    let stub = AwsStub::start().await;
    let service = service(&stub, &[]).await;
    for _ in 0..12 {
        stub.next([Act::Error(503, "ServiceUnavailable", "{}"), Act::Scores]);
        assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
    }
}

/// Probes cost nothing while the last call succeeded.
#[tokio::test]
async fn probes_are_not_billed() {
    let stub = AwsStub::start().await;
    let service = service(&stub, &[]).await;
    assert_eq!(stub.calls().len(), 1, "the first call, at start");
    for _ in 0..3 {
        pass(Duration::from_millis(600)).await;
        assert_eq!(text(service.get("/readyz")).await.0, 200);
    }
    assert_eq!(stub.calls().len(), 1);
}

/// Credentials that have expired are not shown; new ones, or the old ones accepted again, end it.
#[tokio::test]
async fn expired_credentials() {
    let stub = AwsStub::start().await;
    let service = service(&stub, &[]).await;
    stub.otherwise(Act::Error(403, "ExpiredTokenException", r#"{"message":"AKIDTEST has expired"}"#));
    let (status, found) = problem(service.post("/predict", RECORDED)).await;
    assert_eq!((status, &found["code"]), (502, &json!("upstream_failed")));
    assert!(!found.to_string().contains("AKID"), "{found}");
    becomes(&service, "/readyz?upstreams", 503).await;
    stub.otherwise(Act::Scores);
    recovers(&service).await;
    becomes(&service, "/readyz?upstreams", 200).await;
}
