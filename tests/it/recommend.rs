use std::sync::Arc;

use async_trait::async_trait;
use imba::features::{FeatureStore, Lookup, ProductRow, StoreError};
use imba::row::{FeatureRow, PairKey};
use serde_json::{Value, json};

use crate::service::{TestService, fixture, fixture_lines, json as sent_json, problem, recorded_row, text};

/// The rows of the fixture as products of user "7"; the first two share a row, so that two scores are equal.
fn shelf() -> Vec<(PairKey, FeatureRow)> {
    let rows: Vec<FeatureRow> = fixture_lines("rows.csv")
        .iter()
        .take(20)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f32::NAN)).collect())
        .collect();
    let twin = rows[0].clone();
    let mut pairs: Vec<_> =
        rows.into_iter().enumerate().map(|(at, row)| (PairKey::new("7", &at.to_string()), row)).collect();
    pairs.push((PairKey::new("7", "0 twin"), twin));
    pairs.push((PairKey::new("70", "1"), recorded_row()));
    pairs
}

fn ranked(answer: &Value) -> Vec<(String, f64)> {
    let recommendations = answer["recommendations"].as_array().expect("recommendations");
    recommendations
        .iter()
        .map(|one| {
            let product = one["product_id"].as_str().expect("an identifier").to_owned();
            (product, one["score"].as_f64().expect("a score"))
        })
        .collect()
}

#[tokio::test]
async fn a_users_products_are_ranked_by_the_score_that_their_pairs_get() {
    let service = TestService::builder().pairs(shelf()).start().await;
    let (status, answer) =
        sent_json(service.get("/recommend/7?limit=1000").header("accept", "application/json")).await;
    assert_eq!((status, &answer["user_id"], &answer["stored"]), (200, &json!("7"), &json!(21)));
    let found = ranked(&answer);
    assert_eq!(found.len(), 21, "of this user alone");
    let threshold = answer["threshold"].as_f64().expect("a threshold");
    for (at, (product, score)) in found.iter().enumerate() {
        let request = service.post("/predict/pair", format!("7,{product}"));
        let (_, alone) = sent_json(request.header("accept", "application/json")).await;
        assert_eq!(alone["predictions"][0]["score"], json!(score));
        assert_eq!(answer["recommendations"][at]["likely"], json!(*score > threshold));
    }
    assert!(found.is_sorted_by(|(one, high), (other, low)| high > low || (high == low && one < other)));
    let [one, twin] = ["0", "0 twin"].map(|wanted| found.iter().position(|(product, _)| product == wanted));
    assert_eq!(one.map(|at| at + 1), twin, "equal scores stand in the order of their identifiers");
}

#[tokio::test]
async fn text_is_the_product_and_its_score() {
    let pairs =
        vec![(PairKey::new("é 1", "a,\"b\""), recorded_row()), (PairKey::new("é 1", "c"), recorded_row())];
    let service = TestService::builder().pairs(pairs).start().await;
    let score = &fixture_lines("scores.txt")[0];
    let expected = format!("\"a,\"\"b\"\"\",{score}\nc,{score}");
    assert_eq!(text(service.get("/recommend/%C3%A9%201")).await, (200, expected));
}

#[tokio::test]
async fn the_limit_is_ten_or_as_given_or_an_error() {
    let service = TestService::builder().pairs(shelf()).start().await;
    for (query, count) in [("", 10), ("?limit=1", 1), ("?limit=21", 21), ("?limit=1000", 21)] {
        let (status, answer) =
            sent_json(service.get(&format!("/recommend/7{query}")).header("accept", "application/json"))
                .await;
        assert_eq!((status, ranked(&answer).len()), (200, count), "{query}");
        assert_eq!(answer["stored"], json!(21));
    }
    for (query, words) in [
        ("limit=0", "limit is \"0\"; expected a whole number from 1 to 1000"),
        ("limit=1001", "limit is \"1001\""),
        ("limit=-1", "limit is \"-1\""),
        ("limit=1.5", "limit is \"1.5\""),
        ("limit=", "limit is \"\""),
        ("limt=5", "unknown field `limt`, expected `limit`"),
        ("limit=1&limit=2", "duplicate field `limit`"),
    ] {
        let (status, found) = problem(service.get(&format!("/recommend/7?{query}"))).await;
        assert_eq!((status, &found["code"]), (400, &json!("wrong_parameter")), "{query}");
        assert!(found["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{found}");
    }
}

#[tokio::test]
async fn users_that_are_unknown_or_none() {
    let service = TestService::start().await;
    let (status, found) = problem(service.get("/recommend/8")).await;
    assert_eq!((status, &found["code"]), (404, &json!("unknown_user")));
    assert_eq!(found["detail"], "no features are stored for user 8");
    for user in ["%FF", "%00", &"x".repeat(1025)] {
        let (status, found) = problem(service.get(&format!("/recommend/{user}"))).await;
        assert_eq!((status, &found["code"]), (400, &json!("wrong_parameter")), "{user}");
    }
    let (status, _) = problem(service.post("/recommend/1", "")).await;
    assert_eq!(status, 405);
    let (_, metrics) = text(service.get("/metrics")).await;
    assert!(metrics.contains(r#"{route="/recommend/{user_id}",status="404"} 1"#), "{metrics}");
}

#[tokio::test]
async fn products_have_their_names() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let names = folder.path().join("names.csv");
    std::fs::write(&names, "product_id,product_name\n2,\"Oats, rolled\"\n").expect("written");
    let service = TestService::builder().with("products.names", &names.to_string_lossy()).start().await;
    let (_, answer) = sent_json(service.get("/recommend/1").header("accept", "application/json")).await;
    assert_eq!(answer["recommendations"][0]["product_name"], "Oats, rolled");
    let plain = TestService::start().await;
    let (_, answer) = sent_json(plain.get("/recommend/1").header("accept", "application/json")).await;
    assert_eq!(answer["recommendations"][0].get("product_name"), None);
}

#[tokio::test]
async fn scores_of_several_numbers_have_no_order() {
    let model = fixture("softprob.ubj");
    let service = TestService::builder().with("model.path", &model.to_string_lossy()).start().await;
    let (status, found) = problem(service.get("/recommend/1")).await;
    assert_eq!((status, &found["code"]), (501, &json!("unsupported")));
}

#[tokio::test]
async fn users_are_listed_by_the_beginning_of_their_ids() {
    let mut pairs = shelf();
    pairs.extend(["1", "10", "é", "éa"].map(|user| (PairKey::new(user, "9"), recorded_row())));
    let service = TestService::builder().pairs(pairs).start().await;
    for (query, users) in [
        ("", vec!["1", "10", "7", "70", "é", "éa"]),
        ("?prefix=7", vec!["7", "70"]),
        ("?prefix=1&limit=1", vec!["1"]),
        ("?prefix=%C3%A9", vec!["é", "éa"]),
        ("?prefix=nobody", vec![]),
    ] {
        assert_eq!(
            sent_json(service.get(&format!("/users{query}"))).await,
            (200, json!({"users": users})),
            "{query}"
        );
    }
    let (status, found) = problem(service.get("/users?begin=1")).await;
    assert_eq!((status, &found["code"]), (400, &json!("wrong_parameter")));
    let (_, model) = sent_json(service.get("/model")).await;
    assert_eq!(model["capabilities"]["list_users"], json!(true));
}

/// A store that would have to read all it holds to list its users.
struct Unlisted;

#[async_trait]
impl FeatureStore for Unlisted {
    async fn get_many(&self, keys: &[PairKey]) -> Result<Vec<Lookup>, StoreError> {
        Ok(vec![Ok(None); keys.len()])
    }

    async fn products_of(&self, _: &str) -> Result<Vec<ProductRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_store_that_cannot_list_its_users_says_so() {
    let service = TestService::builder().store(Arc::new(Unlisted)).start().await;
    let (status, found) = problem(service.get("/users")).await;
    assert_eq!((status, &found["code"]), (501, &json!("unsupported")));
    let (_, model) = sent_json(service.get("/model")).await;
    assert_eq!(model["capabilities"]["list_users"], json!(false));
}
