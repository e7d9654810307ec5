//! A proxy before a peer, with faults on request: the peer behind it stays as it is, so recovery can be shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the proxy does with calls from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// Passes them on.
    None,
    /// Cuts the connection.
    Down,
    /// Passes on every second key or item of a batch, and says that it did not process the others.
    Half,
    /// Processes nothing of a batch, and refuses single reads for throttling.
    Throttled,
    /// Refuses the credentials.
    Expired,
    /// Answers after this test's patience.
    Slow,
    /// Passes on two more writes, then cuts connections.
    TwoWrites,
}

/// A running proxy; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct FaultProxy(Arc<Inner>);

struct Inner {
    url: String,
    behind: String,
    fault: AtomicU8,
    calls: AtomicUsize,
    writes: AtomicUsize,
    client: reqwest::Client,
}

impl FaultProxy {
    pub(crate) async fn before(behind: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let proxy = Self(Arc::new(Inner {
            url,
            behind,
            fault: AtomicU8::new(0),
            calls: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            client: reqwest::Client::new(),
        }));
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = serving.clone();
                let service = service_fn(move |request| proxy.clone().answer(request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        self.0.url.clone()
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.0.writes.store(0, Ordering::SeqCst);
        self.0.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Number of calls since the start.
    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn is(&self, fault: Fault) -> bool {
        self.0.fault.load(Ordering::SeqCst) == fault as u8
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let operation = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = operation.unwrap_or_default().to_owned();
        let batch = match operation.rsplit('.').next() {
            Some("BatchGetItem") => Some("UnprocessedKeys"),
            Some("BatchWriteItem") => Some("UnprocessedItems"),
            _ => None,
        };
        let is_late_write = batch == Some("UnprocessedItems")
            && self.is(Fault::TwoWrites)
            && self.0.writes.fetch_add(1, Ordering::SeqCst) >= 2;
        if self.is(Fault::Down) || is_late_write {
            return Err(std::io::Error::other("the peer is down"));
        }
        if self.is(Fault::Slow) {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        if self.is(Fault::Expired) {
            return Ok(refusal("ExpiredTokenException"));
        }
        let Some(unprocessed) = batch.filter(|_| self.is(Fault::Half) || self.is(Fault::Throttled)) else {
            if self.is(Fault::Throttled) && operation.ends_with("GetItem") {
                return Ok(refusal("ProvisionedThroughputExceededException"));
            }
            return self.pass_on(&head.headers, body).await;
        };
        let mut request: Value = serde_json::from_slice(&body)?;
        let mut left = request["RequestItems"].clone();
        let tables = request["RequestItems"].as_object_mut().into_iter().flatten();
        for ((_, passed), (_, left)) in tables.zip(left.as_object_mut().into_iter().flatten()) {
            let (passed, left) = match passed {
                Value::Array(_) => (passed, left),
                _ => (&mut passed["Keys"], &mut left["Keys"]),
            };
            let (passed, left) =
                (passed.as_array_mut().expect("a list"), left.as_array_mut().expect("a list"));
            let kept = if self.is(Fault::Throttled) { 0 } else { passed.len().div_ceil(2) };
            passed.truncate(kept);
            left.drain(..kept);
        }
        if self.is(Fault::Throttled) {
            return Ok(Response::new(Full::from(json!({"Responses": {}, unprocessed: left}).to_string())));
        }
        let answer = self.pass_on(&head.headers, Bytes::from(request.to_string())).await?;
        let answer = answer.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
        let mut answer: Value = serde_json::from_slice(&answer)?;
        let nothing =
            left.as_object().into_iter().flatten().all(|(_, left)| {
                left.as_array().or_else(|| left["Keys"].as_array()).is_none_or(Vec::is_empty)
            });
        answer[unprocessed] = if nothing { json!({}) } else { left };
        Ok(Response::new(Full::from(answer.to_string())))
    }

    async fn pass_on(
        &self,
        headers: &hyper::HeaderMap,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let mut headers = headers.clone();
        for own in ["host", "content-length"] {
            headers.remove(own);
        }
        let request = self.0.client.post(&self.0.behind).headers(headers).body(body);
        let answer = request.send().await.map_err(std::io::Error::other)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(std::io::Error::other)?;
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        Ok(response)
    }
}

fn refusal(code: &str) -> Response<Full<Bytes>> {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "no"});
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
    response
}
