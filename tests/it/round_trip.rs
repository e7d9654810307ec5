use std::fmt::Write as _;

use imba::formats::csv::write_cell;
use imba::formats::text::write_features;
use imba::row::{FeatureRow, PairKey};
use serde_json::{Value, json};

use crate::service::{TestService, json as sent_json, text};

/// A row of anything that a row may hold.
pub(crate) fn any_row(random: &mut fastrand::Rng) -> FeatureRow {
    (0..18)
        .map(|_| match random.u8(..6) {
            0 => f32::NAN,
            1 => random.i32(-1000..1000) as f32,
            2 => -0.0,
            3 => f32::MAX,
            _ => loop {
                let value = f32::from_bits(random.u32(..));
                if value.is_finite() {
                    break value;
                }
            },
        })
        .collect()
}

/// An identifier of letters that a format could stumble over.
pub(crate) fn any_id(random: &mut fastrand::Rng) -> String {
    const LETTERS: [char; 14] = ['a', ',', '"', 'é', ' ', '\'', '0', '-', '字', '\\', '#', '{', '%', '/'];
    let middle: String = (0..random.usize(..8)).map(|_| LETTERS[random.usize(..LETTERS.len())]).collect();
    format!("x{middle}y")
}

fn scores_of(answer: &Value) -> Vec<Value> {
    let rows = answer["predictions"].as_array().expect("predictions");
    rows.iter().map(|row| row["score"].clone()).collect()
}

/// The same rows as CSV, with a header in another order, and as JSON of arrays and of objects: the same scores, to the last digit.
#[tokio::test]
async fn rows_score_alike_in_every_form() {
    let service = TestService::start().await;
    let names = crate::service::columns();
    let mut random = fastrand::Rng::with_seed(17);
    for _ in 0..20 {
        let rows: Vec<FeatureRow> = (0..random.usize(1..30)).map(|_| any_row(&mut random)).collect();
        let mut order: Vec<usize> = (0..names.len()).collect();
        random.shuffle(&mut order);
        let header: Vec<_> = order.iter().map(|at| names[*at].clone()).collect();
        let (mut plain, mut shuffled) = (String::new(), header.join(",") + "\n");
        for row in &rows {
            write_features(row, &mut plain);
            plain.push('\n');
            let cells: FeatureRow = order.iter().map(|at| row[*at]).collect();
            write_features(&cells, &mut shuffled);
            shuffled.push('\n');
        }
        let value = |value: f32| if value.is_nan() { Value::Null } else { json!(value) };
        let arrays: Vec<Value> =
            rows.iter().map(|row| row.iter().map(|cell| value(*cell)).collect()).collect();
        let objects: Vec<Value> = rows
            .iter()
            .map(|row| names.iter().cloned().zip(row.iter().map(|cell| value(*cell))).collect())
            .collect();
        let (status, expected) = text(service.post("/predict", plain.clone())).await;
        assert_eq!(status, 200, "{expected}\n{plain}");
        assert_eq!(text(service.post("/predict", shuffled)).await, (200, expected.clone()));
        let as_json = service.post("/predict", plain).header("accept", "application/json");
        let (_, answer) = sent_json(as_json).await;
        let scores = scores_of(&answer);
        for body in [json!({ "instances": arrays }), json!({ "instances": objects })] {
            let (_, answer) = sent_json(service.post_json("/predict", &body.to_string())).await;
            assert_eq!(scores_of(&answer), scores);
            let request = service.post("/predict", body.to_string());
            assert_eq!(
                text(request.header("content-type", "application/json")).await,
                (200, expected.clone())
            );
        }
    }
}

/// What `/recommend` prints, put behind the user's identifier, is a body of pairs; its scores are the ones printed.
#[tokio::test]
async fn recommendations_can_be_sent_back() {
    let mut random = fastrand::Rng::with_seed(23);
    let users: Vec<String> = (0..6).map(|_| any_id(&mut random)).collect();
    let mut pairs = Vec::new();
    for user in &users {
        pairs.extend((0..25).map(|_| (PairKey::new(user, &any_id(&mut random)), any_row(&mut random))));
    }
    let service = TestService::builder().pairs(pairs).start().await;
    for user in &users {
        let mut url = reqwest::Url::parse(&service.url("/recommend")).expect("an address");
        url.path_segments_mut().expect("a path").push(user);
        url.set_query(Some("limit=1000"));
        let path = url.as_str().trim_start_matches(&service.url("")).to_owned();
        let (status, printed) = text(service.get(&path)).await;
        assert_eq!(status, 200, "{user:?}: {printed}");
        let (mut body, mut scores) = (String::from("user_id,product_id\n"), Vec::new());
        for line in printed.lines() {
            let (product, score) = line.rsplit_once(',').expect("a product and its score");
            write_cell(user, &mut body);
            writeln!(body, ",{product}").expect("written");
            scores.push(score);
        }
        assert_eq!(text(service.post("/predict/pair", body)).await, (200, scores.join("\n")), "{user:?}");
    }
}

/// Any body under any headers has an answer, and never one of a fault of ours: the answers' kinds are the documented ones.
#[tokio::test]
async fn any_request_has_a_documented_answer() {
    const WORDS: [&str; 24] = [
        "1",
        ",",
        "\n",
        "\r\n",
        "\"",
        "nan",
        "-0.5e3",
        "{\"instances\":",
        "[",
        "]",
        "}",
        "null",
        ":",
        "\"user_id\"",
        "user_id,product_id",
        "1,2",
        "true",
        "\u{feff}",
        "é",
        "{",
        "1e999",
        " ",
        "\"product_id\"",
        "\\u0000",
    ];
    const TYPES: [&str; 8] = [
        "text/csv",
        "application/json",
        "text/plain; charset=utf8",
        "",
        "*/*",
        "application/json;q=0.5, text/*",
        "text/plain; charset=\"latin-1",
        "image/png",
    ];
    let service = TestService::start().await;
    let mut random = fastrand::Rng::with_seed(29);
    for _ in 0..400 {
        let body: String = (0..random.usize(..40)).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
        let path = ["/predict", "/predict/pair", "/explain", "/explain/pair"][random.usize(..4)];
        let request = service
            .post(path, body.clone())
            .header("content-type", TYPES[random.usize(..TYPES.len())])
            .header("accept", TYPES[random.usize(..TYPES.len())]);
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        assert!([200, 400, 404, 406, 413, 415, 422].contains(&status), "{path}: {status} for {body:?}");
        if status != 200 {
            crate::service::check_problem(response).await;
        }
    }
}
