use imba::config::Config;
use imba::config::source::{DEFAULTS, Settings};
use serde_json::{Value, json};

use crate::service::{RECORDED, TestService, fixture_lines, json as sent};

/// The recorded row in an array.
fn instances() -> String {
    format!("{{\"instances\": [[{RECORDED}]]}}")
}

fn score() -> f64 {
    fixture_lines("scores.txt")[0].parse().expect("a number")
}

#[tokio::test]
async fn instances_to_predictions_and_explanations() {
    let service = TestService::start().await;
    let (status, models) = sent(service.get("/v1/models")).await;
    assert_eq!((status, models), (200, json!({"models": ["imba"]})));
    let (status, model) = sent(service.get("/v1/models/imba")).await;
    assert_eq!((status, &model["name"], &model["ready"]), (200, &json!("imba"), &json!(true)));
    let version = model["model_version_status"][0]["version"].as_str().expect("a version");
    assert_eq!(sent(service.get(&format!("/v1/models/imba/versions/{version}"))).await.0, 200);

    let with_more =
        instances().replace("]]", "]], \"parameters\": {\"x\": 1}, \"signature_name\": \"serving_default\"");
    for path in ["/v1/models/imba:predict".to_owned(), format!("/v1/models/imba/versions/{version}:predict")]
    {
        for body in [instances(), with_more.clone()] {
            assert_eq!(sent(service.post(&path, body)).await, (200, json!({"predictions": [score()]})));
        }
    }
    let (status, explained) = sent(service.post("/v1/models/imba:explain", instances())).await;
    assert_eq!((status, &explained["predictions"]), (200, &json!([score()])), "{explained}");
    let row = &explained["explanations"][0];
    let parts = row["contributions"].as_object().expect("by name");
    let number = |value: &Value| value.as_f64().expect("a number");
    let sum: f64 = parts.values().map(number).sum::<f64>() + number(&row["base"]);
    assert!(parts.len() == 18 && (sum - number(&row["margin"])).abs() < 1e-5, "{row}");
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_protocols_words() {
    let service = TestService::start().await;
    for (path, body, status, said) in [
        ("/v1/models/imba:predict", "{", 400, "cannot be read"),
        ("/v1/models/imba:predict", "{}", 400, "missing field `instances`"),
        ("/v1/models/imba:predict", r#"{"instances": 7}"#, 400, "an array of rows"),
        ("/v1/models/imba:predict", r#"{"instances": []}"#, 400, "no rows"),
        ("/v1/models/imba:predict", r#"{"instances": [[1, 2]]}"#, 400, "row 1: 2 values, expected 18"),
        ("/v1/models/imba:explain", r#"{"instances": [7]}"#, 400, "row 1: a number"),
        ("/v1/models/imba:classify", "{}", 404, "expected predict or explain"),
        ("/v1/models/other:predict", "{}", 404, "there is no model \"other\""),
        ("/v1/models/imba/versions/1:predict", "{}", 404, "there is no version \"1\""),
        ("/v1/models/imba", "{}", 405, "/v1/models/NAME:predict"),
        ("/v1/nowhere", "{}", 404, "see the README"),
    ] {
        let (found, answer) = sent(service.post(path, body)).await;
        let words = answer["error"].as_str().unwrap_or_default();
        assert!(found == status && words.contains(said), "{path} {body}: {found} {answer}");
        assert_eq!(answer.as_object().expect("an object").len(), 1, "{answer}");
    }
    assert_eq!(sent(service.get("/v1/models/other")).await.0, 404);
}

/// Vertex AI chooses the paths, also such as are taken.
#[tokio::test]
async fn a_platform_chooses_the_routes() {
    let service = TestService::builder()
        .with("vertex.predict_route", "/predict")
        .with("vertex.health_route", "/ok")
        .start()
        .await;
    assert_eq!(service.get("/ok").send().await.expect("an answer").status(), 200);
    assert_eq!(sent(service.post("/predict", instances())).await, (200, json!({"predictions": [score()]})));
    let (status, answer) = sent(service.post("/predict", "1,2")).await;
    assert!(status == 400 && answer["error"].is_string(), "{answer}");
}

#[test]
fn variables_of_platforms_stand_behind_what_is_configured() {
    let resolve = |variables: &[(&str, &str)]| {
        let mut settings = Settings::defaults();
        settings.add_env(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Config::resolve(&settings)
    };
    let listen = |variables: &[(&str, &str)]| resolve(variables).expect("good").server.listen.to_string();
    assert_eq!(listen(&[("PORT", "9000")]), "0.0.0.0:9000");
    for order in
        [[("AIP_HTTP_PORT", "9001"), ("PORT", "9000")], [("PORT", "9000"), ("AIP_HTTP_PORT", "9001")]]
    {
        assert_eq!(listen(&order), "0.0.0.0:9001");
    }
    for order in [
        [("IMBA__SERVER__LISTEN", "127.0.0.1:9002"), ("PORT", "9000")],
        [("PORT", "9000"), ("IMBA__SERVER__LISTEN", "127.0.0.1:9002")],
    ] {
        assert_eq!(listen(&order), "127.0.0.1:9002");
    }
    let vertex = resolve(&[("AIP_PREDICT_ROUTE", "/p"), ("AIP_HEALTH_ROUTE", "/h")]).expect("good").vertex;
    assert_eq!((vertex.predict_route.as_deref(), vertex.health_route.as_deref()), (Some("/p"), Some("/h")));
    for (variable, value) in [("PORT", "http"), ("AIP_PREDICT_ROUTE", "p"), ("AIP_HEALTH_ROUTE", "/a?b")] {
        let mistakes = resolve(&[(variable, value)]).expect_err("a mistake").to_string();
        assert!(mistakes.contains(variable), "{mistakes}");
    }
    assert!(
        resolve(&[("IMBA__MODEL__NAME", "a/b")]).is_err()
            && resolve(&[("IMBA__MODEL__NAME", "a-1.b_c")]).is_ok()
    );
    assert!(DEFAULTS.contains("AIP_HTTP_PORT"));
}
