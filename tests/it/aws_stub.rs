//! An endpoint of SageMaker on loopback: signed requests in, scores of the fixtures' model out, and faults on request.
//!
//! It writes its answers byte by byte on a socket, because some faults are no HTTP.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use imba::config::Aws;
use imba::row::Batch;
use imba::row::python_float;
use imba::scorer::Scorer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::peers::sdk;
use crate::service::TestService;

/// What the stub does with one call.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Scores, one per line, as containers do from 1.2-2 on.
    Scores,
    /// Scores, separated by commas, as containers did before.
    Commas,
    /// Scores after a while.
    After(Duration),
    /// These bytes as a good answer.
    Answer(&'static str),
    /// An error: status, `x-amzn-errortype` unless empty, body.
    Error(u16, &'static str, &'static str),
    /// Half of an answer, then the connection is cut.
    CutOff,
    /// The refusal of credentials with this key id, else scores.
    Expired(&'static str),
    /// An error about the rows if one of them begins with this cell, else scores.
    RefusesRow(&'static str),
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A running stub; it stops with the test.
#[derive(Clone)]
pub(crate) struct AwsStub(Arc<Inner>);

struct Inner {
    address: String,
    model: Box<dyn Scorer>,
    down: AtomicBool,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    script: Mutex<VecDeque<Act>>,
    otherwise: Mutex<Act>,
    calls: Mutex<Vec<Call>>,
}

impl AwsStub {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let stub = Self(Arc::new(Inner {
            address: listener.local_addr().expect("bound").to_string(),
            model: Box::new(TestService::builder().fixture_scorer()),
            down: AtomicBool::new(false),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            script: Mutex::default(),
            otherwise: Mutex::new(Act::Scores),
            calls: Mutex::default(),
        }));
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(socket));
            }
        });
        stub
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// The next calls' acts, in order.
    pub(crate) fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.script.lock().expect("no panic").extend(acts);
    }

    /// What all calls get that no script is left for.
    pub(crate) fn otherwise(&self, act: Act) {
        *self.0.otherwise.lock().expect("no panic") = act;
    }

    /// Cuts every connection at its next request, and refuses new ones, until told otherwise.
    pub(crate) fn down(&self, down: bool) {
        self.0.down.store(down, Ordering::Relaxed);
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().expect("no panic").clone()
    }

    /// Most calls that were under way at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::Relaxed)
    }

    /// What clients of this stub are made from, with credentials of its own.
    pub(crate) async fn sdk(&self, aws: &Aws) -> SdkConfig {
        sdk(Aws { endpoint_url: Some(self.url()), ..aws.clone() }).await
    }

    async fn serve(self, mut socket: TcpStream) {
        while !self.0.down.load(Ordering::Relaxed) {
            let Some(call) = read_call(&mut socket).await else { return };
            if self.0.down.load(Ordering::Relaxed) {
                return;
            }
            let at_once = self.0.at_once.fetch_add(1, Ordering::Relaxed) + 1;
            self.0.most_at_once.fetch_max(at_once, Ordering::Relaxed);
            self.0.calls.lock().expect("no panic").push(call.clone());
            let act = self.0.script.lock().expect("no panic").pop_front();
            let act = act.unwrap_or_else(|| self.0.otherwise.lock().expect("no panic").clone());
            let (answer, keep) = self.answer(act, &call).await;
            self.0.at_once.fetch_sub(1, Ordering::Relaxed);
            if socket.write_all(&answer).await.is_err() || !keep {
                return;
            }
        }
    }

    /// The bytes of an answer, and whether the connection stays open after it.
    async fn answer(&self, act: Act, call: &Call) -> (Vec<u8>, bool) {
        match act {
            Act::Commas => {
                (response(200, "", self.scores(&call.body, ",").await.trim_end_matches(',')), true)
            }
            Act::After(time) => {
                tokio::time::sleep(time).await;
                (response(200, "", &self.scores(&call.body, "\n").await), true)
            }
            Act::Answer(body) => (response(200, "", body), true),
            Act::Error(status, kind, body) => (response(status, kind, body), true),
            Act::CutOff => {
                let whole = response(200, "", "0.123456789");
                (whole[..whole.len() - 5].to_vec(), false)
            }
            Act::RefusesRow(cell) if call.body.lines().any(|row| row.split(',').next() == Some(cell)) => {
                let body = r#"{"Message":"Received client error (415)","OriginalStatusCode":415,"OriginalMessage":"could not convert"}"#;
                (response(424, "ModelError", body), true)
            }
            Act::Expired(key) if call.header("authorization").is_some_and(|signed| signed.contains(key)) => (
                response(403, "ExpiredTokenException", r#"{"message":"The security token has expired"}"#),
                true,
            ),
            Act::Scores | Act::RefusesRow(_) | Act::Expired(_) => {
                (response(200, "", &self.scores(&call.body, "\n").await), true)
            }
        }
    }

    async fn scores(&self, rows: &str, separator: &str) -> String {
        let mut batch = Batch::new(self.0.model.info().feature_names.len());
        for row in rows.lines() {
            let row: Vec<f32> = row.split(',').map(|cell| cell.parse().expect("a number")).collect();
            batch.push(&row);
        }
        let mut text = String::new();
        for score in self.0.model.score(batch.into()).await.expect("scores").values {
            python_float(score, &mut text);
            text.push_str(separator);
        }
        text
    }
}

async fn read_call(socket: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut call =
        Call { head: String::from_utf8(bytes[..end].to_vec()).expect("ASCII"), body: String::new() };
    let length: usize = call.header("content-length").map_or(0, |text| text.parse().expect("a length"));
    while bytes.len() < end + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    call.body = String::from_utf8(bytes[end..].to_vec()).expect("CSV");
    Some(call)
}

fn response(status: u16, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let kind = if kind.is_empty() { String::new() } else { format!("x-amzn-errortype: {kind}\r\n") };
    format!(
        "HTTP/1.1 {status} Stub\r\n{kind}content-length: {length}\r\nx-amzn-requestid: stub\r\n\r\n{body}"
    )
    .into_bytes()
}
