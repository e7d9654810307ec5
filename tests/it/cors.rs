use crate::service::{RECORDED, TestService};

const ALLOW: &str = "access-control-allow-origin";

#[tokio::test]
async fn any_origin_by_default_on_every_kind_of_answer() {
    let service = TestService::start().await;
    let requests = [
        service.post("/predict", RECORDED),
        service.post("/predict", "x"),
        service.post("/predict", RECORDED).header("accept", "image/png"),
        service.get("/predict"),
        service.get("/nowhere"),
        service.get("/"),
        service.get("/readyz"),
        service.get("/metrics"),
    ];
    for request in requests {
        let response = request.header("origin", "https://shop.example.com").send().await.expect("an answer");
        assert_eq!(response.headers()[ALLOW], "*", "{} {}", response.status(), response.url());
        let exposed = response.headers()["access-control-expose-headers"].to_str().expect("ASCII");
        assert!(
            exposed.contains("x-model-version")
                && exposed.contains("x-request-id")
                && exposed.contains("server-timing"),
            "{exposed}"
        );
    }
}

#[tokio::test]
async fn preflight() {
    let service = TestService::start().await;
    let preflight = service
        .request("OPTIONS", "/predict")
        .header("origin", "https://shop.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-anything");
    let response = preflight.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers[ALLOW], "*");
    assert_eq!(headers["access-control-allow-headers"], "content-type,x-anything");
    assert_eq!(headers["access-control-max-age"], "3600");
    assert!(headers["access-control-allow-methods"].to_str().expect("ASCII").contains("POST"));
    assert!(headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn only_the_configured_origins() {
    let service =
        TestService::builder().with("cors.origins", "https://a.example,https://b.example").start().await;
    for (origin, allowed) in [("https://b.example", true), ("https://c.example", false)] {
        let response =
            service.post("/predict", "x").header("origin", origin).send().await.expect("an answer");
        let found = response.headers().get(ALLOW).map(|value| value.to_str().expect("ASCII"));
        assert_eq!(found, allowed.then_some(origin));
    }
}
