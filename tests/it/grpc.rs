use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::answers::Held;
use crate::service::{RECORDED, TestService, fixture_lines, text};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// A field of a message that holds bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![tag << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    [&field, bytes].concat()
}

/// A request for the scores of so many recorded rows, in typed contents.
fn typed(rows: u16) -> Vec<u8> {
    let row = RECORDED.split(',').flat_map(|cell| cell.parse::<f32>().expect("a number").to_le_bytes());
    let values = row.collect::<Vec<u8>>().repeat(usize::from(rows));
    let shape = [rows as u8 | 0x80, (rows >> 7) as u8, 18];
    let tensor = [field(1, b"x"), field(2, b"FP32"), field(3, &shape), field(5, &field(6, &values))].concat();
    [field(1, b"imba"), field(5, &tensor)].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("short");
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// A body whose parts come when the test sends them, and which is broken off by an error.
struct Parts(mpsc::UnboundedReceiver<io::Result<Vec<u8>>>);

impl Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(|bytes| Frame::data(bytes.into()))))
    }
}

/// Where the parts of a body come from; dropped, it is the end of the stream.
type PartSender = mpsc::UnboundedSender<io::Result<Vec<u8>>>;
/// The headers, the message and the trailers of an answer under way.
type Answering = JoinHandle<hyper::Result<(HeaderMap, Bytes, HeaderMap)>>;

/// A connection of HTTP/2, and its socket.
async fn connect(service: &TestService) -> (SendRequest<Parts>, std::net::TcpStream) {
    let socket = std::net::TcpStream::connect(service.address()).expect("a connection");
    socket.set_nonblocking(true).expect("a socket");
    let stream = TcpStream::from_std(socket.try_clone().expect("a socket")).expect("a stream");
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(async move {
        let _ = connection.await;
    });
    (client, socket)
}

/// A call whose parts are sent by hand.
fn begin(client: &mut SendRequest<Parts>, headers: &[(&str, &str)]) -> (PartSender, Answering) {
    let (parts, body) = mpsc::unbounded_channel();
    let mut request = Request::post(format!("http://localhost{INFER}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = client.send_request(request.body(Parts(body)).expect("a request"));
    let answer = tokio::spawn(async move {
        let (head, body) = answer.await?.into_parts();
        let collected = body.collect().await?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        Ok((head.headers, collected.to_bytes(), trailers))
    });
    (parts, answer)
}

/// A message whose parts come late, the end of the stream last: the answer comes after it, the caller's half being closed.
#[tokio::test]
async fn a_caller_that_has_said_all_gets_its_answer() {
    let service = TestService::start().await;
    let (mut client, _socket) = connect(&service).await;
    let (parts, answer) = begin(&mut client, &[]);
    let message = framed(&typed(1));
    for part in message.chunks(20) {
        parts.send(Ok(part.to_vec())).expect("taken");
        tokio::task::yield_now().await;
    }
    service.in_flight(1).await;
    drop(parts);
    let (_, bytes, trailers) = answer.await.expect("no panic").expect("an answer");
    assert_eq!(trailers["grpc-status"], "0");
    let score: f32 = fixture_lines("scores.txt")[0].parse().expect("a number");
    assert!(bytes.windows(4).any(|window| window == score.to_le_bytes()), "{bytes:?}");
}

/// Half a message, and no more: the stream is ended, broken off, left alone, or its connection is gone. Each is over, and the
/// connection goes on.
#[tokio::test]
async fn half_a_message_is_none() {
    let service = TestService::start().await;
    let (mut client, _socket) = connect(&service).await;
    let half = || {
        let message = framed(&typed(1));
        Ok(message[..message.len() / 2].to_vec())
    };
    let (parts, answer) = begin(&mut client, &[]);
    parts.send(half()).expect("taken");
    drop(parts);
    let (headers, ..) = answer.await.expect("no panic").expect("an answer");
    assert_eq!(headers["grpc-status"], "3");
    assert!(headers["grpc-message"].to_str().expect("ASCII").contains("follow"), "{headers:?}");

    let (parts, answer) = begin(&mut client, &[]);
    parts.send(half()).expect("taken");
    service.in_flight(1).await;
    parts.send(Err(io::Error::other("broken off"))).expect("taken");
    answer.await.expect("no panic").expect_err("a stream that is reset has no answer");
    service.in_flight(0).await;

    let (parts, answer) = begin(&mut client, &[("grpc-timeout", "50m")]);
    parts.send(half()).expect("taken");
    let (headers, ..) = answer.await.expect("no panic").expect("an answer");
    assert_eq!(headers["grpc-status"], "4");
    drop(parts);

    let (mut other, socket) = connect(&service).await;
    let (parts, _answer) = begin(&mut other, &[]);
    parts.send(half()).expect("taken");
    service.in_flight(1).await;
    socket.shutdown(std::net::Shutdown::Both).expect("an open socket");
    service.in_flight(0).await;

    let (parts, answer) = begin(&mut client, &[]);
    parts.send(Ok(framed(&typed(1)))).expect("taken");
    drop(parts);
    assert_eq!(answer.await.expect("no panic").expect("an answer").2["grpc-status"], "0");
}

/// Small whole numbers come in a field of wider ones.
#[tokio::test]
async fn a_number_fits_its_datatype() {
    let service = TestService::start().await;
    for (value, status, said) in [(127, "", ""), (128, "3", "out%20of%20the%20range")] {
        let value: &[u8] = if value < 128 { &[value] } else { &[value, 1] };
        let contents = field(5, &field(2, &value.repeat(18)));
        let tensor = [field(1, b"x"), field(2, b"INT8"), field(3, &[1, 18]), contents].concat();
        let message = [field(1, b"imba"), field(5, &tensor)].concat();
        let found = call(&service, "ModelInfer", framed(&message)).await;
        assert!(found.0 == status && found.1.contains(said), "{found:?}");
    }
}

/// A large message is decoded in its turn, or refused before that: here it could not be decoded.
#[tokio::test]
async fn large_messages_are_decoded_within_the_bound_on_work() {
    let builder = TestService::builder().with("server.queue_rows", "3000");
    let scorer = Arc::new(builder.fixture_scorer());
    let held = Arc::new(Held { scorer, calls: AtomicUsize::new(0), gate: Semaphore::new(0) });
    let service = Arc::new(builder.scorer(Arc::clone(&held) as _).start().await);
    let (mut client, _socket) = connect(&service).await;
    let (parts, first) = begin(&mut client, &[]);
    parts.send(Ok(framed(&typed(2000)))).expect("taken");
    drop(parts);
    crate::service::until("a call of the scorer", async || {
        held.calls.load(std::sync::atomic::Ordering::Relaxed) == 1
    })
    .await;
    let mut broken = typed(2000);
    broken.extend([0x2a, 9]);
    assert_eq!(call(&service, "ModelInfer", framed(&broken)).await.0, "14");
    held.gate.add_permits(10);
    let (_, bytes, trailers) = first.await.expect("no panic").expect("an answer");
    assert_eq!(trailers["grpc-status"], "0");
    assert!(bytes.len() > 2000 * 4, "{}", bytes.len());
    assert_eq!(call(&service, "ModelInfer", framed(&broken)).await.0, "3");
    assert_eq!(text(service.get("/livez")).await.0, 200);
}

/// Calls a method with these bytes, flag and length included, and gives the status and its words.
async fn call(service: &TestService, method: &str, body: impl Into<Bytes>) -> (String, String) {
    let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
    let path = service.url(&format!("/inference.GRPCInferenceService/{method}"));
    let answer = client.post(path).header("content-type", "application/grpc").body(body.into()).send();
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    let header =
        |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    (header("grpc-status").unwrap_or_default(), header("grpc-message").unwrap_or_default())
}

#[tokio::test]
async fn broken_calls_are_refused_with_a_status() {
    let service = TestService::builder().with("server.body_limit", "64KiB").start().await;
    let large = [&[0, 0, 1, 17, 112][..], &vec![0; 70_000]].concat();
    let many = [&[0, 0, 0, 0x80, 2][..], &[0x2a, 0].repeat(16 * 1024 + 1)].concat();
    for (method, body, status, said) in [
        ("ModelInfer", many, "3", "more%20than%2016384"),
        ("ModelInfer", vec![], "3", "expected%20one%20message"),
        ("ModelInfer", vec![0, 0, 0], "3", "3%20bytes"),
        ("ModelInfer", vec![0, 0, 0, 0, 9, 10], "3", "says%209%20bytes"),
        ("ModelInfer", vec![0, 0, 0, 0, 0, 0], "3", "one%20message"),
        ("ModelInfer", vec![0, 0, 0, 0, 2, 10, 9], "3", "cannot%20be%20read"),
        ("ModelInfer", vec![0, 255, 255, 255, 255], "3", "4294967295"),
        ("ModelInfer", vec![1, 0, 0, 0, 0], "3", "compressed"),
        ("ModelInfer", vec![7, 0, 0, 0, 0], "3", "flag%207"),
        ("ModelInfer", large, "8", "server.body_limit"),
        ("ModelInfer", vec![0, 0, 0, 0, 0], "5", "no%20model"),
        ("ModelReady", vec![0, 0, 0, 0, 3, 10, 1, 120], "5", "no%20model"),
        ("RepositoryIndex", vec![0, 0, 0, 0, 0], "12", ""),
    ] {
        let found = call(&service, method, body.clone()).await;
        assert!(found.0 == status && found.1.contains(said), "{method} {body:.9?}: {found:?}");
    }
    let response =
        service.post("/inference.GRPCInferenceService/ServerLive", "{}").send().await.expect("an answer");
    assert_eq!(response.status(), 415);
}
