//! What others have written that the tests need: servers that stand in for AWS, each a real implementation of its own (dynalite for
//! DynamoDB, moto for DynamoDB and S3), and the clients of `installed`.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use imba::config::Aws;

use crate::service::{PATIENCE, TestService};

/// A running server; it ends when dropped.
pub(crate) struct Peer {
    child: Child,
    address: String,
}

impl Peer {
    pub(crate) async fn dynalite() -> Self {
        Self::start("node_modules/.bin/dynalite", |port| {
            vec!["--port".to_owned(), port, "--createTableMs".to_owned(), "0".to_owned()]
        })
        .await
    }

    pub(crate) async fn moto() -> Self {
        Self::start(".venv/bin/moto_server", |port| {
            vec!["-H".to_owned(), Ipv4Addr::LOCALHOST.to_string(), "-p".to_owned(), port]
        })
        .await
    }

    async fn start(program: &str, arguments: impl FnOnce(String) -> Vec<String>) -> Self {
        let path = installed(program);
        // Neither server takes port 0, so it gets one that was free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let child = Command::new(&path)
            .args(arguments(address.port().to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut peer = Self { child, address: address.to_string() };
        let up = async {
            while tokio::net::TcpStream::connect(&peer.address).await.is_err() {
                if let Some(status) = peer.child.try_wait().expect("a child") {
                    panic!("{program} ended with {status}");
                }
                // Real: another process starts.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.unwrap_or_else(|_| panic!("{program} is slow"));
        peer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn sdk(&self) -> SdkConfig {
        sdk_at(self.url()).await
    }
}

/// Where a program of `tests/peers` is.
pub(crate) fn installed(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(program);
    assert!(
        path.exists(),
        "{} is not installed: `make test` does it, or see tests/peers/README.md",
        path.display()
    );
    path
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the service's clients are made from, with the server at `url` in place of AWS.
pub(crate) async fn sdk_at(url: String) -> SdkConfig {
    sdk(Aws { endpoint_url: Some(url), ..TestService::builder().config().aws }).await
}

/// What clients are made from by these settings, with credentials of the test's.
pub(crate) async fn sdk(settings: Aws) -> SdkConfig {
    let aws = Aws { region: Some("eu-west-1".to_owned()), ..settings };
    let sdk = imba::upstream::aws::sdk_config(&aws).await.expect("a region");
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "the test");
    sdk.into_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// Runs a script of `tests/peers`, whose assertions say what is wrong.
pub(crate) async fn run_script(script: &str, arguments: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let python = folder.join(".venv/bin/python");
    assert!(python.exists(), "{} is not installed: see tests/peers/README.md", python.display());
    let mut command = Command::new(python);
    command.arg(folder.join(script)).args(arguments);
    let output = async { tokio::task::spawn_blocking(move || command.output()).await.expect("no panic") };
    let output =
        tokio::time::timeout(Duration::from_mins(3), output).await.expect("in time").expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("a text")
}
