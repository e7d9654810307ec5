use serde_json::json;

use imba::telemetry::access_log::AccessLog;
use imba::telemetry::log::Lines;

use crate::service::{RECORDED, TestService, columns, json, problem, text};

#[tokio::test]
async fn alive_and_ready() {
    let service = TestService::start().await;
    assert_eq!(text(service.get("/livez")).await, (200, "alive\n".to_owned()));
    let (status, ready) = text(service.get("/readyz")).await;
    assert!(status == 200 && ready.starts_with("ready\ntable "), "{ready}");
    assert!(ready.contains(", 1 rows, from the test, loaded 20"), "{ready}");
}

#[tokio::test]
async fn the_model_describes_itself() {
    let service = TestService::start().await;
    let (status, model) = json(service.get("/model")).await;
    assert_eq!(status, 200);
    assert_eq!(
        model,
        json!({
            "feature_names": columns(),
            "objective": "binary:logistic",
            "trees": 20,
            "outputs": 1,
            "threshold": 0.2,
            "version": model["version"],
            "backends": {"features": "embedded", "scorer": "embedded"},
            "capabilities": {"explain": true, "list_users": true},
            "table": {
                "version": model["table"]["version"],
                "rows": 1,
                "source": "the test",
                "loaded_at": model["table"]["loaded_at"],
            },
        })
    );
    let file = std::fs::read(crate::service::fixture("binary.ubj")).expect("fixture");
    assert_eq!(model["version"], imba::model::model_version(&file));
}

#[tokio::test]
async fn metrics_count_by_route_and_status() {
    let service = TestService::start().await;
    text(service.post("/predict", RECORDED)).await;
    text(service.post("/predict", RECORDED)).await;
    problem(service.post("/predict", "1")).await;
    problem(service.get("/nowhere/at/all")).await;
    let response = service.get("/metrics").send().await.expect("an answer");
    let content_type = response.headers()["content-type"].to_str().expect("ASCII").to_owned();
    assert!(content_type.starts_with("application/openmetrics-text"), "{content_type}");
    let metrics = response.text().await.expect("a text");
    for line in [
        r#"imba_http_requests_total{route="/predict",status="200"} 2"#,
        r#"imba_http_requests_total{route="/predict",status="422"} 1"#,
        r#"imba_http_requests_total{route="other",status="404"} 1"#,
        r#"imba_http_request_duration_seconds_count{route="/predict",status="200"} 2"#,
        r#"imba_stage_duration_seconds_count{stage="score"} 2"#,
        "imba_http_requests_in_flight 1",
        r#"objective="binary:logistic""#,
        "# EOF",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
    assert!(!metrics.contains("nowhere"), "clients cannot invent labels:\n{metrics}");
}

#[tokio::test]
async fn request_ids() {
    let service = TestService::start().await;
    let id = async |given: Option<&str>| {
        let mut request = service.get("/livez");
        if let Some(given) = given {
            request = request.header("x-request-id", given);
        }
        let response = request.send().await.expect("an answer");
        response.headers()["x-request-id"].to_str().expect("ASCII").to_owned()
    };
    let (first, second) = (id(None).await, id(None).await);
    assert!(first.len() == 36 && first != second, "{first} {second}");
    assert_eq!(id(Some("trace-7.a")).await, "trace-7.a");
    for strange in ["", "two words", &"x".repeat(129)] {
        assert_eq!(id(Some(strange)).await.len(), 36, "{strange:?}");
    }
}

/// One line per exchange, whole and readable whatever the client sends; what was sent in bodies is not in it.
#[tokio::test]
async fn the_access_log() {
    for as_json in [true, false] {
        let lines = Lines::default();
        let log = AccessLog::new(lines.clone(), as_json);
        let service = TestService::builder().access_log(log).start().await;
        text(service.post("/predict", RECORDED).header("x-request-id", "say-\"hi\"")).await;
        problem(service.post("/predict/pair", "1,3")).await;
        problem(service.get("/no\"where?secret=1")).await;
        let gathered = String::from_utf8(lines.gathered()).expect("UTF-8");
        let lines: Vec<&str> = gathered.lines().collect();
        assert_eq!(lines.len(), 3, "{gathered}");
        assert!(!gathered.contains("6.67578125") && !gathered.contains("secret"), "{gathered}");
        if !as_json {
            for words in [
                "INFO imba::access: POST /predict 200 request_id=say-\"hi\" duration_ms=",
                "client.address=127.0.0.1:",
            ] {
                assert!(lines[0].contains(words), "{gathered}");
            }
            assert!(lines[1].ends_with("code=unknown_pair"), "{gathered}");
            continue;
        }
        let events: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
        assert_eq!(events[0]["message"], "POST /predict 200");
        assert_eq!(events[0]["request_id"], "say-\"hi\"");
        assert_eq!(events[0]["level"], "INFO");
        assert_eq!(events[0]["target"], "imba::access");
        assert!(events[0]["duration_ms"].as_f64().is_some_and(|time| time > 0.0), "{gathered}");
        assert!(events[0]["client.address"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")));
        assert!(events[0]["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{gathered}");
        assert_eq!(events[1]["code"], "unknown_pair");
        assert_eq!(events[2]["message"], "GET /no%22where 404");
    }
}
