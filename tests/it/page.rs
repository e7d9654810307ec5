use crate::service::{TestService, text};

#[tokio::test]
async fn the_page_and_its_files() {
    let service = TestService::start().await;
    let (status, page) = text(service.get("/")).await;
    assert_eq!(status, 200);
    assert_eq!(text(service.get("/index_imba.html")).await, (200, page.clone()));
    has_its_files(&service, &page).await;
}

#[tokio::test]
async fn the_contract_for_people() {
    let service = TestService::start().await;
    let (status, page) = text(service.get("/docs")).await;
    assert_eq!(status, 200);
    has_its_files(&service, &page).await;
    // The client follows the redirection.
    assert_eq!(text(service.get("/docs/")).await, (200, page));
}

/// What the page at an address without a second `/` refers to is there.
async fn has_its_files(service: &TestService, page: &str) {
    let mut files = 0;
    for attribute in ["src=\"", "href=\""] {
        for reference in page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()) {
            if reference.starts_with('#') || reference.starts_with("data:") {
                continue;
            }
            assert!(!reference.contains("//"), "the page loads nothing from elsewhere: {reference}");
            let path = format!("/{}", reference.trim_start_matches("./").trim_start_matches('/'));
            let status = text(service.get(&path)).await.0;
            assert_eq!(status, 200, "{path}");
            files += 1;
        }
    }
    assert!(files >= 2, "the page has a style and a script of its own");
}

#[tokio::test]
async fn headers_that_keep_the_page_to_itself() {
    let service = TestService::start().await;
    let response = service.get("/").send().await.expect("an answer");
    let header = |name: &str| response.headers()[name].to_str().expect("ASCII").to_owned();
    assert!(header("content-security-policy").starts_with("default-src 'self';"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("cache-control"), "no-cache");
    let etag = header("etag");
    let again = service.get("/").header("if-none-match", etag).send().await.expect("an answer");
    assert_eq!(again.status(), 304);
}
