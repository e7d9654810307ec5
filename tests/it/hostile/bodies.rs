use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::service::{RECORDED, TestService, fixture_lines, json as sent_json, problem, recorded_row, text};

/// Bodies that take much work or memory for nothing: refused, with little said.
#[tokio::test]
async fn worthless_rows_by_the_million() {
    let service = TestService::start().await;
    let worthless = format!("{{\"instances\":[{}1]}}", "1,".repeat(3_000_000));
    let (status, found) = problem(service.post_json("/predict", &worthless)).await;
    assert_eq!((status, &found["code"]), (413, &json!("rows_too_large")));
    for (body, accept) in [("\n".repeat(6 << 20), "text/plain"), ("\n".repeat(6 << 20), "application/json")] {
        let (status, found) = problem(service.post("/predict", body).header("accept", accept)).await;
        assert!((400..500).contains(&status), "{found}");
        assert!(found["detail"].as_str().expect("a text").len() < 1000);
    }
    let pairs = "7,8\n".repeat(1_500_000);
    let (status, found) = problem(service.post("/predict/pair", pairs)).await;
    assert_eq!((status, &found["code"]), (413, &json!("rows_too_large")));
}

/// As many rows as may be are answered; one more is refused.
#[tokio::test]
async fn rows_up_to_the_limit() {
    let service = TestService::builder().with("server.rows_limit", "50").start().await;
    assert_eq!(text(service.post("/predict", [RECORDED; 50].join("\n"))).await.0, 200);
    let (status, found) = problem(service.post("/predict", [RECORDED; 51].join("\n"))).await;
    assert_eq!((status, &found["code"]), (413, &json!("rows_too_large")));
    let pairs = |count| json!({ "instances": vec![[1, 2]; count] }).to_string();
    assert_eq!(text(service.post_json("/predict/pair", &pairs(50))).await.0, 200);
    assert_eq!(problem(service.post_json("/predict/pair", &pairs(51))).await.0, 413);
}

/// Of many bad rows the first hundred are told in full; each keeps its place.
#[tokio::test]
async fn many_bad_rows_take_little_room() {
    let service = TestService::start().await;
    let mut rows = vec![json!([1, 2]); 5000];
    rows.push(Value::from(recorded_row().to_vec()));
    let (status, answer) =
        sent_json(service.post_json("/predict", &json!({ "instances": rows }).to_string())).await;
    let predictions = answer["predictions"].as_array().expect("predictions");
    assert_eq!((status, predictions.len()), (200, 5001));
    assert!(predictions[5000]["score"].is_number());
    let said = |at: usize| predictions[at]["error"]["detail"].as_str().expect("words").to_owned();
    assert!(said(0).contains("2 values, expected 18"), "{}", said(0));
    assert_eq!(predictions[4999]["error"]["code"], "wrong_width");
    assert!(said(4999).len() < said(0).len() + 40, "{}", said(4999));
}

/// Large requests beyond the queue are told to come again; a small one never is.
#[tokio::test]
async fn large_requests_beyond_the_queue() {
    let service = TestService::builder().with("server.queue_rows", "600").start().await;
    let service = std::sync::Arc::new(service);
    let large = [RECORDED; 500].join("\n");
    let asking: Vec<_> = (0..12)
        .map(|_| {
            let (service, large) = (service.clone(), large.clone());
            tokio::spawn(async move {
                let response = service.post("/predict", large).send().await.expect("an answer");
                let retry = response.headers().get("retry-after").cloned();
                (response.status().as_u16(), retry)
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
    }
    let mut answered = 0;
    for answer in asking {
        match answer.await.expect("no panic") {
            (200, _) => answered += 1,
            (503, retry) => assert_eq!(retry.expect("retry-after"), "1"),
            other => panic!("{other:?}"),
        }
    }
    assert!(answered >= 1, "one is always admitted");
    assert_eq!(text(service.post("/predict", large)).await.0, 200, "and the room is given back");
}

/// A service, and a body that leaves no room for another of its size.
async fn with_room_for_one() -> (TestService, String) {
    let limits = TestService::builder().with("server.body_limit", "1MiB").with("server.bodies_limit", "1MiB");
    (limits.start().await, vec![RECORDED; 4000].join("\n"))
}

/// A body for which there is no room is refused before any of it has come; its client may send it all the same, and go on.
#[tokio::test]
async fn a_body_without_room_is_refused_at_its_head() {
    let (service, body) = with_room_for_one().await;
    let head = format!("POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    let connect = || TcpStream::connect(service.address());
    let mut first = connect().await.expect("connected");
    first.write_all(head.as_bytes()).await.expect("sent");
    first.write_all(&body.as_bytes()[..body.len() - 1]).await.expect("sent");
    // It has room from its head on; until that is read, there is room for another.
    let mut second = loop {
        let mut second = connect().await.expect("connected");
        second.write_all(head.as_bytes()).await.expect("sent");
        let answer = timeout(Duration::from_millis(200), status_of(&mut second)).await;
        if let Ok(status) = answer {
            assert_eq!(status, 503);
            break second;
        }
    };
    second.write_all(body.as_bytes()).await.expect("sent");
    let small = format!(
        "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{RECORDED}",
        RECORDED.len()
    );
    second.write_all(small.as_bytes()).await.expect("sent");
    assert_eq!(status_of(&mut second).await, 200, "the same connection is of use");
    first.write_all(&body.as_bytes()[body.len() - 1..]).await.expect("sent");
    assert_eq!(status_of(&mut first).await, 200);
}

/// Whatever is answered before the body is read, its client hears, and goes on.
#[tokio::test]
async fn answers_before_the_body_are_heard() {
    let service = TestService::start().await;
    let body = "x".repeat(5 << 20);
    let ask = |path: &str, headers: &str, body: &str| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}")
    };
    let mut client = TcpStream::connect(service.address()).await.expect("connected");
    for (path, headers, status) in [
        ("/predict", "content-type: image/png\r\n", 415),
        ("/predict", "accept: image/png\r\n", 406),
        ("/nowhere", "", 404),
        ("/livez", "", 405),
        ("/v2/models/other/infer", "", 404),
        ("/v1/models/other:predict", "", 404),
        ("/endpoints/other/invocations", "x-amzn-sagemaker-target-model: other\r\n", 400),
    ] {
        let asked = ask(path, headers, &body);
        // All of it is sent before the answer is looked at, as simple clients do.
        client.write_all(asked.as_bytes()).await.expect("somebody reads it");
        assert_eq!(status_of(&mut client).await, status, "{path}");
    }
    client.write_all(ask("/predict", "", RECORDED).as_bytes()).await.expect("sent");
    assert_eq!(status_of(&mut client).await, 200);
}

/// A client that waits for leave to send its body sends none that is refused.
#[tokio::test]
async fn a_body_that_waits_for_leave_is_not_asked_for() {
    let service = TestService::builder().with("server.body_limit", "1KiB").start().await;
    let mut client = TcpStream::connect(service.address()).await.expect("connected");
    let head =
        "POST /predict HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 2000\r\n\r\n";
    client.write_all(head.as_bytes()).await.expect("sent");
    assert_eq!(status_of(&mut client).await, 413, "and no 100 before it");
}

/// A head without a body keeps others out for a moment alone.
#[tokio::test]
async fn heads_without_bodies_take_no_room() {
    let (service, body) = with_room_for_one().await;
    let mut idle = TcpStream::connect(service.address()).await.expect("connected");
    let head = format!("POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    idle.write_all(head.as_bytes()).await.expect("sent");
    loop {
        match text(service.post("/predict", body.clone())).await.0 {
            200 => break,
            503 => tokio::time::sleep(Duration::from_millis(20)).await,
            other => panic!("{other}"),
        }
    }
    idle.write_all(body.as_bytes()).await.expect("sent");
    assert_eq!(status_of(&mut idle).await, 200, "and has room when it comes");
}

/// The status of the next answer, which is read whole.
async fn status_of(stream: &mut TcpStream) -> u16 {
    let mut answer = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0, "closed");
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if answer.len() >= end + 4 + length.map_or(0, |length| length.parse().expect("a number")) {
            return head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

/// Codings are decoded within the limit, or named.
#[tokio::test]
async fn coded_bodies() {
    let service = TestService::builder().with("server.body_limit", "64KiB").start().await;
    let expected = (200, fixture_lines("scores.txt")[0].clone());
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(RECORDED.as_bytes()).expect("memory");
    let mut brotli = Vec::new();
    brotli::BrotliCompress(
        &mut RECORDED.as_bytes(),
        &mut brotli,
        &brotli::enc::BrotliEncoderParams::default(),
    )
    .expect("memory");
    for (coding, body) in [
        ("gzip", gzip(RECORDED.as_bytes())),
        ("X-GZip", gzip(RECORDED.as_bytes())),
        ("deflate", deflate.finish().expect("memory")),
        ("br", brotli),
        ("identity", RECORDED.as_bytes().to_vec()),
    ] {
        let request = service.post("/predict", body).header("content-encoding", coding);
        assert_eq!(text(request).await, expected, "{coding}");
    }
    let bomb = gzip(&vec![b'1'; 50 << 20]);
    assert!(bomb.len() < 64 << 10);
    for (coding, body, status, code) in [
        ("gzip", bomb, 413, "body_too_large"),
        ("gzip", RECORDED.as_bytes().to_vec(), 400, "malformed"),
        ("br", b"\xff\xff\xff".to_vec(), 400, "malformed"),
        ("zstd", RECORDED.as_bytes().to_vec(), 415, "unsupported_media_type"),
        ("gzip, br", gzip(RECORDED.as_bytes()), 415, "unsupported_media_type"),
    ] {
        let (found, document) =
            problem(service.post("/predict", body).header("content-encoding", coding)).await;
        assert_eq!((found, &document["code"]), (status, &json!(code)), "{coding}: {document}");
    }
}

/// Bodies that are lists, or of another shape, are told about their shape; nothing is guessed.
#[tokio::test]
async fn bodies_of_another_shape() {
    let service = TestService::start().await;
    let row = format!("[{RECORDED}]");
    for (path, body) in [
        ("/predict", format!("[{row}]")),
        ("/predict", format!("[{row},{row}]")),
        ("/explain/pair", "[[1,2]]".to_owned()),
        ("/predict/pair", "[1,2]".to_owned()),
    ] {
        let (status, found) = problem(service.post_json(path, &body)).await;
        assert_eq!(status, 400, "{path} {body}: {found}");
        let detail = found["detail"].as_str().expect("a text");
        assert!(detail.contains("instances") && !detail.contains("trailing"), "{detail}");
    }
    let marked = format!("\u{feff}{{\"instances\": [{row}]}}");
    assert_eq!(text(service.post_json("/predict", &marked)).await.0, 200);
    let (status, found) =
        problem(service.post_json("/predict", &format!("{{\"instances\": [[NaN,{RECORDED}]]}}"))).await;
    assert!(status == 400 && found["detail"].as_str().is_some_and(|said| said.contains("null")), "{found}");
    let (_, alone) =
        sent_json(service.post_json("/predict/pair", r#"{"user_id": 1, "product_id": "2"}"#)).await;
    assert!(alone["predictions"][0]["score"].is_number(), "{alone}");
}

/// What `Accept`, `Accept-Encoding` and addresses may hold.
#[tokio::test]
async fn headers_and_addresses() {
    let service = TestService::start().await;
    for (accept, is_json) in [("", false), ("application/json ; q=0.9", true), ("Application/JSON", true)] {
        let response =
            service.post("/predict", RECORDED).header("accept", accept).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{accept:?}");
        assert_eq!(response.headers()["content-type"] == "application/json", is_json, "{accept:?}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    let response = service.get("/recommend/1").send().await.expect("an answer");
    let varies = response.headers().get_all("vary").iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case("accept")))
    });
    assert!(varies, "{:?}", response.headers());
    for accepted in ["identity;q=0", "*;q=0", "identity;q=0, *;q=0"] {
        assert_eq!(text(service.post("/predict", RECORDED).header("accept-encoding", accepted)).await.0, 200);
    }
    for path in
        [format!("/{}", "a".repeat(256)), format!("/{}.js", "a".repeat(300)), "/.git/config".to_owned()]
    {
        let (status, found) = problem(service.get(&path)).await;
        assert_eq!((status, &found["code"]), (404, &json!("unknown_route")), "{path}");
    }
}

/// A folder of one's own is served, and nothing out of it.
#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page");
    std::fs::create_dir(&page).expect("made");
    std::fs::write(page.join("index_imba.html"), "mine").expect("written");
    std::fs::write(folder.path().join("secret.txt"), "secret").expect("written");
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), page.join("link.txt")).expect("linked");
    let service = TestService::builder().with("server.static_dir", &page.to_string_lossy()).start().await;
    assert_eq!(text(service.get("/")).await, (200, "mine".to_owned()));
    for path in ["/link.txt", "/..%2fsecret.txt", "/../secret.txt", "/%2e%2e/secret.txt"] {
        let (status, answer) = text(service.get(path)).await;
        assert!(status == 404 && !answer.contains("\"secret\""), "{path}: {status} {answer}");
    }
}

/// The log names routes, not the identifiers in paths.
#[tokio::test]
async fn the_log_keeps_identifiers_to_itself() {
    use imba::telemetry::access_log::AccessLog;
    use imba::telemetry::log::Lines;
    let lines = Lines::default();
    let service = TestService::builder().access_log(AccessLog::new(lines.clone(), false)).start().await;
    assert_eq!(text(service.get("/recommend/somebody-known")).await.0, 404);
    let log = String::from_utf8(lines.gathered()).expect("UTF-8");
    assert!(log.contains("GET /recommend/{user_id} 404") && !log.contains("somebody-known"), "{log}");
}
