//! A crowd: connections that each send the same request again as soon as the last one is answered, and, where they were told to
//! come again later, then. An answer may come before the whole request has left.
//!
//! `cargo run --release --example crowd -- 127.0.0.1:8080 CONNECTIONS WARM SECONDS < request` prints, as JSON, what came in the
//! SECONDS after WARM: answers by status, 200s with another body than the first, connections lost, the milliseconds until a 503,
//! and how late the crowd's own clock was meanwhile, which is part of these.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const OVERLOADED: u16 = 503;
const TICK: Duration = Duration::from_millis(20);
/// Longer than the service itself lets a request take, with its body and its answer.
const PATIENCE: Duration = Duration::from_secs(30);

struct Answer {
    status: u16,
    body: Vec<u8>,
    retry_after: Duration,
    head_after: Duration,
    /// Whether another request can follow.
    is_whole: bool,
}

#[derive(Default)]
struct Found {
    answers: BTreeMap<u16, u32>,
    expected: Option<Vec<u8>>,
    wrong: u32,
    lost: u32,
    told_after: Vec<Duration>,
    late: Vec<Duration>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, warm, seconds] = &arguments[..] else {
        return Err("usage: crowd ADDRESS CONNECTIONS WARM SECONDS < REQUEST".into());
    };
    let mut request = Vec::new();
    std::io::stdin().read_to_end(&mut request)?;
    let request: Arc<[u8]> = request.into();
    let begins = Instant::now() + Duration::from_secs_f64(warm.parse()?);
    let ends = begins + Duration::from_secs_f64(seconds.parse()?);
    let found = Arc::new(Mutex::new(Found::default()));
    for _ in 0..connections.parse()? {
        let (address, request, found) = (address.clone(), Arc::clone(&request), Arc::clone(&found));
        tokio::spawn(async move {
            let mut stream = None;
            loop {
                let answer = timeout(PATIENCE, ask(&mut stream, &address, &request)).await.ok().flatten();
                let is_counted = Instant::now() >= begins;
                let pause = found.lock().expect("no panic").note(answer.as_ref(), is_counted);
                if !answer.is_some_and(|answer| answer.is_whole) {
                    stream = None;
                }
                sleep(pause).await;
            }
        });
    }
    sleep_until(begins).await;
    while Instant::now() < ends {
        let due = Instant::now() + TICK;
        sleep_until(due).await;
        found.lock().expect("no panic").late.push(due.elapsed());
    }

    let found = std::mem::take(&mut *found.lock().expect("no panic"));
    let milliseconds = |times: &[Duration], permille: usize| {
        let mut ordered = times.to_vec();
        ordered.sort_unstable();
        let last = ordered.len().saturating_sub(1);
        ordered.get((ordered.len() * permille / 1000).min(last)).map(|time| time.as_secs_f64() * 1e3)
    };
    writeln!(
        std::io::stdout(),
        "{}",
        json!({
            "answers": found.answers, "wrong": found.wrong, "lost": found.lost,
            "told_p50": milliseconds(&found.told_after, 500), "told_p99": milliseconds(&found.told_after, 990),
            "late_p50": milliseconds(&found.late, 500), "late_p99": milliseconds(&found.late, 990),
        })
    )?;
    Ok(())
}

impl Found {
    /// Takes note of an answer, or of its absence; gives the time until the next request.
    fn note(&mut self, answer: Option<&Answer>, is_counted: bool) -> Duration {
        let Some(answer) = answer else {
            self.lost += u32::from(is_counted);
            return Duration::from_secs(1);
        };
        let is_good = answer.status == 200;
        if is_counted {
            *self.answers.entry(answer.status).or_default() += 1;
            if answer.status == OVERLOADED {
                self.told_after.push(answer.head_after);
            }
            if is_good && *self.expected.get_or_insert_with(|| answer.body.clone()) != answer.body {
                self.wrong += 1;
            }
        }
        if is_good { Duration::ZERO } else { answer.retry_after }
    }
}

/// The answer to `request`, sent once more on a new connection where one that was kept turns out to be closed.
async fn ask(stream: &mut Option<TcpStream>, address: &str, request: &[u8]) -> Option<Answer> {
    if let Some(kept) = stream
        && let Some(answer) = exchange(kept, request).await
    {
        return Some(answer);
    }
    let fresh = TcpStream::connect(address).await.ok()?;
    fresh.set_nodelay(true).ok()?;
    exchange(stream.insert(fresh), request).await
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<Answer> {
    let started = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let mut received = Vec::with_capacity(1024);
    let is_sent = {
        let sending = writer.write_all(request);
        tokio::pin!(sending);
        let mut is_sent = false;
        loop {
            tokio::select! {
                biased;
                read = reader.read_buf(&mut received) => {
                    if read.ok()? == 0 {
                        return None;
                    }
                    if received.windows(4).any(|window| window == b"\r\n\r\n") {
                        break is_sent;
                    }
                }
                // A failure to send is told by the answer, or by its absence.
                _ = &mut sending, if !is_sent => is_sent = true,
            }
        }
    };
    let head_after = started.elapsed();
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&received[..end]).ok()?.to_ascii_lowercase();
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    let length: usize = header("content-length")?.parse().ok()?;
    while received.len() < end + length {
        if reader.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
    }
    let seconds = header("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        body: received.split_off(end),
        retry_after: Duration::from_secs(seconds),
        head_after,
        is_whole: is_sent && header("connection") != Some("close"),
    })
}
