use serde_json::json;

use crate::service::{RECORDED, TestService, columns, fixture_lines, json, problem, text};

#[tokio::test]
async fn a_header_orders_the_columns_by_name() {
    let service = TestService::start().await;
    let reversed = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    let body = format!("{}\r\n{}\r\n", reversed(&columns().join(",")), reversed(RECORDED));
    assert_eq!(text(service.post("/predict", body)).await, (200, fixture_lines("scores.txt")[0].clone()));
}

#[tokio::test]
async fn json_rows_come_by_order_or_by_name() {
    let service = TestService::start().await;
    let cells: Vec<f64> = RECORDED.split(',').map(|cell| cell.parse().expect("number")).collect();
    let object: serde_json::Map<_, _> =
        columns().into_iter().zip(cells.iter().map(|cell| json!(cell))).rev().collect();
    let body = json!({"instances": [cells, object]}).to_string();
    let (status, answer) = json(service.post_json("/predict", &body)).await;
    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("number");
    assert_eq!(status, 200);
    let (_, model) = json(service.get("/model")).await;
    assert_eq!(
        answer,
        json!({
            "predictions": [{"score": score, "likely": true}, {"score": score, "likely": true}],
            "threshold": 0.2,
            "model": model["version"],
        })
    );
}

#[tokio::test]
async fn likely_is_a_score_above_the_threshold() {
    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("number");
    for (threshold, likely) in [(0.2, true), (score, false), (0.99, false)] {
        let service = TestService::builder().with("model.threshold", &threshold.to_string()).start().await;
        let request = service.post("/predict", RECORDED).header("accept", "application/json");
        let (_, answer) = json(request).await;
        assert_eq!(answer["predictions"][0]["likely"], likely, "{threshold}");
        assert_eq!(answer["threshold"], threshold);
    }
}

/// In text a bad row fails the request; in JSON it is named in its place and the others are scored.
#[tokio::test]
async fn bad_rows() {
    let service = TestService::start().await;
    let body = format!("{RECORDED}\n1,2,3\n{RECORDED}");
    let (status, found) = problem(service.post("/predict", body.clone())).await;
    assert_eq!((status, &found["code"], &found["row"]), (422, &json!("wrong_width"), &json!(2)));
    assert_eq!(found["detail"], "row 2: 3 columns, expected 18");

    let (status, answer) = json(service.post("/predict", body).header("accept", "application/json")).await;
    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("number");
    assert_eq!(status, 200);
    assert_eq!(
        answer["predictions"],
        json!([
            {"score": score, "likely": true},
            {"error": {"code": "wrong_width", "detail": "3 columns, expected 18"}},
            {"score": score, "likely": true},
        ])
    );
}

#[tokio::test]
async fn a_wrong_value_is_named_by_row_and_column() {
    let service = TestService::start().await;
    let row = RECORDED.replacen("3418", "many", 1);
    let (status, found) = problem(service.post("/predict", row)).await;
    assert_eq!((status, &found["code"]), (422, &json!("wrong_value")));
    assert_eq!((&found["row"], &found["column"]), (&json!(1), &json!("user_period")));
    assert!(found["detail"].as_str().expect("text").contains("\"many\""), "{found}");

    let body = json!({"instances": [vec![json!("1"); 18]]}).to_string();
    let (status, found) = problem(service.post_json("/predict", &body).header("accept", "text/plain")).await;
    assert_eq!((status, &found["code"], &found["column"]), (422, &json!("wrong_value"), &json!("up_orders")));
}

#[tokio::test]
async fn stages_are_timed() {
    let service = TestService::start().await;
    let response = service.post("/predict", RECORDED).send().await.expect("an answer");
    let timing = response.headers()["server-timing"].to_str().expect("ASCII");
    for stage in ["decode;dur=", "lookup;dur=", "score;dur="] {
        assert!(timing.contains(stage), "{timing}");
    }
}
