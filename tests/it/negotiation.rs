use serde_json::json;

use crate::service::{RECORDED, TestService, fixture_lines, problem};

#[tokio::test]
async fn what_clients_say_they_send() {
    let service = TestService::start().await;
    let score = fixture_lines("scores.txt")[0].clone();
    for content_type in [
        "text/csv",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "TEXT/CSV;charset=UTF-8",
    ] {
        let response = service
            .post("/predict", RECORDED)
            .header("content-type", content_type)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{content_type}");
        assert_eq!(response.text().await.expect("a text"), score, "{content_type}");
    }
    for content_type in
        ["application/xml", "multipart/form-data; boundary=x", "text/csv; charset=latin-1", "%"]
    {
        let (status, found) =
            problem(service.post("/predict", RECORDED).header("content-type", content_type)).await;
        assert_eq!((status, &found["code"]), (415, &json!("unsupported_media_type")), "{content_type}");
    }
}

#[tokio::test]
async fn what_clients_accept() {
    let service = TestService::start().await;
    for (accept, content_type) in [
        ("*/*", "text/plain"),
        ("text/csv", "text/plain"),
        ("text/html, */*;q=0.8", "text/plain"),
        ("application/json", "application/json"),
        ("application/json, */*;q=0.5", "application/json"),
    ] {
        let response =
            service.post("/predict", RECORDED).header("accept", accept).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{accept}");
        assert_eq!(response.headers()["content-type"], content_type, "{accept}");
    }
    for path in ["/predict", "/predict/pair"] {
        let (status, found) = problem(service.post(path, "1,2").header("accept", "image/png")).await;
        assert_eq!((status, &found["code"]), (406, &json!("not_acceptable")), "{path}");
    }
}

/// Long answers are compressed for those who ask, and one-number answers never are.
#[tokio::test]
async fn compression() {
    let service = TestService::start().await;
    let body = fixture_lines("rows.csv").join("\n");
    let request = service.post("/predict", body).header("accept-encoding", "gzip");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let one =
        service.post("/predict", RECORDED).header("accept-encoding", "gzip").send().await.expect("an answer");
    assert!(one.headers().get("content-encoding").is_none());
}
