use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::aws_stub::{Act, AwsStub};
use crate::service::{RECORDED, TestService, columns, fixture, pass, problem, text};

/// A service before `stub`.
async fn before(stub: &AwsStub, settings: &[(&str, &str)]) -> TestService {
    let builder =
        settings.iter().fold(TestService::builder(), |builder, (key, value)| builder.with(key, value));
    builder.sagemaker(stub).await.start().await
}

/// Any answer of the model to the probe's row is an answer: the service starts, is ready, and says so of the endpoint.
#[tokio::test]
async fn a_model_that_does_not_like_the_probe() {
    const REFUSED: &str = r#"{"OriginalStatusCode":400,"OriginalMessage":"a row of nothing"}"#;
    const CRASHED: &str = r#"{"OriginalStatusCode":500,"OriginalMessage":"Traceback"}"#;
    for act in [
        Act::Error(424, "ModelError", REFUSED),
        Act::Error(424, "ModelError", CRASHED),
        Act::Answer("nan"),
        Act::Answer("<html>no</html>"),
        Act::Answer(""),
        Act::Answer("0.5\n0.5"),
    ] {
        let stub = AwsStub::start().await;
        stub.otherwise(act.clone());
        let service = before(&stub, &[]).await;
        assert_eq!(text(service.get("/readyz")).await.0, 200, "{act:?}");
        assert_eq!(text(service.get("/readyz?upstreams")).await.0, 200, "{act:?}");
        assert_eq!(stub.calls().len(), 1, "one answer is enough: {act:?}");
        stub.otherwise(Act::Scores);
        assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200, "{act:?}");
    }
}

/// An endpoint that hangs hears of few calls, and callers hear soon that it does.
#[tokio::test]
async fn a_hang_is_not_multiplied() {
    let stub = AwsStub::start().await;
    let service = before(&stub, &[("scorer.sagemaker.batch_rows", "1")]).await;
    assert_eq!(text(service.post("/predict", RECORDED)).await.0, 200);
    stub.otherwise(Act::Hangs);
    let calls = stub.calls().len();
    let mut requests = 0;
    for _ in 0..6 {
        let mut callers = JoinSet::new();
        for _ in 0..10 {
            let request = service.post("/predict", RECORDED);
            callers.spawn(async move { problem(request).await.0 });
        }
        for status in service.pass_until_answered(callers).await {
            assert!([503, 504].contains(&status), "{status}");
            requests += 1;
        }
    }
    let calls = stub.calls().len() - calls;
    assert!(calls as f64 <= 1.2 * f64::from(requests), "{calls} calls for {requests} requests");
}

/// Many probes of an endpoint that hangs cost one call; those of the service itself cost none.
#[tokio::test]
async fn probes_of_an_endpoint_that_hangs() {
    let stub = AwsStub::start().await;
    let service = TestService::builder().sagemaker(&stub).await.start().await;
    stub.next([Act::Error(403, "AccessDeniedException", "{}")]);
    assert_eq!(problem(service.post("/predict", RECORDED)).await.0, 502);
    stub.otherwise(Act::Hangs);
    // What the start found is believed no longer.
    pass(Duration::from_millis(1100)).await;
    let before = stub.calls().len();
    let mut probes = JoinSet::new();
    for _ in 0..16 {
        let request = service.get("/readyz?upstreams");
        probes.spawn(async move { problem(request).await });
    }
    for _ in 0..16 {
        assert_eq!(text(service.get("/readyz")).await.0, 200);
    }
    for (status, found) in service.pass_until_answered(probes).await {
        assert_eq!((status, &found["code"]), (503, &json!("not_ready")));
    }
    assert_eq!(stub.calls().len() - before, 1);
}

/// Nothing that an upstream says reaches the public but a model's line about the rows.
#[tokio::test]
async fn what_an_endpoint_says_stays_inside() {
    const CRASHED: &str = r#"{"OriginalStatusCode":503,"OriginalMessage":"SECRET at /opt/ml/model"}"#;
    const REFUSED: &str = r#"{"OriginalStatusCode":415,"OriginalMessage":"{\"error-message\":\"not a number\",\"stack-trace\":\"SECRET\"}"}"#;
    let stub = AwsStub::start().await;
    let service = before(&stub, &[("scorer.sagemaker.breaker_rate", "1")]).await;
    for (act, status, said) in [
        (Act::Error(424, "ModelError", CRASHED), 502, "the model answered with status 503"),
        (Act::Error(424, "ModelError", REFUSED), 422, "the model answered with status 415: not a number"),
        (Act::Error(418, "<b>SECRET</b>", "{}"), 502, "refuses the call (status 418)"),
        (Act::Error(500, "SECRET /opt", "<html>SECRET</html>"), 502, "it failed with status 500"),
        (Act::Answer("<html>SECRET</html>"), 502, "something that is no score"),
        (Act::Answer("Traceback (most recent call last): SECRET"), 502, "something that is no score"),
    ] {
        stub.otherwise(act.clone());
        let (found_status, found) = problem(service.post("/predict", RECORDED)).await;
        assert_eq!(found_status, status, "{act:?}: {found}");
        assert!(found["detail"].as_str().is_some_and(|detail| detail.ends_with(said)), "{act:?}: {found}");
        assert!(!found.to_string().contains("SECRET"), "{found}");
    }
}

/// A choice of a model that is not passed on is refused, whatever scores; other headers are nobody's harm.
#[tokio::test]
async fn a_model_that_cannot_be_chosen() {
    let stub = AwsStub::start().await;
    let passing = [("scorer.sagemaker.pass_headers", "x-amzn-sagemaker-target-model")];
    for (service, passes) in [
        (TestService::start().await, false),
        (before(&stub, &[]).await, false),
        (before(&stub, &passing).await, true),
    ] {
        for (name, passed) in [
            ("x-amzn-sagemaker-target-model", passes),
            ("X-Amzn-SageMaker-Target-Variant", false),
            ("x-amzn-sagemaker-inference-component", false),
            ("x-amzn-sagemaker-target-container-hostname", false),
            ("x-amzn-sagemaker-inference-id", true),
        ] {
            for (path, body) in [("/predict", RECORDED), ("/predict/pair", "1,2")] {
                let request = service.post(path, body).header(name, "other");
                if passed {
                    assert_eq!(text(request).await.0, 200, "{name}");
                    continue;
                }
                let (status, found) = problem(request).await;
                assert_eq!((status, &found["code"]), (400, &json!("wrong_parameter")), "{name}");
                let detail = found["detail"].as_str().expect("a text");
                assert!(detail.contains(&name.to_ascii_lowercase()), "{detail}");
            }
            assert_eq!(
                text(service.post("/predict", RECORDED).header(name, "")).await.0,
                200,
                "{name}, empty"
            );
        }
    }
}

/// The program with an endpoint at `url`, in `folder`, with nothing of the test's own environment.
fn program(folder: &Path, url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    command.current_dir(folder).env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("IMBA__SERVER__STATIC_DIR", root.join("static")).env("IMBA__SERVER__LISTEN", "127.0.0.1:0");
    command.env("IMBA__MODEL__PATH", fixture("binary.ubj")).env("IMBA__AWS__ENDPOINT_URL", url);
    command.env("IMBA__FEATURES__COLUMNS", columns().join(",")).env("IMBA__PRODUCTS__NAMES", "");
    command.env("IMBA__LOG__FORMAT", "json").env("IMBA__FEATURES__KIND", "none");
    command
}

/// What `command` says when it does not start.
async fn refusal(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[tokio::test]
async fn a_region_that_is_none() {
    let folder = tempfile::tempdir().expect("folder");
    for (region, said) in [
        ("", "aws.region: no region is set"),
        (" ", "expected a region like \"eu-west-1\", found \" \""),
        ("eu west 1", "found \"eu west 1\""),
        ("eu-west-1\n", "found \"eu-west-1\\n\""),
        ("EU-WEST-1", "found"),
        ("eu-west-1.evil.example", "found"),
        ("eu-west-1/", "found"),
        ("-", "found"),
    ] {
        let mut command = program(folder.path(), "http://127.0.0.1:9");
        command.env("IMBA__SCORER__KIND", "sagemaker").env("IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME", "imba");
        command.env("AWS_REGION", region);
        let words = refusal(command).await;
        assert!(words.contains("region") && words.contains(said), "{region:?}: {words}");
    }
}

/// Without the right to describe the table, the message says which right, and AWS's own sentence.
#[tokio::test]
async fn a_right_that_is_missing() {
    const DENIED: &str = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::123456789012:role/shop is not authorized to perform: dynamodb:DescribeTable on resource: table/imba"}"#;
    let stub = AwsStub::start().await;
    stub.otherwise(Act::Error(400, "", DENIED));
    let folder = tempfile::tempdir().expect("folder");
    let mut command = program(folder.path(), &stub.url());
    command.env("IMBA__FEATURES__KIND", "dynamodb").env("AWS_REGION", "eu-west-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret");
    let words = refusal(command).await;
    for said in [
        "the permission dynamodb:DescribeTable",
        "AccessDeniedException",
        "role/shop is not authorized to perform",
    ] {
        assert!(words.contains(said), "{words}");
    }
}

/// A running program; it ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Credentials in a profile that expire and are replaced in the file: the next request finds the new ones.
#[tokio::test]
async fn credentials_that_are_replaced() {
    let stub = AwsStub::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("credentials");
    let write = |key: &str| {
        let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n");
        std::fs::write(&profile, text).expect("written");
    };
    write("AKIDOLD");
    let mut command = program(folder.path(), &stub.url());
    command.env("IMBA__SCORER__KIND", "sagemaker").env("IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME", "imba");
    command.env("AWS_REGION", "eu-west-1").env("AWS_SHARED_CREDENTIALS_FILE", &profile);
    let mut running =
        Running(command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs"));
    let (said, told) = (running.0.stderr.take().expect("piped"), running.0.stdout.take().expect("piped"));
    let url = tokio::task::spawn_blocking(move || listening(said).or_else(|| listening(told)));
    let url = url.await.expect("no panic").expect("it listens");

    let predict = || reqwest::Client::new().post(format!("{url}predict")).body(RECORDED);
    assert_eq!(text(predict()).await.0, 200);
    stub.otherwise(Act::Expired("AKIDOLD"));
    write("AKIDNEW");
    assert_eq!(text(predict()).await.0, 200);
    let calls = stub.calls();
    let signed = |nth: usize| calls[calls.len() - nth].header("authorization").expect("signed").to_owned();
    assert!(signed(2).contains("AKIDOLD") && signed(1).contains("AKIDNEW"));
}

/// The address that the log says.
fn listening(mut log: impl Read) -> Option<String> {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    loop {
        let read = log.read(&mut bytes).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        if let Some((_, after)) = text.split_once("listening on ")
            && let Some((url, _)) = after.split_once(|c: char| c == '"' || c.is_whitespace())
        {
            return Some(url.to_owned());
        }
    }
}
