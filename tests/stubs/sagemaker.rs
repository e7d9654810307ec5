use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gbtree::Model;
use imba::row::python_float;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::wire::{self, Call, Reply};

/// What the stub does with one call.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Scores, one per line, as containers do from 1.2-2 on.
    Scores,
    /// Scores, separated by commas, as containers did before.
    Commas,
    /// Scores after a while.
    After(Duration),
    /// Scores once there is a permit.
    Held(Arc<Semaphore>),
    /// No answer, ever.
    Hangs,
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

/// What the endpoint's model makes of rows of CSV: one number for each.
pub(crate) type Scoring = Box<dyn Fn(&str) -> Vec<f64> + Send + Sync>;

/// Scores by a model file.
pub(crate) fn scores_of(file: &[u8]) -> Scoring {
    let model = Model::from_bytes(file).expect("a model");
    Box::new(move |rows| {
        let mut values: Vec<f32> = Vec::new();
        for row in rows.lines() {
            values.extend(row.split(',').map(|cell| cell.parse::<f32>().expect("a number")));
        }
        let mut scores = vec![0.0; rows.lines().count()];
        model.predict(&values, &mut scores).expect("rows of the model's width");
        scores.into_iter().map(f64::from).collect()
    })
}

/// The same score for every row: the cheapest endpoint there can be.
pub(crate) fn constant(score: f64) -> Scoring {
    Box::new(move |rows| vec![score; rows.lines().count()])
}

/// An endpoint; clones are the same one.
#[derive(Clone)]
pub(crate) struct SageMakerStub(Arc<Inner>);

struct Inner {
    scoring: Scoring,
    /// Measurements make millions of calls, and keep none.
    keeps_calls: bool,
    down: AtomicBool,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    address: Mutex<String>,
    script: Mutex<VecDeque<Act>>,
    otherwise: Mutex<Box<dyn FnMut() -> Act + Send>>,
    calls: Mutex<Vec<Call>>,
    count: watch::Sender<usize>,
}

impl SageMakerStub {
    pub(crate) fn new(scoring: Scoring, keeps_calls: bool) -> Self {
        Self(Arc::new(Inner {
            scoring,
            keeps_calls,
            down: AtomicBool::new(false),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            address: Mutex::default(),
            script: Mutex::default(),
            otherwise: Mutex::new(Box::new(|| Act::Scores)),
            calls: Mutex::default(),
            count: watch::Sender::new(0),
        }))
    }

    /// Serves on a free port until the runtime ends.
    pub(crate) async fn listen(self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        *self.0.address.lock().expect("no panic") = listener.local_addr().expect("bound").to_string();
        let stub = self.clone();
        tokio::spawn(wire::serve(listener, move |call| stub.clone().answer(call)));
        self
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address.lock().expect("no panic"))
    }

    /// The next calls' acts, in order.
    pub(crate) fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.script.lock().expect("no panic").extend(acts);
    }

    /// What all calls get that no script is left for.
    pub(crate) fn otherwise(&self, act: Act) {
        self.choosing(move || act.clone());
    }

    /// The same, chosen anew for each call.
    pub(crate) fn choosing(&self, choose: impl FnMut() -> Act + Send + 'static) {
        *self.0.otherwise.lock().expect("no panic") = Box::new(choose);
    }

    /// Cuts every connection at its next request until told otherwise.
    pub(crate) fn down(&self, down: bool) {
        self.0.down.store(down, Ordering::Relaxed);
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().expect("no panic").clone()
    }

    /// Waits for the call number `count`.
    pub(crate) async fn called(&self, count: usize) {
        let mut so_far = self.0.count.subscribe();
        so_far.wait_for(|so_far| *so_far >= count).await.expect("the stub is there");
    }

    /// Most calls that were under way at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::Relaxed)
    }

    /// What becomes of `call`.
    pub(crate) async fn answer(self, call: Call) -> Reply {
        if self.0.down.load(Ordering::Relaxed) {
            return Reply::HangUp;
        }
        let at_once = self.0.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most_at_once.fetch_max(at_once, Ordering::Relaxed);
        if self.0.keeps_calls {
            self.0.calls.lock().expect("no panic").push(call.clone());
        }
        self.0.count.send_modify(|count| *count += 1);
        let act = self.0.script.lock().expect("no panic").pop_front();
        let act = act.unwrap_or_else(|| self.0.otherwise.lock().expect("no panic")());
        let reply = self.play(act, &call).await;
        self.0.at_once.fetch_sub(1, Ordering::Relaxed);
        reply
    }

    async fn play(&self, act: Act, call: &Call) -> Reply {
        match act {
            Act::Commas => good(self.scores(&call.body, ",").trim_end_matches(',')),
            Act::After(time) => {
                tokio::time::sleep(time).await;
                good(&self.scores(&call.body, "\n"))
            }
            Act::Held(permits) => {
                permits.acquire().await.expect("open").forget();
                good(&self.scores(&call.body, "\n"))
            }
            Act::Hangs => std::future::pending().await,
            Act::Answer(body) => good(body),
            Act::Error(status, kind, body) => error(status, kind, body),
            Act::CutOff => match good("0.123456789") {
                Reply::Whole(bytes) => Reply::Cut(bytes[..bytes.len() - 5].to_vec()),
                cut => cut,
            },
            Act::RefusesRow(cell) if call.body.lines().any(|row| row.split(',').next() == Some(cell)) => {
                let body = r#"{"Message":"Received client error (415)","OriginalStatusCode":415,"OriginalMessage":"could not convert"}"#;
                error(424, "ModelError", body)
            }
            Act::Expired(key) if call.header("authorization").is_some_and(|signed| signed.contains(key)) => {
                error(403, "ExpiredTokenException", r#"{"message":"The security token has expired"}"#)
            }
            Act::Scores | Act::RefusesRow(_) | Act::Expired(_) => good(&self.scores(&call.body, "\n")),
        }
    }

    fn scores(&self, rows: &str, separator: &str) -> String {
        let mut text = String::new();
        for score in (self.0.scoring)(rows) {
            python_float(score, &mut text);
            text.push_str(separator);
        }
        text
    }
}

fn good(body: &str) -> Reply {
    Reply::new(200, "x-amzn-requestid: stub\r\n", body)
}

fn error(status: u16, kind: &str, body: &str) -> Reply {
    let kind = if kind.is_empty() { String::new() } else { format!("x-amzn-errortype: {kind}\r\n") };
    Reply::new(status, &format!("{kind}x-amzn-requestid: stub\r\n"), body)
}
