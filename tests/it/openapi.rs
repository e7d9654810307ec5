//! The contract: checked in, its examples tried, and strangers' requests made from it.

use std::path::Path;
use std::process::Command;

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::peers::installed;
use crate::service::{TestService, json};

#[tokio::test]
async fn the_document_is_checked_in() {
    let service = TestService::start().await;
    let response = service.get("/openapi.json").send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/json");
    let served = response.text().await.expect("a text");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_to_string(root.join("docs/openapi.json")).unwrap_or_default();
    if served != kept {
        let new = root.join("target/openapi.json");
        std::fs::write(&new, served).expect("a writable folder");
        panic!("docs/openapi.json is stale. If the change is meant: cp {} docs/openapi.json", new.display());
    }
}

#[tokio::test]
async fn every_example_works() {
    // Versions in the examples are those of the demo's model.
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/model.ubj");
    let service = TestService::builder().with("model.path", &model.to_string_lossy()).start().await;
    let document = document(&service).await;
    let mut tried = 0;
    for (path, method, operation) in operations(&document) {
        let responses = operation["responses"].as_object().expect("responses");
        let given = responses["200"]["content"].as_object().expect("an answer");
        for accepted in given.keys() {
            for (what, request) in examples(&service, path, method, operation) {
                let what = format!("{method} {path}, {what}, as {accepted}");
                let response = request.header("accept", accepted).send().await.expect("an answer");
                let (status, headers) = (response.status(), response.headers().clone());
                let text = response.text().await.expect("a text");
                assert_eq!(status, 200, "{what}: {text}");
                let content_type = headers["content-type"].to_str().expect("ASCII");
                let content_type = content_type.split(';').next().unwrap_or_default();
                // MLflow, which has the first path too, answers in JSON alone; the other asks for bytes in its body.
                let is_chosen = path != "/invocations" && !path.ends_with("/infer");
                assert!(
                    content_type == accepted || !is_chosen && given.contains_key(content_type),
                    "{what}: {content_type}"
                );
                for name in
                    responses["200"]["headers"].as_object().into_iter().flatten().map(|(name, _)| name)
                {
                    assert!(headers.contains_key(name), "{what} has no {name}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried} examples");
}

/// Requests as the document allows them and as it does not: no status that it does not name, no answer of another shape.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_find_nothing_undocumented() {
    let service = TestService::builder().with("server.rows_limit", "1000").start().await;
    for accept in ["*/*", "application/json"] {
        strangers_ask(&service, &service.url("/openapi.json"), &format!("Accept: {accept}")).await;
    }
}

/// The same by the document of the Open Inference Protocol itself, as `tests/peers` has it.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_find_the_protocol_that_they_know() {
    let service = TestService::builder().with("server.rows_limit", "1000").start().await;
    strangers_ask(&service, "open_inference.json", "Accept: application/json").await;
}

/// Has schemathesis ask `service` what `document` says.
async fn strangers_ask(service: &TestService, document: &str, header: &str) {
    const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance";
    let (_, model) = json(service.get("/model")).await;
    let mut command = Command::new(installed(".venv/bin/schemathesis"));
    command
        .current_dir(installed(""))
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", ".")
        .env("MODEL_VERSION", model["version"].as_str().expect("a version"))
        .args(["run", document, "--url", &service.url(""), "--checks", CHECKS, "--header", header])
        .args(["--max-examples", "12", "--generation-deterministic", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off"]);
    let ran = tokio::task::spawn_blocking(move || command.output());
    let ran = ran.await.expect("no panic").expect("schemathesis runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains(" generated, ") && !said.contains("Tested: 0"), "{said}");
}

async fn document(service: &TestService) -> Value {
    json(service.get("/openapi.json")).await.1
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    document["paths"].as_object().expect("paths").iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// The requests that the examples of an operation stand for; one where it has neither parameters nor a body.
fn examples(
    service: &TestService,
    path: &str,
    method: &str,
    operation: &Value,
) -> Vec<(String, RequestBuilder)> {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        let example = &parameter["example"];
        if parameter["in"] == "header" {
            assert!(parameter["required"] == false, "{method} {path}: {name}");
            continue;
        }
        let value = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), &value);
        } else {
            query.push(format!("{name}={value}"));
        }
    }
    let address = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    let bodies = operation["requestBody"]["content"].as_object().into_iter().flatten();
    let mut requests: Vec<_> = bodies
        .flat_map(|(content_type, content)| {
            // Bytes have no example in JSON.
            let is_binary = content["schema"]["format"] == "binary";
            let examples = content["examples"].as_object();
            assert!(is_binary || examples.is_some(), "{address} has no example of {content_type}");
            examples.into_iter().flatten().map(move |(name, example)| (content_type, name, &example["value"]))
        })
        .map(|(content_type, name, value)| {
            let body = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let request =
                service.request(&method.to_uppercase(), &address).header("content-type", content_type);
            (format!("{content_type} {name}"), request.body(body))
        })
        .collect();
    if requests.is_empty() {
        requests.push((address.clone(), service.request(&method.to_uppercase(), &address)));
    }
    requests
}
