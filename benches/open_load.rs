//! Load at a rate that does not depend on the answers: each request has the time at which it is due, and its latency counts from
//! then, also where it was sent late because those before it were slow. What an overloaded server makes wait is measured as
//! waited, not left out.
//!
//! `cargo run --release --example open_load -- 127.0.0.1:8080 RATE SECONDS CONNECTIONS < request` prints, as JSON, the rate that was
//! reached, latencies in milliseconds and the number of answers that were not 200.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// Requests that are due and that no connection has taken yet.
struct Due {
    times: Mutex<VecDeque<Instant>>,
    count: Semaphore,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, rate, seconds, connections] = &arguments[..] else {
        return Err("usage: open_load ADDRESS RATE SECONDS CONNECTIONS < REQUEST".into());
    };
    let (rate, seconds): (u32, u32) = (rate.parse()?, seconds.parse()?);
    let mut request = Vec::new();
    std::io::stdin().read_to_end(&mut request)?;
    let request: Arc<[u8]> = request.into();
    let due = Arc::new(Due { times: Mutex::default(), count: Semaphore::new(0) });
    let found = Arc::new(Mutex::new((Vec::new(), 0_usize)));
    for _ in 0..connections.parse()? {
        let (due, found, request) = (Arc::clone(&due), Arc::clone(&found), Arc::clone(&request));
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            while let Ok(permit) = due.count.acquire().await {
                permit.forget();
                let at = due.times.lock().expect("no panic").pop_front().expect("one for each permit");
                let is_good = exchange(&mut stream, &request).await;
                let mut found = found.lock().expect("no panic");
                found.0.push(at.elapsed());
                if is_good != Some(true) {
                    found.1 += 1;
                }
                if is_good.is_none() {
                    return;
                }
            }
        });
    }

    let started = Instant::now();
    let all = rate * seconds;
    for at in 0..all {
        // In bursts of what is due within a tick of the clock.
        let time = started + Duration::from_secs_f64(f64::from(at) / f64::from(rate));
        if time > Instant::now() {
            sleep_until(time).await;
        }
        due.times.lock().expect("no panic").push_back(time);
        due.count.add_permits(1);
    }
    // Whatever is late has as long again.
    let latest = started + Duration::from_secs(u64::from(seconds) * 2 + 1);
    while found.lock().expect("no panic").0.len() < all as usize && Instant::now() < latest {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = started.elapsed().as_secs_f64();
    let (mut latencies, mut bad) = std::mem::take(&mut *found.lock().expect("no panic"));
    bad += all as usize - latencies.len();
    latencies.sort_unstable();
    let at = |permille: usize| {
        let last = latencies.len().saturating_sub(1);
        latencies.get((latencies.len() * permille / 1000).min(last)).map(|time| time.as_secs_f64() * 1e3)
    };
    writeln!(
        std::io::stdout(),
        "{}",
        json!({
            "rate": latencies.len() as f64 / took, "bad": bad,
            "p50": at(500), "p99": at(990), "p999": at(999), "max": at(1000),
        })
    )?;
    Ok(())
}

/// Whether the answer to `request` is a 200; `None` where there is no answer.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<bool> {
    stream.write_all(request).await.ok()?;
    let mut answer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
    };
    let head = std::str::from_utf8(&answer[..end]).ok()?.to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse::<usize>().ok()?;
    let is_good = head.split(' ').nth(1) == Some("200");
    while answer.len() < end + length {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
    }
    Some(is_good)
}
