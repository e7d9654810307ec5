use serde_json::json;

use crate::service::{RECORDED, TestService, fixture_lines, json as sent, text};

fn invocation(service: &TestService, body: String) -> reqwest::RequestBuilder {
    service.post("/invocations", body).header("content-type", "application/json; charset=utf-8")
}

#[tokio::test]
async fn every_form_of_rows_gives_the_same_prediction() {
    let service = TestService::start().await;
    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("a number");
    let (_, model) = sent(service.get("/model")).await;
    let names = model["feature_names"].as_array().expect("names");
    let record = |cell: fn(&str) -> String| {
        let cells = names.iter().zip(RECORDED.split(',').collect::<Vec<_>>()).rev();
        let members: Vec<_> = cells.map(|(name, value)| format!("{name}: {}", cell(value))).collect();
        format!("{{{}}}", members.join(", "))
    };
    let columns = model["feature_names"].to_string();
    for body in [
        format!("{{\"dataframe_split\": {{\"columns\": {columns}, \"data\": [[{RECORDED}]]}}}}"),
        format!("{{\"dataframe_records\": [{}]}}", record(str::to_owned)),
        format!("{{\"instances\": [[{RECORDED}]], \"params\": {{\"x\": 1}}}}"),
        format!("{{\"inputs\": [[{RECORDED}]]}}"),
        format!("{{\"inputs\": {}}}", record(|cell| format!("[{cell}]"))),
    ] {
        assert_eq!(
            sent(invocation(&service, body.clone())).await,
            (200, json!({"predictions": [score]})),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_its_words() {
    let service = TestService::builder().with("server.body_limit", "64KiB").start().await;
    for (body, status, code, said) in [
        ("{", 400, "BAD_REQUEST", "cannot be read"),
        ("{}", 400, "BAD_REQUEST", "expected one of dataframe_split, dataframe_records, instances, inputs"),
        (r#"{"instances": [[1]]}"#, 400, "BAD_REQUEST", "row 1: 1 values, expected 18"),
        (&"1".repeat(70_000), 413, "REQUEST_LIMIT_EXCEEDED", "server.body_limit"),
    ] {
        let (found, answer) = sent(invocation(&service, body.to_owned())).await;
        assert!(found == status && answer["error_code"] == code, "{body:.40}: {found} {answer}");
        assert!(answer["message"].as_str().is_some_and(|message| message.contains(said)), "{answer}");
    }
    let request = service.post("/invocations", "{}");
    let (status, words) = text(request.header("content-type", "application/json; charset=latin-1")).await;
    assert!(status == 415 && words.starts_with("the content type is"), "{words}");
    assert_eq!(text(service.get("/health")).await, (200, "\n".to_owned()));
    assert_eq!(text(service.get("/version")).await, (200, env!("CARGO_PKG_VERSION").to_owned()));
}
