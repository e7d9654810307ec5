use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::service::{PATIENCE, RECORDED, TestService, fixture_lines, text, until};

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
    let (answered, stopped) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
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
                        answered.add_permits(1);
                        if !open || client % 2 == 0 {
                            continue 'connections;
                        }
                    }
                }
            })
        })
        .collect();
    answered.acquire_many(500).await.expect("open").forget();
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
    let mut service = TestService::builder().with("server.drain", "1h").start().await;
    let score = fixture_lines("scores.txt")[0].clone();
    let mut idle = TcpStream::connect(service.address()).await.expect("connected");
    assert!(exchange(&mut idle, &score).await.expect("an answer"), "the connection stays open");
    assert_eq!(text(service.get("/readyz")).await.0, 200);
    service.stop();
    // On the connection that is open already.
    until("not ready while it drains", async || {
        let (status, answer) = text(service.get("/readyz")).await;
        assert!(status == 200 || answer.contains("not_ready"), "{answer}");
        status == 503
    })
    .await;
    tokio::time::timeout(PATIENCE, service.stopped()).await.expect("not held up to server.drain");
    assert_eq!(idle.read(&mut [0; 1]).await.expect("closed"), 0);
}

/// A request that never ends is cut when server.drain is over.
#[tokio::test]
async fn the_drain_is_bounded() {
    let mut service =
        TestService::builder().with("server.drain", "700ms").with("server.deadline", "1h").start().await;
    let mut stuck = TcpStream::connect(service.address()).await.expect("connected");
    stuck.write_all(format!("{REQUEST}9999\r\n\r\n1").as_bytes()).await.expect("sent");
    service.in_flight(1).await;
    service.stop();
    tokio::time::timeout(PATIENCE, service.stopped()).await.expect("bounded");
}
