use std::sync::Arc;

use async_trait::async_trait;
use imba::model::ModelInfo;
use imba::row::PairKey;
use imba::scorer::{ScoreError, ScoreRequest, Scorer, Scores};
use serde_json::{Value, json};

use crate::service::{
    RECORDED, TestService, fixture, fixture_lines, json as sent_json, problem, recorded_row, text,
};

/// What the engine says of one row, as JSON carries it: contributions with the bias last.
fn engine(model: &str, row: &[f32]) -> Vec<f64> {
    let bytes = std::fs::read(fixture(model)).expect("fixture");
    let model = gbtree::Model::from_bytes(&bytes).expect("fixture model");
    let mut contributions = vec![0.0; model.num_contributions()];
    model.contributions(row, &mut contributions).expect("contributions");
    contributions.into_iter().map(f64::from).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().expect("an array").iter();
    numbers.map(|number| number.as_f64().expect("a number")).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn contributions_add_up_to_the_margin_of_the_score() {
    let service = TestService::start().await;
    let rows = fixture_lines("rows.csv");
    let request = service.post("/explain", rows.join("\n")).header("accept", "application/json");
    let (status, answer) = sent_json(request).await;
    assert_eq!(status, 200, "{answer}");
    let request = service.post("/predict", rows.join("\n")).header("accept", "application/json");
    let (_, predicted) = sent_json(request).await;
    let predictions = predicted["predictions"].as_array().expect("predictions");
    let explanations = answer["explanations"].as_array().expect("explanations");
    assert_eq!(explanations.len(), predictions.len());
    for (explanation, prediction) in explanations.iter().zip(predictions) {
        assert_eq!(explanation["score"], prediction["score"]);
        assert_eq!(explanation["likely"], prediction["likely"]);
        let margin = number(&explanation["margin"]);
        let sum: f64 = numbers(&explanation["contributions"]).iter().sum();
        assert!((number(&explanation["base"]) + sum - margin).abs() < 1e-5, "{explanation}");
        let score = 1.0 / (1.0 + (-margin).exp());
        assert!((score - number(&explanation["score"])).abs() < 1e-6, "{explanation}");
    }
    let (_, model) = sent_json(service.get("/model")).await;
    for member in ["feature_names", "threshold"] {
        assert_eq!(answer[member], model[member]);
    }
    assert_eq!(answer["model"], model["version"]);
    assert_eq!(model["capabilities"]["explain"], json!(true));
}

#[tokio::test]
async fn the_numbers_are_the_engines() {
    let service = TestService::start().await;
    let mut expected = engine("binary.ubj", &recorded_row());
    let line = expected.iter().map(|number| python(*number)).collect::<Vec<_>>().join(",");
    let twice = format!("{RECORDED}\r\n{RECORDED}\n");
    assert_eq!(text(service.post("/explain", twice)).await, (200, format!("{line}\n{line}")));

    let request = service.post("/explain", RECORDED).header("accept", "application/json");
    let (_, answer) = sent_json(request).await;
    let explanation = &answer["explanations"][0];
    assert_eq!(number(&explanation["base"]).to_bits(), expected.pop().expect("a bias").to_bits());
    assert_eq!(numbers(&explanation["contributions"]), expected);
    let values: Vec<f32> = numbers(&explanation["values"]).into_iter().map(|value| value as f32).collect();
    assert_eq!(values, recorded_row().to_vec());
}

/// A missing value is missing in the answer too, and a bad row stands among the others.
#[tokio::test]
async fn rows_are_explained_one_by_one() {
    let service = TestService::start().await;
    let missing = RECORDED.replacen("3418", "", 1);
    let body = format!("{missing}\n1,2\n{RECORDED}");
    let request = service.post("/explain", body.clone()).header("accept", "application/json");
    let (status, answer) = sent_json(request).await;
    assert_eq!(status, 200);
    assert_eq!(answer["explanations"][0]["values"][2], Value::Null);
    assert_eq!(
        answer["explanations"][1],
        json!({"error": {"code": "wrong_width", "detail": "2 columns, expected 18"}})
    );
    assert_eq!(number(&answer["explanations"][2]["values"][2]) as f32, 3418.0);

    let (status, found) = problem(service.post("/explain", body)).await;
    assert_eq!((status, &found["code"], &found["row"]), (422, &json!("wrong_width"), &json!(2)));
}

#[tokio::test]
async fn pairs_are_looked_up_named_and_explained() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let names = folder.path().join("names.csv");
    std::fs::write(&names, "product_id,product_name\n2,<b>Bread</b>\n").expect("written");
    let pairs = ["2", "3"].map(|product| (PairKey::new("1", product), recorded_row()));
    let builder = TestService::builder().pairs(pairs.to_vec());
    let service = builder.with("products.names", &names.to_string_lossy()).start().await;

    let (status, answer) =
        sent_json(service.post_json("/explain/pair", r#"{"instances": [[1, 2], [1, 3], [1, 4]]}"#)).await;
    assert_eq!(status, 200);
    let [named, unnamed, unknown] = [0, 1, 2].map(|at| &answer["explanations"][at]);
    assert_eq!((&named["product_id"], &named["product_name"]), (&json!("2"), &json!("<b>Bread</b>")));
    assert_eq!((&unnamed["user_id"], &unnamed["product_name"]), (&json!("1"), &Value::Null));
    assert_eq!(named["contributions"], unnamed["contributions"]);
    assert_eq!(unknown["error"]["code"], "unknown_pair");

    let (status, found) = problem(service.post("/explain/pair", "1,2\n1,4")).await;
    assert_eq!((status, &found["code"], &found["row"]), (404, &json!("unknown_pair"), &json!(2)));
    let (_, metrics) = text(service.get("/metrics")).await;
    assert!(metrics.contains(r#"{route="/explain/pair",status="404"} 1"#), "{metrics}");
}

/// More rows than one piece: the same numbers as one by one.
#[tokio::test]
async fn a_large_batch_is_explained_like_its_rows() {
    let service = TestService::start().await;
    let rows: Vec<String> = (0..300).map(|at| RECORDED.replacen('1', &at.to_string(), 1)).collect();
    let (status, all) = text(service.post("/explain", rows.join("\n"))).await;
    assert_eq!(status, 200);
    let lines: Vec<&str> = all.split('\n').collect();
    assert_eq!(lines.len(), rows.len());
    for at in [0, 127, 128, 299] {
        assert_eq!(text(service.post("/explain", rows[at].clone())).await, (200, lines[at].to_owned()));
    }
}

/// A model of several classes has a margin, a base and contributions for each.
#[tokio::test]
async fn several_margins() {
    let model = fixture("softprob.ubj");
    let service = TestService::builder().with("model.path", &model.to_string_lossy()).start().await;
    let request = service.post("/explain", RECORDED).header("accept", "application/json");
    let (status, answer) = sent_json(request).await;
    assert_eq!(status, 200, "{answer}");
    let explanation = &answer["explanations"][0];
    let expected = engine("softprob.ubj", &recorded_row());
    let classes = expected.len() / 19;
    assert!(classes > 1);
    for (class, expected) in expected.chunks(19).enumerate() {
        assert_eq!(numbers(&explanation["contributions"][class]), expected[..18]);
        let sum: f64 = expected.iter().sum();
        assert!((number(&explanation["margin"][class]) - sum).abs() < 1e-5);
    }
    assert_eq!(numbers(&explanation["base"]).len(), classes);
    assert_eq!(numbers(&explanation["score"]).len(), classes);
}

/// A scorer elsewhere that gives scores alone.
struct ScoresAlone(Arc<dyn Scorer>);

#[async_trait]
impl Scorer for ScoresAlone {
    fn info(&self) -> Arc<ModelInfo> {
        self.0.info()
    }

    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        self.0.score(request).await
    }

    async fn probe(&self) -> Result<(), ScoreError> {
        self.0.probe().await
    }
}

#[tokio::test]
async fn a_scorer_that_cannot_explain_says_so() {
    let builder = TestService::builder();
    let scorer = Arc::new(ScoresAlone(Arc::new(builder.fixture_scorer())));
    let service = builder.scorer(scorer).start().await;
    for (path, body) in [("/explain", RECORDED), ("/explain/pair", "1,2")] {
        let (status, found) = problem(service.post(path, body)).await;
        assert_eq!((status, &found["code"]), (501, &json!("unsupported")));
        assert_eq!(found["detail"], "scores cannot be explained here: the scorer in use gives scores only");
    }
    let (_, model) = sent_json(service.get("/model")).await;
    assert_eq!(model["capabilities"]["explain"], json!(false));
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
}

fn python(number: f64) -> String {
    let mut text = String::new();
    imba::row::python_float(number, &mut text);
    text
}

/// When every row fails there is nothing to explain, and JSON still says what became of each.
#[tokio::test]
async fn json_of_failures_alone() {
    let service = TestService::start().await;
    for (path, body) in
        [("/explain/pair", r#"{"instances": [[9, 9]]}"#), ("/explain", r#"{"instances": [[1]]}"#)]
    {
        let (status, answer) = crate::service::json(service.post_json(path, body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
        assert!(answer["explanations"][0]["error"]["code"].is_string(), "{path}: {answer}");
    }
}
