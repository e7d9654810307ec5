use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use imba::model::model_version;
use reqwest::{Client, Method};
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::Peer;
use crate::service::{RECORDED, fixture, fixture_lines, until};

/// Who owns the bucket: moto compares no signatures.
const OWNER: &str = "AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/us-east-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=0";
const PATH: &str = "s3://models/imba/model.tar.gz";

/// SageMaker's archive of a fixture.
fn archive(folder: &TempDir, model: &str) -> Vec<u8> {
    std::fs::copy(fixture(model), folder.path().join("xgboost-model")).expect("copied");
    let tar = Command::new("tar")
        .args(["czf", "-", "xgboost-model"])
        .current_dir(folder)
        .output()
        .expect("tar runs");
    assert!(tar.status.success());
    tar.stdout
}

/// The program with `peer` in place of AWS, as the variable `named` says.
fn imba(folder: &TempDir, named: &str, peer: &Peer) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imba"));
    command.current_dir(folder).env_clear().stderr(Stdio::piped());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
    command.env("IMBA__SERVER__LISTEN", "127.0.0.1:0").env("IMBA__SERVER__STATIC_DIR", page);
    command.env("IMBA__MODEL__PATH", PATH).env("IMBA__MODEL__RELOAD_INTERVAL", "100ms");
    command.env("IMBA__AWS__REGION", "eu-west-1").env(named, peer.url());
    command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

struct Running(Child, String);

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it runs");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut log = String::new();
        let address = loop {
            let from = log.len();
            assert_ne!(stderr.read_line(&mut log).expect("UTF-8"), 0, "{log}");
            let event: Value = serde_json::from_str(&log[from..]).expect("a JSON line");
            if let Some(address) = event["server.address"].as_str() {
                break address.to_owned();
            }
        };
        // Somebody must read on, or the program would wait for it.
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(drop));
        Self(child, address)
    }

    async fn get(&self, path: &str) -> String {
        let answer = reqwest::get(format!("http://{}{path}", self.1)).await.expect("an answer");
        answer.text().await.expect("a text")
    }

    async fn says(&self, path: &str, words: &str) {
        until(words, async || self.get(path).await.contains(words)).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The object is fetched at start; a new one takes over, a bad or absent one leaves the old model serving.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_in_s3() {
    let (peer, folder) = (Peer::moto().await, tempfile::tempdir().expect("folder"));
    // As the owner of the bucket, whom moto takes at their word.
    let client = Client::new();
    let owner = async |method: Method, path: &str, content: &[u8]| {
        let request = client.request(method, format!("{}/{path}", peer.url())).body(content.to_vec());
        let request = request.header("authorization", OWNER);
        request.send().await.expect("an answer").error_for_status().expect("done");
    };
    let refusal = |said: &str| {
        let output = imba(&folder, "IMBA__AWS__ENDPOINT_URL", &peer).output().expect("it runs");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.code() == Some(1) && stderr.contains(said), "{stderr}");
    };
    refusal("model.path: s3://models/imba/model.tar.gz: S3 refuses it with NoSuchBucket");
    owner(Method::PUT, "models", b"").await;
    refusal("model.path: s3://models/imba/model.tar.gz: there is no such object");
    let put = async |content: &[u8]| owner(Method::PUT, "models/imba/model.tar.gz", content).await;
    put(b"no model").await;
    refusal("model.path: s3://models/imba/model.tar.gz: ");

    let (first, second) = (archive(&folder, "binary.ubj"), archive(&folder, "binary.json"));
    put(&first).await;
    for (limit, is_enough) in [(first.len() - 1, false), (first.len(), true)] {
        let mut limited = imba(&folder, "IMBA__AWS__ENDPOINT_URL", &peer);
        limited.env("IMBA__MODEL__SIZE_LIMIT", format!("{limit}B"));
        if is_enough {
            drop(Running::start(limited));
            continue;
        }
        let output = limited.output().expect("it runs");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.code() == Some(1) && stderr.contains("model.size_limit"), "{stderr}");
    }
    let service = Running::start(imba(&folder, "AWS_ENDPOINT_URL_S3", &peer));
    service.says("/model", &model_version(&first)).await;
    let score = async || {
        let request = Client::new().post(format!("http://{}/predict", service.1)).body(RECORDED);
        request.send().await.expect("an answer").text().await.expect("a text")
    };
    assert_eq!(score().await, fixture_lines("scores.txt")[0]);

    put(b"no model").await;
    service.says("/metrics", "imba_model_reload_failed 1").await;
    put(&second).await;
    service.says("/model", &model_version(&second)).await;
    service.says("/metrics", "imba_model_reload_failed 0").await;

    owner(Method::DELETE, "models/imba/model.tar.gz", b"").await;
    service.says("/metrics", "imba_model_reload_failed 1").await;
    assert!(service.get("/model").await.contains(&model_version(&second)));
    assert_eq!(score().await, fixture_lines("scores.txt")[0], "the old model goes on serving");
    put(&first).await;
    service.says("/model", &model_version(&first)).await;
    service.says("/metrics", "imba_model_reload_failed 0").await;
}
