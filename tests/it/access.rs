use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use imba::access::key::{generate, hash, hex};
use imba::telemetry::access_log::AccessLog;
use imba::telemetry::log::Lines;
use imba::telemetry::metrics::AccessMetrics;
use reqwest::{RequestBuilder, Response};
use tempfile::TempDir;

use crate::service::{Builder, RECORDED, TestService, check_problem, problem, text};

/// A file of keys, and a service that believes it.
pub(crate) struct Keys {
    folder: TempDir,
    lines: Vec<String>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), lines: Vec::new() }
    }

    /// A new key, with the rest of its line.
    pub(crate) fn add(&mut self, name: &str, rest: &str) -> String {
        let key = generate().expect("random numbers");
        self.lines.push(format!("{name},{},{rest}", hex(&hash(&key))));
        std::fs::write(self.path(), self.lines.join("\n")).expect("written");
        key
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("keys.csv")
    }

    pub(crate) fn service(&self) -> Builder {
        let quotas = self.folder.path().join("quotas.redb");
        TestService::builder()
            .with("access.keys", &self.path().to_string_lossy())
            .with("access.quota_store", &quotas.to_string_lossy())
    }
}

pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned())
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.expect("an answer").status().as_u16()
}

/// The status, the code and the challenge of a request that is refused.
pub(crate) async fn refused(request: RequestBuilder) -> (u16, String, Option<String>) {
    let response = request.send().await.expect("an answer");
    let challenge = header(&response, "www-authenticate");
    let (status, problem) = check_problem(response).await;
    (status, problem["code"].as_str().expect("a code").to_owned(), challenge)
}

#[tokio::test]
async fn everything_but_health_and_the_page_needs_a_caller() {
    let mut keys = Keys::new();
    let key = keys.add("shop", "");
    let service = keys.service().start().await;
    for path in ["/livez", "/readyz", "/", "/index_imba.html"] {
        assert_eq!(status(service.get(path)).await, 200, "{path}");
    }
    let asked = [
        service.post("/predict", RECORDED),
        service.post("/predict/pair", "1,2"),
        service.get("/predict/pair?user_id=1&product_id=2"),
        service.post("/explain", RECORDED),
        service.get("/recommend/1"),
        service.get("/users"),
        service.get("/model"),
        service.get("/metrics"),
        service.post("/nowhere", ""),
        service.post("/predict/", RECORDED),
        service.request("DELETE", "/predict"),
    ];
    for request in asked {
        let again = request.try_clone().expect("a body in memory");
        let (status, code, challenge) = refused(request).await;
        assert_eq!((status, code.as_str()), (401, "unauthenticated"));
        assert_eq!(challenge.as_deref(), Some("Bearer realm=\"imba\""));
        let (_, wrong) = problem(again.header("x-api-key", "imba_wrong")).await;
        assert_eq!(wrong["code"], "unauthenticated");
    }
    assert_eq!(text(service.post("/predict", RECORDED).header("x-api-key", &key)).await.0, 200);
    assert_eq!(text(service.post("/predict", RECORDED).bearer_auth(&key)).await.0, 200);
    assert_eq!(status(service.get("/model").bearer_auth(&key)).await, 200);
    let (_, _, challenge) = refused(service.post("/predict", RECORDED).bearer_auth("nobody")).await;
    assert!(challenge.expect("a challenge").contains("error=\"invalid_token\""));
    let both = service.post("/predict", RECORDED).bearer_auth(&key).header("x-api-key", &key);
    assert!(refused(both).await.2.expect("a challenge").contains("error=\"invalid_request\""));
}

#[tokio::test]
async fn a_key_does_what_its_scopes_allow() {
    let mut keys = Keys::new();
    let scores = keys.add("scores", ",predict");
    let usual = keys.add("usual", "");
    let admin = keys.add("operator", ",admin");
    let service = keys.service().start().await;
    for (key, path, allowed) in [
        (&scores, "/predict/pair?user_id=1&product_id=2", true),
        (&scores, "/recommend/1", false),
        (&scores, "/users", false),
        (&scores, "/metrics", false),
        (&scores, "/model", true),
        (&usual, "/recommend/1", true),
        (&usual, "/users", true),
        (&usual, "/metrics", false),
        (&admin, "/metrics", true),
        (&admin, "/users", false),
        (&admin, "/predict/pair?user_id=1&product_id=2", false),
    ] {
        let request = service.get(path).header("x-api-key", key);
        if allowed {
            assert_eq!(status(request).await, 200, "{path}");
        } else {
            let (status, code, challenge) = refused(request).await;
            assert_eq!((status, code.as_str()), (403, "forbidden"), "{path}");
            assert!(challenge.expect("a challenge").contains("error=\"insufficient_scope\", scope="));
        }
    }
    let explained = service.post("/explain", RECORDED).header("x-api-key", &scores);
    assert_eq!(refused(explained).await.0, 403);
}

#[tokio::test]
async fn a_burst_is_let_in_and_the_rest_told_when_to_come_back() {
    let mut keys = Keys::new();
    let (one, other) = (keys.add("one", "small"), keys.add("other", "small"));
    let free = keys.add("free", "");
    let service =
        keys.service().with("access.plans.small.rate", "60/h").with("access.plans.small.burst", "3");
    let service = service.start().await;
    let ask = |key: &String| service.post("/predict", RECORDED).header("x-api-key", key).send();
    for left in [2, 1, 0] {
        let answer = ask(&one).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let limit = header(&answer, "ratelimit").expect("what is left");
        assert!(limit.starts_with(&format!("\"small.rate\";r={left};t=")), "{limit}");
        assert_eq!(header(&answer, "ratelimit-policy").as_deref(), Some("\"small.rate\";q=3;w=180"));
    }
    let answer = ask(&one).await.expect("an answer");
    let retry_after: u64 = header(&answer, "retry-after").expect("a time").parse().expect("seconds");
    assert!((50..=60).contains(&retry_after), "{retry_after}");
    assert!(header(&answer, "ratelimit").expect("what is left").starts_with("\"small.rate\";r=0;"));
    let (status, found) = check_problem(answer).await;
    assert_eq!((status, found["code"].as_str()), (429, Some("rate_limited")));
    // Each has its own share; health has none, and who has no plan has no limit.
    assert_eq!(ask(&other).await.expect("an answer").status(), 200);
    for _ in 0..10 {
        assert_eq!(status_of(service.get("/livez").header("x-api-key", &one)).await, 200);
        let answer = ask(&free).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), header(&answer, "ratelimit")), (200, None));
    }
    // What is refused for another reason costs nothing.
    for _ in 0..3 {
        let request = service.get("/metrics").header("x-api-key", &other);
        assert_eq!(refused(request).await.0, 403);
    }
    assert!(header(&ask(&other).await.expect("an answer"), "ratelimit").expect("left").contains("r=1;"));
}

async fn status_of(request: RequestBuilder) -> u16 {
    status(request).await
}

#[tokio::test]
async fn a_quota_survives_a_restart() {
    let mut keys = Keys::new();
    let key = keys.add("shop", "monthly");
    let builder = || keys.service().with("access.plans.monthly.quota", "3/month");
    let mut service = builder().start().await;
    for left in [2, 1] {
        let answer =
            service.post("/predict", RECORDED).header("x-api-key", &key).send().await.expect("an answer");
        let limit = header(&answer, "ratelimit").expect("what is left");
        assert!(limit.starts_with(&format!("\"monthly.quota\";r={left};t=")), "{limit}");
        assert_eq!(header(&answer, "ratelimit-policy").as_deref(), Some("\"monthly.quota\";q=3;w=2678400"));
    }
    service.stop();
    service.stopped().await;
    let service = builder().start().await;
    let ask = || service.post("/predict", RECORDED).header("x-api-key", &key);
    assert_eq!(status(ask()).await, 200);
    let answer = ask().send().await.expect("an answer");
    assert!(header(&answer, "retry-after").expect("a time").parse::<u64>().expect("seconds") > 0);
    let (status, found) = check_problem(answer).await;
    assert_eq!((status, found["code"].as_str()), (429, Some("quota_exceeded")));
}

#[tokio::test]
async fn callers_without_a_key_are_limited_by_address() {
    let service = TestService::builder()
        .with("access.anonymous", "visitors")
        .with("access.anonymous_scopes", "predict")
        .with("access.trusted_proxies", "127.0.0.1")
        .with("access.plans.visitors.rate", "1/h")
        .with("access.plans.visitors.burst", "2")
        .start()
        .await;
    let ask = |of: &str| service.post("/predict", RECORDED).header("x-forwarded-for", of.to_owned());
    for of in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        assert_eq!(status(ask(of)).await, 200, "{of}");
        assert_eq!(status(ask(of)).await, 200, "{of}");
        assert_eq!(refused(ask(of)).await.1, "rate_limited", "{of}");
    }
    // The same /64, and an address before which somebody wrote another.
    assert_eq!(refused(ask("2001:db8::2")).await.0, 429);
    assert_eq!(refused(ask("198.51.100.1, 192.0.2.1")).await.0, 429);
    assert_eq!(status(ask("2001:db8:0:1::1")).await, 200);
    assert_eq!(refused(service.get("/users").header("x-forwarded-for", "192.0.2.9")).await.0, 403);
    // A wrong key is not nobody.
    assert_eq!(refused(ask("192.0.2.10").header("x-api-key", "imba_x")).await.0, 401);
}

#[tokio::test]
async fn an_untrusted_peer_cannot_choose_its_address() {
    let service = TestService::builder()
        .with("access.anonymous", "visitors")
        .with("access.plans.visitors.rate", "1/h")
        .start()
        .await;
    let ask = |of: &str| {
        let request = service.post("/predict", RECORDED);
        request.header("x-forwarded-for", of.to_owned()).header("forwarded", format!("for={of}"))
    };
    assert_eq!(status(ask("192.0.2.1")).await, 200);
    assert_eq!(refused(ask("192.0.2.2")).await.0, 429);
}

/// Waits until `is_so`.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let seen = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap_or_else(|_| panic!("never {what}"));
}

fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(&new, path).expect("renamed");
}

#[tokio::test]
async fn a_changed_file_of_keys_is_read_again_and_a_bad_one_is_not_used() {
    let mut keys = Keys::new();
    let old = keys.add("old", "small");
    let service = keys
        .service()
        .with("access.reload_interval", "20ms")
        .with("access.plans.small.rate", "1/h")
        .with("access.plans.small.burst", "100");
    let service = service.start().await;
    let ask = |key: &String| service.post("/predict", RECORDED).header("x-api-key", key);
    assert_eq!(status(ask(&old)).await, 200);
    let good = std::fs::read_to_string(keys.path()).expect("keys");
    for bad in ["old,xyz,small", "old,00,small", &format!("{good}\nother,{},nowhere", "0".repeat(64)), "a"] {
        replace(&keys.path(), bad);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(ask(&old)).await, 200);
    let new = generate().expect("random numbers");
    replace(&keys.path(), &format!("# all keys\n\n{good}\n new , {} ,, predict\n", hex(&hash(&new))));
    eventually("the new key", async || status(ask(&new)).await == 200).await;
    // What the old one has used is not forgotten.
    let left = header(&ask(&old).send().await.expect("an answer"), "ratelimit").expect("what is left");
    assert!(left.contains(";r=97;"), "{left}");
    replace(&keys.path(), "");
    eventually("no key", async || status(ask(&new)).await == 401).await;
    assert_eq!(status(ask(&old)).await, 401);
}

#[tokio::test]
async fn a_file_that_is_wrong_stops_the_start() {
    let digest = "0".repeat(64);
    for (text, what) in [
        ("a b,x".to_owned(), "line 1: the name is not 1 to 64"),
        (format!("a,{digest}\na,{digest}"), "line 2: there is a key \"a\" already"),
        (format!("a,{digest}\nb,{digest}"), "line 2: this hash is another key's already"),
        (format!("a,{digest},gold"), "line 1: there is no plan \"gold\" (access.plans)"),
        (format!("a,{digest},,fly"), "line 1: \"fly\" is none of predict, explain"),
        ("a,b,c,d,e".to_owned(), "line 1: expected name,hash,plan,scopes, found 5 fields"),
        ("a,imba_secret".to_owned(), "line 1: the hash is not 64 hexadecimal digits"),
    ] {
        let keys = Keys::new();
        std::fs::write(keys.path(), &text).expect("written");
        let config = keys.service().config();
        let opened = imba::access::Access::open(&config.access, None, AccessMetrics::default());
        let error = imba::cause::chain(&opened.err().expect("refused"));
        assert!(error.contains("access.keys: ") && error.contains(what), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// Whatever comes as a credential, right or wrong: none of it is in a log line, a metric or an answer.
#[tokio::test]
async fn no_credential_is_written_anywhere() {
    let mut keys = Keys::new();
    let key = keys.add("shop", "small");
    let (lines, signer) = (Lines::default(), "AKIDEXAMPLE,wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY");
    let service = keys
        .service()
        .access_log(AccessLog::new(lines.clone(), true))
        .with("access.plans.small.rate", "1/h")
        .with("access.plans.small.burst", "2")
        .with("access.sigv4_credentials", signer)
        .with("access.anonymous", "small")
        .with("access.anonymous_scopes", "admin")
        .start()
        .await;
    let secrets = [
        key.clone(),
        "imba_0000000000000000000000000000000000000000000000000".to_owned(),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2VjcmV0".to_owned(),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7".to_owned(),
        "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY".to_owned(),
        hex(&hash(&key)),
    ];
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature={}",
        secrets[3]
    );
    let mut written = String::new();
    for _ in 0..2 {
        for secret in &secrets {
            for request in [
                service.post("/predict", RECORDED).header("x-api-key", secret),
                service.post("/predict", RECORDED).bearer_auth(secret),
                service.post("/predict", RECORDED).header("authorization", secret),
                service.post("/predict", RECORDED).header("authorization", &signature),
                service.get("/users").header("x-api-key", secret),
            ] {
                let answer = request.send().await.expect("an answer");
                write!(written, "{:?}", answer.headers()).expect("written");
                written.push_str(&answer.text().await.expect("a text"));
            }
        }
    }
    let (status, metrics) = text(service.get("/metrics")).await;
    assert_eq!(status, 200);
    assert!(metrics.contains("imba_plan_requests_total{plan=\"small\",outcome=\"admitted\"}"), "{metrics}");
    assert!(metrics.contains("imba_access_denied_total{reason=\"key\"}"), "{metrics}");
    written.push_str(&metrics);
    written.push_str(&String::from_utf8(lines.gathered()).expect("UTF-8"));
    assert!(written.lines().count() > 60, "{written}");
    for secret in &secrets {
        assert!(!written.contains(secret.as_str()), "{secret} in {written}");
    }
}

/// Headers of every kind, at random: each is answered, and none lets anybody in.
#[tokio::test]
async fn strange_authorizations_are_answered_401() {
    let mut keys = Keys::new();
    keys.add("shop", "");
    let service = keys.service().start().await;
    let seeds = [
        "Bearer imba_0123456789",
        "AWS4-HMAC-SHA256 Credential=a/b/c/sagemaker/aws4_request, SignedHeaders=host, Signature=00",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
        "Basic Og==",
        "Negotiate",
        "Digest username=\"a\"",
        "",
    ];
    let mut random = fastrand::Rng::with_seed(13);
    for round in 0..600 {
        let mut text = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..random.usize(0..6) {
            let at = random.usize(0..=text.len());
            match random.u8(0..3) {
                0 => text.insert(at, random.u8(32..=255)),
                1 if at < text.len() => drop(text.remove(at)),
                _ => text.truncate(at),
            }
        }
        let text: Vec<u8> = text.into_iter().filter(|byte| *byte != 127).collect();
        let name = if round % 3 == 0 { "x-api-key" } else { "authorization" };
        let value = reqwest::header::HeaderValue::from_bytes(&text).expect("no control characters");
        let status = status(service.post("/predict", RECORDED).header(name, value)).await;
        assert_eq!(status, 401, "{name}: {}", String::from_utf8_lossy(&text));
    }
    assert_eq!(status(service.get("/livez")).await, 200);
}
