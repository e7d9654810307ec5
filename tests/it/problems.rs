use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::{RECORDED, TestService, check_problem, problem, text};

#[tokio::test]
async fn malformed_bodies() {
    let service = TestService::start().await;
    for path in ["/predict", "/predict/pair"] {
        for body in [b"".as_slice(), b"  \r\n\r\n", b"\n", b"1,\xff\n"] {
            let (status, found) = problem(service.post(path, body.to_vec())).await;
            assert_eq!((status, &found["code"]), (400, &json!("malformed")), "{path} {body:?}");
        }
        for body in
            ["", "{", "[]", "{}", r#"{"instances": {}}"#, r#"{"instances": []}"#, r#"{"rows": [[1]]}"#, "1,2"]
        {
            let (status, found) = problem(service.post_json(path, body)).await;
            assert_eq!((status, &found["code"]), (400, &json!("malformed")), "{path} {body}");
        }
    }
}

#[tokio::test]
async fn wrong_names() {
    let service = TestService::start().await;
    for (body, column) in [("up_orders,user_id\n1,2", "user_id"), ("up_orders,up_orders\n1,2", "up_orders")] {
        let (status, found) = problem(service.post("/predict", body)).await;
        assert_eq!((status, &found["code"], &found["column"]), (422, &json!("wrong_name"), &json!(column)));
    }
    let body = r#"{"instances": [{"up_orders": 1}]}"#;
    let (status, found) = problem(service.post_json("/predict", body).header("accept", "text/plain")).await;
    assert_eq!(
        (status, &found["row"], &found["column"]),
        (422, &json!(1), &json!("user_mean_days_since_prior"))
    );
    let body = r#"{"instances": [7]}"#;
    let (status, found) = problem(service.post_json("/predict", body).header("accept", "text/plain")).await;
    assert_eq!((status, &found["code"]), (422, &json!("wrong_row")));
}

#[tokio::test]
async fn routes_and_methods() {
    let service = TestService::start().await;
    for request in [
        service.get("/nowhere"),
        service.post("/", "x"),
        service.request("DELETE", "/nowhere"),
        service.get("/../Cargo.toml"),
        service.get("/%2e%2e/Cargo.toml"),
    ] {
        let (status, found) = problem(request).await;
        assert_eq!((status, &found["code"]), (404, &json!("unknown_route")));
    }
    for (method, path, allowed) in [
        ("GET", "/predict", "POST"),
        ("PUT", "/predict/pair", "GET,HEAD,POST"),
        ("POST", "/model", "GET,HEAD"),
    ] {
        let response = service.request(method, path).send().await.expect("an answer");
        assert_eq!(response.headers()["allow"], allowed);
        let (status, found) = check_problem(response).await;
        assert_eq!((status, &found["code"]), (405, &json!("method_not_allowed")), "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit() {
    let service = TestService::builder().with("server.body_limit", "1KiB").start().await;
    assert_eq!(text(service.post("/predict", format!("{RECORDED}\n"))).await.0, 200);
    for size in [1025, 10 << 20] {
        let (status, found) = problem(service.post("/predict", vec![b'1'; size])).await;
        assert_eq!((status, &found["code"]), (413, &json!("body_too_large")), "{size}");
        assert!(found["detail"].as_str().expect("text").contains("1024 bytes"), "{found}");
    }
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
}

/// A client that asks before it sends, as curl does with large bodies, is spared the sending.
#[tokio::test]
async fn a_large_body_that_asks_first_is_refused_unsent() {
    let service = TestService::builder().with("server.body_limit", "1KiB").start().await;
    let mut client = TcpStream::connect(service.address()).await.expect("connected");
    let head = "POST /predict HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n";
    client.write_all(head.as_bytes()).await.expect("written");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("answered and closed");
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
}

/// A client that sends less than it announced, and one that sends no HTTP: the service goes on.
#[tokio::test]
async fn broken_clients() {
    let service = TestService::start().await;
    let mut short = TcpStream::connect(service.address()).await.expect("connected");
    short
        .write_all(b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n1,2")
        .await
        .expect("written");
    drop(short);
    let mut noise = TcpStream::connect(service.address()).await.expect("connected");
    noise.write_all(b"this is no HTTP\r\n\r\n").await.expect("written");
    let mut answer = Vec::new();
    noise.read_to_end(&mut answer).await.expect("closed");
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 400"), "{answer:?}");
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
}

/// A body that never ends is cut at the deadline.
#[tokio::test]
async fn a_slow_body_meets_the_deadline() {
    let service = TestService::builder().with("server.deadline", "50ms").start().await;
    let mut slow = TcpStream::connect(service.address()).await.expect("connected");
    slow.write_all(b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n1,2")
        .await
        .expect("written");
    let mut answer = [0; 1024];
    let size = slow.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..size]);
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("\"code\":\"deadline\""), "{answer}");
}
