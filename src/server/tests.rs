//! The server over streams in memory and a clock that jumps: what is waited for, for how long, and what is lost (nothing).

mod tls;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tower::service_fn;

use super::{Listener, serve};
use crate::config::{Config, Server, source::Settings};
use crate::telemetry::access_log::ClientAddress;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const LARGE: usize = 4 << 20;

/// A listener whose connections are pipes in memory.
struct Pipes(Mutex<mpsc::UnboundedReceiver<DuplexStream>>);

impl Listener for Pipes {
    type Stream = DuplexStream;

    async fn accept(&self) -> std::io::Result<(DuplexStream, ClientAddress)> {
        match self.0.lock().await.recv().await {
            Some(stream) => Ok((stream, ClientAddress("memory".into()))),
            None => std::future::pending().await,
        }
    }

    fn refuse_newcomers(&self) {}
}

/// Requests for `/counted`.
static COUNTED: AtomicUsize = AtomicUsize::new(0);

/// `/` answers at once, `/slow` after three seconds, `/large` with four megabytes.
async fn answer(request: Request) -> Result<Response, Infallible> {
    let body = match request.uri().path() {
        "/slow" => {
            sleep(seconds(3)).await;
            Body::from("slow")
        }
        "/large" => Body::from(vec![b'x'; LARGE]),
        "/counted" => {
            COUNTED.fetch_add(1, Ordering::Relaxed);
            Body::from("answer")
        }
        _ => Body::from("answer"),
    };
    Ok(Response::new(body))
}

struct Running {
    newcomers: mpsc::UnboundedSender<DuplexStream>,
    stop: Option<oneshot::Sender<()>>,
    unready: oneshot::Receiver<()>,
    served: JoinHandle<()>,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn start(limit: usize) -> Running {
    let mut config = Config::resolve(&Settings::defaults()).expect("the defaults").server;
    config.ready_delay = seconds(5);
    config.connections = limit;
    start_with(config)
}

fn start_with(config: Server) -> Running {
    serve_pipes(config, |pipes| pipes)
}

fn serve_pipes<L: Listener + Send + Sync + 'static>(
    config: Server,
    wrap: impl FnOnce(Pipes) -> L,
) -> Running {
    let (newcomers, accepted) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let (say_unready, unready) = oneshot::channel();
    let listener = wrap(Pipes(Mutex::new(accepted)));
    let served = tokio::spawn(async move {
        let stopped = async { stopped.await.unwrap_or_default() };
        let unready = || say_unready.send(()).unwrap_or_default();
        serve(listener, service_fn(answer), &config, stopped, unready).await;
    });
    Running { newcomers, stop: Some(stop), unready, served }
}

impl Running {
    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = duplex(16 * 1024);
        self.newcomers.send(theirs).expect("serving");
        ours
    }

    async fn connect_h2(&self) -> SendRequest<Empty<Bytes>> {
        let stream = TokioIo::new(self.connect());
        let (client, connection) = http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        client
    }

    fn stop(&mut self) {
        self.stop.take().expect("stopped once").send(()).expect("serving");
    }
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://x{path}")).body(Empty::new()).expect("a request")
}

/// The answer to one request, of which the connection stays open.
async fn ask(stream: &mut DuplexStream) -> String {
    stream.write_all(GET).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nanswer") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0, "closed before the answer");
    }
    String::from_utf8(answer).expect("text")
}

/// How long it takes until the peer closes, from now.
async fn time_to_close(stream: &mut DuplexStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    // A pipe that was cut is at its end too.
    let _ = timeout(seconds(1000), stream.read_to_end(&mut rest)).await.expect("closed");
    started.elapsed()
}

fn about(expected: u64, took: Duration) {
    let expected = seconds(expected);
    assert!(took >= expected && took < expected + seconds(1), "{took:?} instead of {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn both_protocols_are_spoken_on_one_listener() {
    let running = start(10);
    assert!(ask(&mut running.connect()).await.starts_with("HTTP/1.1 200 OK"));
    let mut client = running.connect_h2().await;
    for path in ["/", "/slow"] {
        let answer = client.send_request(get(path)).await.expect("an answer");
        assert_eq!(answer.version(), http::Version::HTTP_2);
        let body = answer.collect().await.expect("a body").to_bytes();
        assert_eq!(body, if path == "/" { "answer" } else { "slow" });
    }
}

/// The first bytes decide on the protocol, however they come.
#[tokio::test(start_paused = true)]
async fn a_head_may_come_byte_by_byte() {
    let running = start(10);
    let mut stream = running.connect();
    for byte in b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n" {
        stream.write_all(&[*byte]).await.expect("sent");
        sleep(Duration::from_millis(200)).await;
    }
    let mut answer = vec![0; 15];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 200 OK");
}

#[tokio::test(start_paused = true)]
async fn a_head_is_waited_for_from_its_first_byte() {
    let running = start(10);
    for first in [&b"G"[..], b"GET / HTTP/1.1\r\nhost:", b"PRI * HTTP/2.0\r\n"] {
        let mut stream = running.connect();
        sleep(seconds(30)).await;
        stream.write_all(first).await.expect("sent");
        about(10, time_to_close(&mut stream).await);
    }
    // Also after an answer; and a byte now and then does not help.
    let mut stream = running.connect();
    ask(&mut stream).await;
    let started = Instant::now();
    while started.elapsed() < seconds(9) {
        stream.write_all(b"G").await.expect("still open");
        sleep(seconds(1)).await;
    }
    about(1, time_to_close(&mut stream).await);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_a_while() {
    let running = start(10);
    about(75, time_to_close(&mut running.connect()).await);
    let mut stream = running.connect();
    for _ in 0..3 {
        ask(&mut stream).await;
        sleep(seconds(74)).await;
    }
    about(1, time_to_close(&mut stream).await);
    let client = running.connect_h2().await;
    sleep(seconds(74)).await;
    assert!(!client.is_closed());
    sleep(seconds(2)).await;
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut() {
    let running = start(10);
    let mut stream = running.connect();
    stream.write_all(&GET.replace_path("/large")).await.expect("sent");
    // One that takes a little at a time is not.
    let mut taken = vec![0; 1000];
    for _ in 0..10 {
        sleep(seconds(9)).await;
        stream.read_exact(&mut taken).await.expect("still open");
    }
    sleep(seconds(12)).await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < LARGE / 10, "{} bytes came after the cut", rest.len());
}

trait ReplacePath {
    fn replace_path(&self, path: &str) -> Vec<u8>;
}

impl ReplacePath for [u8] {
    fn replace_path(&self, path: &str) -> Vec<u8> {
        String::from_utf8_lossy(self).replacen('/', path, 1).into_bytes()
    }
}

/// With HTTP/2 the stream is cut, and the others of the connection go on.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_is_reset() {
    let running = start(10);
    let mut client = running.connect_h2().await;
    let unread = client.send_request(get("/large")).await.expect("a head");
    sleep(seconds(9)).await;
    let other = client.send_request(get("/")).await.expect("an answer");
    assert_eq!(other.collect().await.expect("a body").to_bytes(), "answer");
    sleep(seconds(2)).await;
    assert!(unread.collect().await.is_err(), "the rest is thrown away");
    let other = client.send_request(get("/")).await.expect("an answer");
    assert_eq!(other.collect().await.expect("a body").to_bytes(), "answer");
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_connection_makes_room() {
    let running = start(3);
    let mut streams: Vec<_> = (0..3).map(|_| running.connect()).collect();
    for at in [1, 0, 2] {
        ask(&mut streams[at]).await;
        sleep(seconds(1)).await;
    }
    ask(&mut running.connect()).await;
    assert_eq!(time_to_close(&mut streams[1]).await, Duration::ZERO);
    for at in [0, 2] {
        ask(&mut streams[at]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn busy_connections_are_not_closed_for_new_ones() {
    let running = start(2);
    let mut streams: Vec<_> = (0..2).map(|_| running.connect()).collect();
    for stream in &mut streams {
        stream.write_all(&GET.replace_path("/slow")).await.expect("sent");
    }
    sleep(seconds(1)).await;
    assert_eq!(time_to_close(&mut running.connect()).await, Duration::ZERO);
    for mut stream in streams {
        let mut answer = vec![0; 15];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(answer, b"HTTP/1.1 200 OK");
    }
}

/// Unready first, while everything is answered as before; then the listener closes, and what runs is finished.
#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_load_balancers_and_for_what_runs() {
    let mut running = start(10);
    let mut client = running.connect_h2().await;
    running.stop();
    (&mut running.unready).await.expect("told at once");
    let started = Instant::now();
    sleep(seconds(4)).await;
    ask(&mut running.connect()).await;
    let slow = tokio::spawn(client.send_request(get("/slow")));
    let mut late = running.connect();
    sleep(seconds(2)).await;
    let answer = slow.await.expect("no panic").expect("an answer after the stop");
    assert_eq!(answer.collect().await.expect("a body").to_bytes(), "slow");
    assert!(client.send_request(get("/")).await.is_err(), "told to go away");
    assert!(time_to_close(&mut late).await <= seconds(1));
    running.served.await.expect("drained");
    assert!(started.elapsed() < seconds(9), "{:?}", started.elapsed());
}

/// Neither protocol's slow readers hold up the drain for longer than the write timeout.
#[tokio::test(start_paused = true)]
async fn slow_readers_do_not_hold_up_the_drain() {
    let mut running = start(10);
    let mut stream = running.connect();
    stream.write_all(&GET.replace_path("/large")).await.expect("sent");
    let mut client = running.connect_h2().await;
    let unread = client.send_request(get("/large")).await.expect("a head");
    running.stop();
    let started = Instant::now();
    running.served.await.expect("drained");
    assert!(started.elapsed() <= seconds(5 + 11), "{:?}", started.elapsed());
    drop((stream, unread));
}

/// Many requests on many connections of HTTP/2 while the service is told to stop: each one that it takes is answered, and the
/// others are refused in the words that let a client send them again elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_over_http2() {
    let mut config = Config::resolve(&Settings::defaults()).expect("the defaults").server;
    config.ready_delay = Duration::ZERO;
    let mut running = start_with(config);
    let (answered, mut answers) = mpsc::unbounded_channel();
    let mut clients = Vec::new();
    for _ in 0..8 {
        let client = running.connect_h2().await;
        for _ in 0..4 {
            let (mut client, answered) = (client.clone(), answered.clone());
            clients.push(tokio::spawn(async move {
                while client.ready().await.is_ok() {
                    match client.send_request(get("/counted")).await {
                        Ok(answer) => {
                            assert_eq!(answer.collect().await.expect("a body").to_bytes(), "answer");
                            let _ = answered.send(());
                        }
                        Err(error) if error.is_canceled() || error.is_closed() => return,
                        Err(error) => {
                            let error = format!("{error:?}");
                            assert!(error.contains("GoAway") && error.contains("NO_ERROR"), "{error}");
                            return;
                        }
                    }
                }
            }));
        }
    }
    for _ in 0..1000 {
        answers.recv().await.expect("serving");
    }
    drop(answered);
    running.stop();
    running.served.await.expect("drained");
    for client in clients {
        client.await.expect("no request lost");
    }
    let mut received = 1000;
    while answers.recv().await.is_some() {
        received += 1;
    }
    assert_eq!(received, COUNTED.load(Ordering::Relaxed));
}
