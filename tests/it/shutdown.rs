use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::{RECORDED, TestService, fixture_lines};

const REQUEST: &str = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: ";

/// One request on an open connection: whether it was answered, and whether the connection stays open.
async fn exchange(stream: &mut TcpStream, score: &str) -> Result<bool, String> {
    let request = format!("{REQUEST}{}\r\n\r\n{RECORDED}", RECORDED.len());
    stream.write_all(request.as_bytes()).await.map_err(|error| format!("not sent: {error}"))?;
    let mut answer = String::new();
    while !answer.ends_with(score) {
        let mut piece = [0; 1024];
        match stream.read(&mut piece).await {
            Ok(0) => return Err(format!("closed after {answer:?}")),
            Ok(size) => answer.push_str(&String::from_utf8_lossy(&piece[..size])),
            Err(error) => return Err(format!("{error} after {answer:?}")),
        }
    }
    Ok(!answer.contains("connection: close"))
}

/// Clients that send one request after the other, over connections kept open and over new ones, while the service is told
/// to stop: every request on a connection that was made is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing() {
    let mut service = TestService::start().await;
    let score = fixture_lines("scores.txt")[0].clone();
    let (answered, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..16)
        .map(|client| {
            let (address, score) = (service.address().to_owned(), score.clone());
            let (answered, stopped) = (Arc::clone(&answered), Arc::clone(&stopped));
            tokio::spawn(async move {
                'connections: loop {
                    let Ok(mut stream) = TcpStream::connect(&address).await else {
                        assert!(stopped.load(Ordering::Relaxed), "refused before the stop");
                        return;
                    };
                    loop {
                        let open = exchange(&mut stream, &score).await.expect("every request is answered");
                        answered.fetch_add(1, Ordering::Relaxed);
                        if !open || client % 2 == 0 {
                            continue 'connections;
                        }
                    }
                }
            })
        })
        .collect();
    while answered.load(Ordering::Relaxed) < 500 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stopped.store(true, Ordering::Relaxed);
    service.stop();
    service.stopped().await;
    for client in clients {
        client.await.expect("no request lost");
    }
}

/// Idle connections are closed and do not hold up the stop; while it drains the service says that it is not ready.
#[tokio::test]
async fn idle_connections_do_not_hold_up_the_stop() {
    let mut service = TestService::start().await;
    let score = fixture_lines("scores.txt")[0].clone();
    let mut idle = TcpStream::connect(service.address()).await.expect("connected");
    assert!(exchange(&mut idle, &score).await.expect("an answer"), "the connection stays open");
    let mut prober = TcpStream::connect(service.address()).await.expect("connected");
    let started = Instant::now();
    service.stop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    prober.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    prober.read_to_string(&mut answer).await.expect("answered and closed");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("not_ready"), "{answer}");
    service.stopped().await;
    assert!(started.elapsed() < Duration::from_secs(10), "not held up to server.drain");
    assert_eq!(idle.read(&mut [0; 1]).await.expect("closed"), 0);
}

/// A request that never ends is cut when server.drain is over.
#[tokio::test]
async fn the_drain_is_bounded() {
    let mut service =
        TestService::builder().with("server.drain", "700ms").with("server.deadline", "1h").start().await;
    let mut stuck = TcpStream::connect(service.address()).await.expect("connected");
    stuck.write_all(format!("{REQUEST}9999\r\n\r\n1").as_bytes()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    service.stop();
    tokio::time::timeout(Duration::from_secs(10), service.stopped()).await.expect("bounded");
}
