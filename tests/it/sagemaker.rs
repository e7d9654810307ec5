use serde_json::json;
use tokio::task::JoinSet;

use crate::aws_stub::{Act, AwsStub};
use crate::peers::Peer;
use crate::service::{RECORDED, TestService, columns, json, problem, text};

async fn with_stub() -> (AwsStub, TestService) {
    let stub = AwsStub::start().await;
    let service = TestService::builder().sagemaker(&stub).await.start().await;
    (stub, service)
}

#[tokio::test]
async fn an_endpoint_scores_like_the_model_in_process() {
    let (stub, service) = with_stub().await;
    let embedded = TestService::start().await;
    let rows = format!("{RECORDED}\n1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18\n{}nan", ",".repeat(17));
    let expected = text(embedded.post("/predict", rows.clone())).await;
    assert_eq!(text(service.post("/predict", rows.clone())).await, expected);
    stub.next([Act::Commas]);
    assert_eq!(text(service.post("/predict", rows)).await, expected);
    assert_eq!(
        text(service.post("/predict/pair", "1,2")).await,
        text(embedded.post("/predict/pair", "1,2")).await
    );
    let call = stub.calls().pop().expect("a call");
    assert!(call.head.starts_with("POST /endpoints/imba/invocations HTTP/1.1"), "{}", call.head);
    assert_eq!((call.header("content-type"), call.header("accept")), (Some("text/csv"), Some("text/csv")));
    assert!(
        call.header("authorization").is_some_and(|value| value.contains("/eu-west-1/sagemaker/aws4_request"))
    );
}

/// `str(float(reply))` of Python 3.11 for replies that containers and script-mode containers give.
#[tokio::test]
async fn the_old_service_answered_these_bytes() {
    let (stub, service) = with_stub().await;
    for (reply, answer) in [
        ("0.006739293225109577", "0.006739293225109577"),
        ("0.9275041222572327\n", "0.9275041222572327"),
        ("0.9275041", "0.9275041"),
        (" 0.5 \r\n", "0.5"),
        ("1", "1.0"),
        ("0.00001", "1e-05"),
        ("1e-5", "1e-05"),
        ("5E-1", "0.5"),
        ("-0.0", "-0.0"),
        ("0.1234567890123456789", "0.12345678901234568"),
        ("123456789012345678", "1.2345678901234568e+17"),
    ] {
        stub.next([Act::Answer(reply)]);
        let response = service.post("/predict", RECORDED).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/plain");
        assert_eq!(response.text().await.expect("a text"), answer, "{reply:?}");
    }
}

/// moto knows the operation from Amazon's own model of it, and its answers from a queue.
#[tokio::test]
async fn moto_understands_the_client() {
    let moto = Peer::moto().await;
    // The first call is the service's own, before it is ready.
    let answers = ["0.5", "0.006739293225109577\n", "0.5,1e-05"].map(|body| json!({ "Body": body }));
    let queue = json!({ "region": "eu-west-1", "results": answers }).to_string();
    let url = format!("{}/moto-api/static/sagemaker/endpoint-results", moto.url());
    let queued = reqwest::Client::new().post(url).body(queue).send().await.expect("an answer");
    assert_eq!(queued.status(), 201);

    let builder = TestService::builder()
        .with("scorer.kind", "sagemaker")
        .with("features.columns", &columns().join(","))
        .with("scorer.sagemaker.endpoint_name", "imba");
    let service = builder.endpoint(moto.sdk().await).await.start().await;
    let answer = |body: &str| (200, body.to_owned());
    assert_eq!(text(service.post("/predict", RECORDED)).await, answer("0.006739293225109577"));
    assert_eq!(text(service.post("/predict", format!("{RECORDED}\n{RECORDED}"))).await, answer("0.5\n1e-05"));
    // It keeps an answer for the request that had it, headers and body.
    assert_eq!(text(service.post("/predict", RECORDED)).await, answer("0.006739293225109577"));
    // What it says when its queue is empty is no score.
    let (status, document) = problem(service.post("/predict", RECORDED.replace("3418", "1"))).await;
    assert_eq!((status, &document["code"]), (502, &json!("upstream_failed")));
    assert!(
        document["detail"]
            .as_str()
            .is_some_and(|detail| detail.ends_with("it answered with something that is no score")),
        "{document}"
    );
}

#[tokio::test]
async fn the_model_is_known_by_its_endpoint() {
    let (_stub, service) = with_stub().await;
    let (_, model) = json(service.get("/model")).await;
    assert_eq!(model["version"], "sagemaker:imba");
    assert_eq!((&model["objective"], &model["trees"]), (&json!(null), &json!(null)));
    assert_eq!(model["backends"]["scorer"], "sagemaker");
    assert_eq!(model["capabilities"]["explain"], false);
}

/// Each failure has its documented answer without insides, and is over when it is over.
#[tokio::test]
async fn failures_of_an_endpoint() {
    const STACK: &str = r#"{"Message":"Received server error (500) from primary. See https://eu-west-1.console.aws.amazon.com/x in account 123456789012","OriginalStatusCode":500,"OriginalMessage":"bad row\nStack trace:\n [bt] (0) /opt/lib.so","LogStreamArn":"arn:aws:logs:eu-west-1:123456789012:log-group:x"}"#;
    const WIDTH: &str =
        r#"{"OriginalStatusCode":400,"OriginalMessage":"Unable to evaluate payload provided: (18 vs. 17)"}"#;
    for (act, attempts, status, code, said) in [
        (Act::Error(424, "ModelError", STACK), 1, 502, "upstream_failed", "with status 500"),
        (
            Act::Error(424, "ModelError", WIDTH),
            1,
            422,
            "model_refused",
            "status 400: Unable to evaluate payload",
        ),
        (Act::Error(424, "", "<html><title>Bad</title></html>"), 1, 502, "upstream_failed", "status 424"),
        (Act::Error(429, "ModelNotReadyException", "{}"), 3, 503, "unavailable", "is throttling us"),
        (Act::Error(503, "ServiceUnavailable", "{}"), 3, 503, "unavailable", "unavailable"),
        (Act::Error(500, "InternalFailure", "{}"), 3, 502, "upstream_failed", "status 500 InternalFailure"),
        (Act::Error(530, "InternalDependencyException", "{}"), 3, 502, "upstream_failed", "status 530"),
        (Act::Error(400, "", r#"{"message":null}"#), 3, 503, "unavailable", "is throttling us"),
        (Act::Error(400, "ThrottlingException", "{}"), 3, 503, "unavailable", "is throttling us"),
        (
            Act::Error(
                400,
                "ValidationError",
                r#"{"message":"Endpoint imba of account 123456789012 not found"}"#,
            ),
            1,
            502,
            "upstream_failed",
            "ValidationError",
        ),
        (
            Act::Error(403, "ExpiredTokenException", r#"{"message":"arn:aws:iam::123456789012:role/x"}"#),
            2,
            502,
            "upstream_failed",
            "ExpiredTokenException",
        ),
        (Act::CutOff, 3, 502, "upstream_failed", "broke off"),
        (Act::Answer("0.5\n0.5"), 1, 502, "upstream_failed", "another number of scores"),
        (Act::Answer("garbage"), 1, 502, "upstream_failed", "something that is no score"),
        (Act::Answer("NaN"), 1, 502, "upstream_failed", "a number that is no score"),
        (Act::Answer(""), 1, 502, "upstream_failed", "something that is no score"),
        (Act::Hangs, 2, 504, "deadline", "in time"),
    ] {
        let (stub, service) = with_stub().await;
        let before = stub.calls().len();
        stub.otherwise(act.clone());
        let mut asked = JoinSet::from_iter([problem(service.post("/predict", RECORDED))]);
        let answer = match act {
            Act::Hangs => service.pass_until_answered(asked).await.pop(),
            _ => asked.join_next().await.transpose().expect("no panic"),
        };
        let (found_status, found) = answer.expect("an answer");
        assert_eq!((found_status, &found["code"]), (status, &json!(code)), "{act:?}: {found}");
        let detail = found["detail"].as_str().expect("a text");
        assert!(detail.contains(said), "{act:?}: {detail}");
        assert!(
            !["arn:", "123456789012", "[bt]", "garbage", "bad row", "<"]
                .iter()
                .any(|inside| detail.contains(inside)),
            "{detail}"
        );
        assert_eq!(stub.calls().len() - before, attempts, "{act:?}");
        stub.otherwise(Act::Scores);
        assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200, "after {act:?}");
    }
}

/// A first attempt that fails is made good by the next; the caller does not notice.
#[tokio::test]
async fn one_bad_attempt_is_no_failure() {
    let (stub, service) = with_stub().await;
    for act in [
        Act::CutOff,
        Act::Error(500, "InternalFailure", "{}"),
        Act::Error(429, "ModelNotReadyException", "{}"),
    ] {
        stub.next([act.clone()]);
        assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200, "{act:?}");
    }
}

#[tokio::test]
async fn rows_over_the_payload_limit_are_not_sent() {
    let stub = AwsStub::start().await;
    let builder = TestService::builder().with("scorer.sagemaker.payload_limit", "150B");
    let service = builder.sagemaker(&stub).await.start().await;
    let before = stub.calls().len();
    let (status, found) = problem(service.post("/predict", format!("{RECORDED}\n{RECORDED}"))).await;
    assert_eq!((status, &found["code"]), (413, &json!("rows_too_large")));
    assert_eq!(stub.calls().len(), before);
}
