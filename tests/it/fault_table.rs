//! The table of faults: every variant is reached by a request, or by the failure that it stands for.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::service::{RECORDED, TestService, problem};

/// The words of the table, from its source.
fn words() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/fault/code.rs");
    let source = std::fs::read_to_string(source).expect("the table");
    let table = source.split("const fn entry").nth(1).and_then(|rest| rest.split("Entry { word").next());
    let words: BTreeSet<String> = table
        .expect("the table")
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .map(str::to_owned)
        .collect();
    assert!(words.len() > 20, "{words:?}");
    words
}

/// Those that other tests reach, with the tests: they need faults behind the ports.
const ELSEWHERE: [(&str, &str); 15] = [
    ("unauthenticated", "access.rs"),
    ("forbidden", "access.rs"),
    ("rate_limited", "access.rs"),
    ("quota_exceeded", "access.rs"),
    ("misdirected", "gateway.rs"),
    ("internal", "faults.rs"),
    ("unreadable_row", "faults.rs"),
    ("unavailable", "faults.rs"),
    ("deadline", "faults.rs"),
    ("not_ready", "faults.rs"),
    ("upstream_failed", "sagemaker.rs"),
    ("model_refused", "sagemaker.rs"),
    ("overloaded", "batching.rs"),
    ("unsupported", "explain.rs"),
    ("unknown_model", "oip.rs"),
];

#[tokio::test]
async fn every_variant_is_reached() {
    let service = TestService::builder().with("server.body_limit", "64KiB").with("server.rows_limit", "5");
    let service = service.start().await;
    let storeless = TestService::builder().with("features.kind", "none").start().await;
    let json = |body: &str| service.post_json("/predict", body);
    let mut reached = BTreeSet::new();
    for request in [
        json("{"),
        service.get("/recommend/1?limit=x"),
        service.post("/predict/pair", "1,99999"),
        service.get("/recommend/nobody"),
        service.get("/nowhere"),
        storeless.post("/predict/pair", "1,2"),
        service.get("/predict"),
        service.post("/predict", RECORDED).header("accept", "image/png"),
        service.post("/predict", vec![b'1'; 70_000]),
        service.post("/predict", RECORDED).header("content-type", "application/xml"),
        service.post("/predict", "1,2,3"),
        service.post("/predict", "up_orders,nonsense\n1,2"),
        service.post("/predict", RECORDED.replace("514", "many")),
        service.post_json("/predict", r#"{"instances": [7]}"#).header("accept", "text/plain"),
        service.post("/predict", [RECORDED; 6].join("\n")),
    ] {
        let (_, found) = problem(request).await;
        let Value::String(code) = &found["code"] else { panic!("{found}") };
        reached.insert(code.clone());
    }
    for (word, file) in ELSEWHERE {
        let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(file);
        let test = std::fs::read_to_string(test).expect("a test");
        assert!(test.contains(word), "{file} reaches no {word}");
        reached.insert(word.to_owned());
    }
    assert_eq!(reached, words());
}
