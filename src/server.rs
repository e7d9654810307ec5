//! The server: connections from a listener, HTTP/1.1 and HTTP/2 on each, until told to stop; then a drain that loses nothing.

mod activity;
mod connection;
mod connections;
mod descriptors;
mod exchange;
mod guarded;
mod listener;
mod received;
mod streams;
#[cfg(test)]
mod tests;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::BoxError;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout_at};
use tower::Service;
use tracing::{info, warn};

use crate::config;
use activity::{Activity, Notice};
use connection::Connection;
use connections::Connections;

pub use listener::{Listener, bind};
pub use tls::{MaybeTls, Secured, Tls, TlsError};

/// While draining, how long a connection of HTTP/1.1 may stay idle: a request that was under way when we were told to stop
/// arrives within this time, is answered, and the answer closes the connection.
const LINGER: Duration = Duration::from_millis(500);
/// While draining, how long after the last connection the next one may still come: a handshake's round trip.
const QUIET: Duration = Duration::from_millis(50);
/// After a failed accept (out of file descriptors, mostly): time for connections to end before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection may keep the server waiting, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the head of a request, from its first byte.
    pub head: Duration,
    /// For the next request.
    pub idle: Duration,
    /// For taking the next piece of an answer.
    pub write: Duration,
}

impl From<&config::Server> for Timeouts {
    fn from(server: &config::Server) -> Self {
        Self { head: server.head_timeout, idle: server.idle_timeout, write: server.write_timeout }
    }
}

/// Serves `service` on what `listener` accepts until `stop` completes, then finishes what runs, for no longer than
/// `config.drain`.
///
/// `unready` hears when the stop is asked for, `config.ready_delay` before the listener closes: from then on probers should
/// be told to send requests elsewhere, and answers should close their connections.
pub async fn serve<L, S, B>(
    listener: L,
    service: S,
    config: &config::Server,
    stop: impl Future<Output = ()>,
    unready: impl FnOnce(),
) where
    L: Listener,
    S: Service<Request, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let timeouts = Timeouts::from(config);
    let mut connections = Connections::new(descriptors::connections(config.connections));
    let open = |stream, client, connections: &mut Connections, notice| {
        let service = service.clone();
        connections.open(|activity| {
            if let Some(notice) = notice {
                activity.notify(notice);
            }
            Connection { stream, client, service, activity, timeouts }.serve()
        });
    };

    let stop = async {
        stop.await;
        unready();
        sleep(config.ready_delay).await;
    };
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            () = connections.ended() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    connections.make_room().await;
                    open(stream, client, &mut connections, None);
                }
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    connections.close_longest_idle();
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }

    let started = Instant::now();
    let deadline = started + config.drain;
    listener.refuse_newcomers();
    connections.notify(Notice::Draining);
    // Connections that the kernel has made for us, or is making, are ours to answer.
    let latest = started + LINGER;
    while let Ok(Ok((stream, client))) =
        timeout_at(latest.min(Instant::now() + QUIET), listener.accept()).await
    {
        open(stream, client, &mut connections, Some(Notice::Draining));
    }
    drop(listener);
    info!(server.connections = connections.len(), "draining: accepting no more connections");

    if timeout_at(deadline.min(started + LINGER), connections.all_ended()).await.is_err() {
        // Whatever is still idle will not send a request now; the busy ones close after their answer.
        connections.notify(Notice::Closing);
        if timeout_at(deadline, connections.all_ended()).await.is_err() {
            warn!(
                server.connections = connections.len(),
                "drain: {:?} (server.drain) are over; cutting the connections that are left", config.drain
            );
        }
    }
    info!(duration_ms = started.elapsed().as_millis() as u64, "drained");
}
