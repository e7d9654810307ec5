use crate::service::{RECORDED, TestService, fixture_lines, text};

/// The recorded payload, and the bytes that Python prints for the official package's score of it.
#[tokio::test]
async fn the_recorded_payload_gives_the_old_answer_byte_for_byte() {
    let service = TestService::start().await;
    let response = service.post("/predict", RECORDED).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain");
    let expected = &fixture_lines("scores.txt")[0];
    assert_eq!(&response.text().await.expect("a text"), expected);

    assert_eq!(text(service.post("/predict/pair", "1,2")).await, (200, expected.clone()));
}

/// 1,000 rows with missing values, in one request: also what goes through the blocking pool.
#[tokio::test]
async fn a_thousand_rows_equal_the_official_package() {
    let service = TestService::start().await;
    let (rows, scores) = (fixture_lines("rows.csv"), fixture_lines("scores.txt"));
    let expected = scores.join("\n");
    assert_eq!(text(service.post("/predict", rows.join("\n"))).await, (200, expected.clone()));

    let instances: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "[{}]",
                row.split(',')
                    .map(|cell| if cell.is_empty() { "null" } else { cell })
                    .collect::<Vec<_>>()
                    .join(",")
            )
        })
        .collect();
    let body = format!("{{\"instances\": [{}]}}", instances.join(","));
    let request = service.post("/predict", body).header("content-type", "application/json");
    assert_eq!(text(request).await, (200, expected));
}

/// Whatever the size of the batch, each row has the score it has alone.
#[tokio::test]
async fn a_batch_equals_its_rows_one_by_one() {
    let service = TestService::start().await;
    let (rows, scores) = (fixture_lines("rows.csv"), fixture_lines("scores.txt"));
    for size in [1, 2, 255, 256, 257, 1000] {
        let body = rows[..size].join("\n");
        assert_eq!(
            text(service.post("/predict", body)).await,
            (200, scores[..size].join("\n")),
            "{size} rows"
        );
    }
}

#[tokio::test]
async fn several_classes_are_printed_on_one_line() {
    let path = crate::service::fixture("softprob.ubj");
    let service = TestService::builder().with("model.path", &path.to_string_lossy()).start().await;
    let (rows, expected) = (fixture_lines("rows.csv"), fixture_lines("softprob.txt"));
    assert_eq!(text(service.post("/predict", rows[..10].join("\n"))).await, (200, expected.join("\n")));
    let request = service.post("/predict", rows[0].clone()).header("accept", "application/json");
    let (_, answer) = crate::service::json(request).await;
    let classes: Vec<f64> = expected[0].split(',').map(|number| number.parse().expect("number")).collect();
    assert_eq!(answer["predictions"][0]["score"], serde_json::json!(classes));
    assert!(answer["predictions"][0].get("likely").is_none(), "several classes have no threshold: {answer}");
}
