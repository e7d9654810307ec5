use serde_json::json;

use crate::service::{TestService, fixture_lines, json, problem, recorded_row, text};
use imba::row::PairKey;

#[tokio::test]
async fn pairs_are_looked_up_and_scored_in_order() {
    let pairs = ["a", "b"].map(|product| (PairKey::new("é 1", product), recorded_row()));
    let service = TestService::builder().pairs(pairs.to_vec()).start().await;
    let score = fixture_lines("scores.txt")[0].clone();
    let both = format!("{score}\n{score}");
    assert_eq!(text(service.post("/predict/pair", "é 1,b\r\né 1,a\r\n")).await, (200, both));
    assert_eq!(text(service.post("/predict/pair", "product_id,user_id\na,é 1")).await, (200, score));
}

#[tokio::test]
async fn an_unknown_pair_is_404_in_text_and_an_entry_in_json() {
    let service = TestService::start().await;
    let (status, found) = problem(service.post("/predict/pair", "1,2\n1,3")).await;
    assert_eq!((status, &found["code"], &found["row"]), (404, &json!("unknown_pair"), &json!(2)));
    assert_eq!(found["detail"], "row 2: no features are stored for user 1, product 3");

    let score: f64 = fixture_lines("scores.txt")[0].parse().expect("number");
    let body = r#"{"instances": [["1", 3], {"user_id": 1, "product_id": "2"}, [1]]}"#;
    let (status, answer) = json(service.post_json("/predict/pair", body)).await;
    assert_eq!(status, 200);
    let predictions = &answer["predictions"];
    assert_eq!(
        predictions[0],
        json!({"user_id": "1", "product_id": "3",
            "error": {"code": "unknown_pair", "detail": "no features are stored for user 1, product 3"}})
    );
    assert_eq!(predictions[1], json!({"user_id": "1", "product_id": "2", "score": score, "likely": true}));
    assert_eq!(predictions[2]["error"]["code"], "wrong_width");
}

/// When every row fails there is nothing to score, and JSON still says what became of each.
#[tokio::test]
async fn json_of_failures_alone() {
    let service = TestService::start().await;
    let (status, answer) = json(service.post_json("/predict/pair", r#"{"instances": [[9, 9]]}"#)).await;
    assert_eq!((status, &answer["predictions"][0]["error"]["code"]), (200, &json!("unknown_pair")));
}

#[tokio::test]
async fn malformed_pairs() {
    let service = TestService::start().await;
    for (body, code, row) in [
        ("1", "wrong_width", 1),
        ("1,2,3", "wrong_width", 1),
        ("1,2\n\n1,2", "wrong_width", 2),
        ("1,", "wrong_value", 1),
        ("1,\u{7}", "wrong_value", 1),
    ] {
        let (status, found) = problem(service.post("/predict/pair", body)).await;
        assert_eq!((status, &found["code"], &found["row"]), (422, &json!(code), &json!(row)), "{body:?}");
    }
}
