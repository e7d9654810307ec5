use reqwest::Client;
use reqwest::redirect::Policy;

use crate::access::header;
use crate::service::{RECORDED, TestService, problem, text};

/// A page whose name points to 127.0.0.1 reads nothing.
#[tokio::test]
async fn a_loopback_listener_answers_to_its_own_names() {
    let service = TestService::builder().with("server.hosts", "imba.test").start().await;
    for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "imba.test", "IMBA.test:99"] {
        let (status, _) = text(service.post("/predict", RECORDED).header("host", host)).await;
        assert_eq!(status, 200, "{host}");
    }
    for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "imba.test.evil.example"] {
        for request in [
            service.post("/predict", RECORDED),
            service.get("/users"),
            service.get("/"),
            service.get("/livez"),
        ] {
            let (status, found) = problem(request.header("host", host)).await;
            assert_eq!((status, found["code"].as_str()), (421, Some("misdirected")), "{host}");
            assert!(found["detail"].as_str().expect("a detail").ends_with("(server.hosts)"), "{found}");
        }
    }
}

#[tokio::test]
async fn other_listeners_answer_to_every_name() {
    let service = TestService::builder().with("server.listen", "0.0.0.0:0").start().await;
    assert_eq!(text(service.post("/predict", RECORDED).header("host", "shop.example")).await.0, 200);
}

#[tokio::test]
async fn a_prefix_and_a_slash_at_the_end() {
    let service = TestService::builder().with("server.base_path", "/prod").start().await;
    let (_, expected) = text(service.post("/predict", RECORDED)).await;
    for path in ["/prod/predict", "/prod/predict/", "/predict/"] {
        assert_eq!(text(service.post(path, RECORDED)).await, (200, expected.clone()), "{path}");
    }
    for path in ["/prod/livez", "/livez", "/prod/recommend/1/?limit=3", "/prod/"] {
        assert_eq!(text(service.get(path)).await.0, 200, "{path}");
    }
    for path in ["/production/livez", "/prod/prod/livez", "/other/livez"] {
        assert_eq!(problem(service.get(path)).await.0, 404, "{path}");
    }
    // What the page names is relative to it.
    let client = Client::builder().redirect(Policy::none()).build().expect("a client");
    let answer = client.get(service.url("/prod")).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), header(&answer, "location").as_deref()), (308, Some("/prod/")));
    // Metrics name the route.
    let (_, metrics) = text(service.get("/prod/metrics")).await;
    assert!(metrics.contains("route=\"/predict\",status=\"200\""), "{metrics}");
    assert!(!metrics.contains("route=\"/prod"), "{metrics}");
}

#[tokio::test]
async fn a_pair_in_the_address_bar() {
    let service = TestService::start().await;
    let (_, expected) = text(service.post("/predict/pair", "1,2")).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let asked = service.get("/predict/pair?user_id=1&product_id=2").header("accept", browser);
    assert_eq!(text(asked).await, (200, expected));
    let asked = service.get("/predict/pair?product_id=2&user_id=1").header("accept", "application/json");
    let (status, answer) = crate::service::json(asked).await;
    assert_eq!((status, answer["predictions"][0]["user_id"].as_str()), (200, Some("1")));
    for (query, code) in [
        ("user_id=1&product_id=99", "unknown_pair"),
        ("user_id=1", "wrong_parameter"),
        ("", "wrong_parameter"),
        ("user_id=1&product_id=2&x=3", "wrong_parameter"),
        ("user_id=&product_id=2", "wrong_parameter"),
    ] {
        let (_, found) = problem(service.get(&format!("/predict/pair?{query}"))).await;
        assert_eq!(found["code"], code, "{query}");
    }
    let (_, found) = problem(service.get("/predict/pair?user_id=1")).await;
    assert_eq!(found["detail"], "product_id is missing; expected ?user_id=…&product_id=…");
}

#[tokio::test]
async fn the_ids_of_a_balancer_are_taken_over() {
    let service = TestService::start().await;
    let root = "1-67891233-abcdef012345678912345678";
    let trace = format!("Self=1-1-1;Root={root};Parent=53995c3f42cd8ad8;Sampled=1");
    for (headers, expected) in [
        (
            &[("x-amzn-requestid", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef")][..],
            "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        ),
        (&[("x-amzn-trace-id", trace.as_str())], root),
        (&[("x-amzn-trace-id", trace.as_str()), ("x-amzn-requestid", "a")], "a"),
        (&[("x-request-id", "own"), ("x-amzn-requestid", "a")], "own"),
    ] {
        let request = headers
            .iter()
            .fold(service.post("/predict", "x"), |request, (name, value)| request.header(*name, *value));
        let (_, found) = problem(request).await;
        assert_eq!(found["request_id"], expected);
    }
    for strange in ["Root=", "Root=a b", "Parent=1", "", &format!("Root={}", "x".repeat(200))] {
        let (_, found) = problem(service.post("/predict", "x").header("x-amzn-trace-id", strange)).await;
        assert_eq!(found["request_id"].as_str().expect("an id").len(), 36, "{strange}");
    }
}

#[tokio::test]
async fn operators_have_a_listener_of_their_own() {
    let mut service = TestService::builder().with("server.admin_listen", "127.0.0.1:0").start().await;
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
    let (status, metrics) = text(service.get_admin("/metrics")).await;
    assert_eq!(status, 200);
    assert!(metrics.contains("imba_http_requests_total{route=\"/predict\",status=\"200\"} 1"), "{metrics}");
    for path in ["/livez", "/readyz"] {
        assert_eq!(text(service.get_admin(path)).await.0, 200);
        assert_eq!(text(service.get(path)).await.0, 200);
    }
    assert_eq!(problem(service.get("/metrics")).await.0, 404);
    for path in ["/", "/model", "/users"] {
        assert_eq!(problem(service.get_admin(path)).await.0, 404, "{path}");
    }
    service.stop();
    service.stopped().await;
}

#[tokio::test]
async fn credentials_and_private_networks_as_configured() {
    let preflight = |service: &TestService| {
        let request = service.request("OPTIONS", "/predict").header("origin", "https://a.example");
        request
            .header("access-control-request-method", "POST")
            .header("access-control-request-private-network", "true")
            .send()
    };
    let service = TestService::start().await;
    let answer = preflight(&service).await.expect("an answer");
    assert_eq!(header(&answer, "access-control-allow-private-network"), None);
    assert_eq!(header(&answer, "access-control-allow-credentials"), None);
    let service = TestService::builder()
        .with("cors.origins", "https://a.example")
        .with("cors.credentials", "true")
        .with("cors.private_network", "true");
    let answer = preflight(&service.start().await).await.expect("an answer");
    assert_eq!(header(&answer, "access-control-allow-private-network").as_deref(), Some("true"));
    assert_eq!(header(&answer, "access-control-allow-credentials").as_deref(), Some("true"));
    assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("https://a.example"));
}
