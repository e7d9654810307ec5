use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use imba::telemetry::metrics::AccessMetrics;
use reqwest::RequestBuilder;

use crate::access::{header, refused};
use crate::service::{RECORDED, TestService, text};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A POST of `body` to `path`, signed as the SDKs sign theirs.
fn signed(service: &TestService, path: &str, body: &str, secret: &str, at: SystemTime) -> RequestBuilder {
    signed_for(service, [path, path], body, secret, at)
}

/// The same, for one path and sent to another.
fn signed_for(
    service: &TestService,
    [path, sent_to]: [&str; 2],
    body: &str,
    secret: &str,
    at: SystemTime,
) -> RequestBuilder {
    let identity = Credentials::new(ID, secret, None, None, "a test").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sagemaker")
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .expect("complete")
        .into();
    let headers = [("content-type", "text/csv")];
    let signable = SignableRequest::new(
        "POST",
        service.url(path),
        headers.into_iter(),
        SignableBody::Bytes(body.as_bytes()),
    );
    let (instructions, _) = sign(signable.expect("a request"), &parameters).expect("signed").into_parts();
    let request = service.post(sent_to, body.to_owned()).header("content-type", "text/csv");
    instructions.headers().fold(request, |request, (name, value)| request.header(name, value))
}

async fn status(request: RequestBuilder) -> u16 {
    text(request).await.0
}

#[tokio::test]
async fn a_signed_request_needs_no_key() {
    let line = format!("{ID},{SECRET},small,predict");
    let service = TestService::builder()
        .with("access.sigv4_credentials", &line)
        .with("access.plans.small.rate", "1/h")
        .with("access.plans.small.burst", "10")
        .with("server.base_path", "/prod")
        .start()
        .await;
    let now = SystemTime::now();
    let (plain, predicted) = text(signed(&service, "/predict", RECORDED, SECRET, now)).await;
    assert_eq!((plain, predicted.is_empty()), (200, false));
    let answer = signed(&service, "/predict", RECORDED, SECRET, now).send().await.expect("an answer");
    assert!(header(&answer, "ratelimit").expect("what is left").contains("r=8;"));
    // The signature is of the address as the client wrote it.
    assert_eq!(status(signed(&service, "/prod/predict/", RECORDED, SECRET, now)).await, 200);
    assert_eq!(refused(signed(&service, "/explain", RECORDED, SECRET, now)).await.1, "forbidden");
    for (request, reason) in [
        (
            signed(&service, "/predict", RECORDED, "another secret of 16 and more", now),
            "not that of the request",
        ),
        (signed(&service, "/predict", RECORDED, SECRET, now - Duration::from_secs(1000)), "15 minutes"),
        (signed(&service, "/predict", RECORDED, SECRET, now + Duration::from_secs(1000)), "15 minutes"),
        (
            signed(&service, "/predict", RECORDED, SECRET, now).body(RECORDED.replace("514", "515")),
            "not that",
        ),
        (signed_for(&service, ["/predict", "/predict?a=b"], RECORDED, SECRET, now), "not that"),
        (service.post("/predict", "1").header("authorization", "AWS4-HMAC-SHA256 x"), "cannot be read"),
    ] {
        let (status, code, challenge) = refused(request).await;
        assert_eq!((status, code.as_str()), (401, "unauthenticated"));
        assert!(challenge.expect("a challenge").contains(reason), "{reason}");
    }
}

#[tokio::test]
async fn the_body_is_bounded_before_it_is_checked() {
    let line = format!("{ID},{SECRET}");
    let service = TestService::builder()
        .with("access.sigv4_credentials", &line)
        .with("server.body_limit", "1KiB")
        .start()
        .await;
    let (now, large) = (SystemTime::now(), "1".repeat(2000));
    assert_eq!(refused(signed(&service, "/predict", &large, SECRET, now)).await.1, "body_too_large");
}

#[tokio::test]
async fn a_file_of_secrets_is_its_owners_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sigv4");
    std::fs::write(&path, format!("# signers\n{ID},{SECRET}\n")).expect("written");
    let builder = || TestService::builder().with("access.sigv4", &path.to_string_lossy());
    let open = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
        imba::access::Access::open(&builder().config().access, None, AccessMetrics::default())
    };
    for mode in [0o644, 0o640, 0o602] {
        let error = open(mode).err().expect("refused").to_string();
        assert!(error.starts_with("access.sigv4: ") && error.ends_with("chmod 600"), "{error}");
    }
    assert!(open(0o600).is_ok());
    let service = builder().start().await;
    assert_eq!(status(signed(&service, "/predict", RECORDED, SECRET, SystemTime::now())).await, 200);
}
