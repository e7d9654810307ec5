use std::path::Path;
use std::process::{Command, Stdio};

use aws_sdk_sagemakerruntime::Client;
use aws_sdk_sagemakerruntime::error::ProvideErrorMetadata;
use aws_sdk_sagemakerruntime::operation::invoke_endpoint::InvokeEndpointError;
use aws_sdk_sagemakerruntime::primitives::Blob;
use aws_sdk_sagemakerruntime::types::ResponseStream;
use serde_json::{Value, json};

use crate::peers::sdk_at;
use crate::service::{RECORDED, TestService, columns, json as sent, problem, text};

async fn client(service: &TestService) -> Client {
    Client::new(&sdk_at(format!("http://{}", service.address())).await)
}

async fn score(service: &TestService) -> String {
    text(service.post("/predict", RECORDED)).await.1
}

#[tokio::test]
async fn the_rust_sdk_invokes_us_as_an_endpoint() {
    let service = TestService::start().await;
    let client = client(&service).await;
    let call =
        || client.invoke_endpoint().endpoint_name("imba").content_type("text/csv").body(Blob::new(RECORDED));
    let answer =
        call().custom_attributes("trace=7").inference_id("7").target_variant("AllTraffic").send().await;
    let answer = answer.expect("an answer");
    let body = String::from_utf8(answer.body.expect("a body").into_inner()).expect("UTF-8");
    assert_eq!(body, format!("{}\n", score(&service).await));
    assert_eq!(answer.content_type.as_deref(), Some("text/csv; charset=utf-8"));
    assert_eq!(answer.invoked_production_variant.as_deref(), Some("AllTraffic"));
    assert_eq!(answer.custom_attributes.as_deref(), Some("trace=7"));

    let error = call().body(Blob::new("1,2,x")).send().await.expect_err("refused").into_service_error();
    let InvokeEndpointError::ModelError(error) = error else { panic!("{error:?}") };
    assert_eq!(error.original_status_code, Some(415));
    assert!(error.original_message.expect("a text").contains("row 1: column 3: could not convert string"));
    for (refused, said) in [
        (call().target_model("other"), "x-amzn-sagemaker-target-model"),
        (call().target_variant("blue"), "x-amzn-sagemaker-target-variant"),
        (call().inference_component_name("one"), "x-amzn-sagemaker-inference-component"),
        (call().target_container_hostname("one"), "x-amzn-sagemaker-target-container-hostname"),
        (call().enable_explanations("`true`"), "EnableExplanations"),
        (call().session_id("NEW_SESSION"), "SessionId"),
        (call().endpoint_name("-imba"), "endpointName"),
    ] {
        let error = refused.send().await.expect_err(said).into_service_error();
        let InvokeEndpointError::ValidationError(error) = error else { panic!("{said}: {error:?}") };
        assert!(error.message().is_some_and(|message| message.contains(said)), "{error:?}");
    }
    let no_explanations = call().enable_explanations("`false`").send().await;
    assert!(no_explanations.is_ok());
}

#[tokio::test]
async fn a_stream_has_the_answer_as_one_part() {
    let service = TestService::start().await;
    let client = client(&service).await;
    let call = client.invoke_endpoint_with_response_stream().endpoint_name("imba").content_type("text/csv");
    let call = call.accept("application/json").custom_attributes("trace=8").body(Blob::new(RECORDED));
    let mut answer = call.clone().send().await.expect("an answer");
    assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    assert_eq!(answer.custom_attributes.as_deref(), Some("trace=8"));
    let mut parts = Vec::new();
    while let Some(event) = answer.body.recv().await.expect("an event") {
        let ResponseStream::PayloadPart(part) = event else { panic!("{event:?}") };
        parts.push(String::from_utf8(part.bytes.expect("bytes").into_inner()).expect("UTF-8"));
    }
    assert_eq!(parts, [format!("{{\"predictions\": [{{\"score\": {}}}]}}", score(&service).await)]);
    let error = call.accept("image/png").send().await.expect_err("refused").into_service_error();
    assert_eq!(error.code(), Some("ModelError"));
}

/// What the old function ran, unchanged but for its endpoint's address.
#[tokio::test]
async fn boto3_invokes_us_as_an_endpoint() {
    let service = TestService::start().await;
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let url = format!("http://{}", service.address());
    let score = score(&service).await;
    let script = tokio::task::spawn_blocking(move || {
        Command::new(peers.join(".venv/bin/python"))
            .arg(peers.join("invoke.py"))
            .args([&url, RECORDED])
            .stdin(Stdio::null())
            .output()
            .expect("tests/peers/.venv is installed: see tests/peers/README.md")
    });
    let output = script.await.expect("no panic");
    let said = String::from_utf8_lossy(&output.stdout);
    let found: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(found.len(), 6, "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&found[0]["score"], &found[0]["variant"]), (&json!(score), &json!("AllTraffic")));
    assert_eq!(found[0]["type"], "text/csv; charset=utf-8");
    assert!(found[0]["id"].as_str().is_some_and(|id| !id.is_empty()));
    let document = json!({"predictions": [{"score": score.parse::<f64>().expect("a number")}]});
    assert_eq!((&found[1]["answer"], &found[1]["attributes"]), (&document, &json!("trace=7")));
    let part = found[2]["parts"][0].as_str().expect("a part");
    assert_eq!(serde_json::from_str::<Value>(part).expect("JSON"), document);
    assert_eq!((&found[2]["attributes"], &found[2]["type"]), (&json!("trace=8"), &json!("application/json")));
    assert_eq!((&found[3]["code"], &found[3]["status"]), (&json!("ModelError"), &json!(424)));
    assert_eq!(found[3]["original"], 415);
    for refused in &found[4..] {
        assert_eq!(
            (&refused["code"], &refused["status"]),
            (&json!("ValidationError"), &json!(400)),
            "{refused}"
        );
    }
}

/// Bytes and JSON alike come through a service that has another as its endpoint.
#[tokio::test]
async fn one_service_behind_another() {
    let behind = TestService::start().await;
    let before = TestService::builder()
        .with("scorer.kind", "sagemaker")
        .with("scorer.sagemaker.endpoint_name", "imba")
        .with("features.columns", &columns().join(","))
        .endpoint(sdk_at(format!("http://{}", behind.address())).await)
        .await
        .start()
        .await;
    let rows = format!("{RECORDED}\n1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18\n{}nan", ",".repeat(17));
    let expected = text(behind.post("/predict", rows.clone())).await;
    assert_eq!(expected.0, 200);
    assert_eq!(text(before.post("/predict", rows.clone())).await, expected);
    for path in ["/invocations", "/endpoints/any/invocations"] {
        let invoke =
            |service: &TestService| text(service.post(path, rows.clone()).header("content-type", "text/csv"));
        assert_eq!(invoke(&before).await, invoke(&behind).await);
    }
}

#[tokio::test]
async fn only_endpoints_that_are_named_answer() {
    let service = TestService::builder().with("model.endpoint_names", "imba,imba-2").start().await;
    let invoke = |name: &str| {
        service.post(&format!("/endpoints/{name}/invocations"), RECORDED).header("content-type", "text/csv")
    };
    assert_eq!(text(invoke("imba-2")).await.0, 200);
    let response = invoke("other").send().await.expect("an answer");
    assert_eq!(response.headers()["x-amzn-errortype"], "ValidationError");
    assert_eq!(response.headers()["x-amzn-requestid"], response.headers()["x-request-id"]);
    let (status, body) = (response.status().as_u16(), response.text().await.expect("a text"));
    assert_eq!(status, 400);
    assert_eq!(
        body,
        r#"{"code":"ValidationError","Message":"Endpoint other of account 000000000000 not found."}"#
    );
}

/// What goes wrong is told in the API's shape, also where it does not come to the route's own code.
#[tokio::test]
async fn errors_have_the_apis_shape() {
    let service = TestService::builder().with("server.body_limit", "64KiB").start().await;
    let invoke =
        |body: Vec<u8>| service.post("/endpoints/imba/invocations", body).header("content-type", "text/csv");
    for (request, status, code) in [
        (invoke(vec![b'1'; 70_000]), 413, "ValidationError"),
        (invoke(b"1,2".to_vec()), 424, "ModelError"),
        (invoke(b"\xff".to_vec()), 424, "ModelError"),
        (invoke(RECORDED.into()).header("accept", "image/png"), 424, "ModelError"),
        (
            invoke(RECORDED.into()).header("x-amzn-sagemaker-custom-attributes", &[0xe9][..]),
            400,
            "ValidationError",
        ),
        (
            invoke(RECORDED.into()).header("x-amzn-sagemaker-inference-id", "7".repeat(65)),
            400,
            "ValidationError",
        ),
        (service.post("/endpoints/%ff/invocations", RECORDED), 400, "ValidationError"),
        (service.post("/endpoints/a%2Fb/invocations-response-stream", RECORDED), 400, "ValidationError"),
        (service.get("/endpoints/imba/invocations"), 405, "UnknownOperationException"),
        (service.get("/endpoints/imba"), 404, "UnknownOperationException"),
    ] {
        let response = request.send().await.expect("an answer");
        let (found, headers) = (response.status().as_u16(), response.headers().clone());
        assert_eq!(headers["x-amzn-errortype"], code);
        assert_eq!(headers["x-amzn-requestid"], headers["x-request-id"]);
        let document: Value = serde_json::from_str(&response.text().await.expect("a text")).expect("JSON");
        assert_eq!((found, &document["code"]), (status, &json!(code)), "{document}");
        assert!(document["Message"].as_str().is_some_and(|message| !message.is_empty()), "{document}");
        assert_eq!(document["OriginalStatusCode"].is_number(), code == "ModelError", "{document}");
    }
    let (_, document) = sent(invoke(b"1,2".to_vec())).await;
    assert_eq!(document["OriginalStatusCode"], 400);
    assert_eq!(problem(service.get("/nowhere")).await.0, 404);
    let empty = service.post("/endpoints/imba/invocations", "").send().await.expect("an answer");
    assert_eq!(empty.status(), 204);
    // A stream names the type of its rows by a header of its own, too.
    let stream = service.post("/endpoints/imba/invocations-response-stream", RECORDED);
    let stream = stream.header("content-type", "application/octet-stream");
    let stream = stream.header("x-amzn-sagemaker-content-type", "text/csv").send().await.expect("an answer");
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["x-amzn-sagemaker-content-type"]),
        (200, &"text/csv; charset=utf-8".parse().expect("a header"))
    );
}
