//! The accept loop: HTTP/1.1 on a bound listener until told to stop, then a drain that loses nothing.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tower::Service;
use tracing::{info, warn};

use crate::api::ClientAddress;
use crate::config::Server;

/// While draining, how long a connection may stay idle: a request that was under way when we were told to stop arrives
/// within this time, is answered, and the answer closes the connection.
const LINGER: Duration = Duration::from_millis(500);
/// While draining, how long after the last connection the next one may still come: a handshake's round trip.
const QUIET: Duration = Duration::from_millis(50);
/// After a failed accept (out of file descriptors, mostly): time for connections to end before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `service` on `listener` until `stop` completes, then finishes what runs, for no longer than `limits.drain`.
///
/// `draining` hears when that begins; from then on answers should close their connections.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    limits: &Server,
    stop: impl Future<Output = ()>,
    draining: impl FnOnce(),
) where
    S: Service<Request, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.idle_timeout);
    let (close, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let open = |stream, address, connections: &mut JoinSet<()>| {
        connections.spawn(connection(http.clone(), stream, address, service.clone(), closed.clone()));
    };

    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => open(stream, address, &mut connections),
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }

    let started = Instant::now();
    let deadline = started + limits.drain;
    draining();
    refuse_newcomers(&listener);
    // Connections that the kernel has made for us, or is making, are ours to answer.
    let latest = started + LINGER;
    while let Ok(Ok((stream, address))) =
        timeout_at(latest.min(Instant::now() + QUIET), listener.accept()).await
    {
        open(stream, address, &mut connections);
    }
    drop(listener);
    info!(server.connections = connections.len(), "draining: accepting no more connections");

    if timeout_at(deadline.min(started + LINGER), join_all(&mut connections)).await.is_err() {
        // Whatever is still idle will not send a request now; the busy ones close after their answer.
        drop(closed);
        close.send_replace(());
        if timeout_at(deadline, join_all(&mut connections)).await.is_err() {
            warn!(
                server.connections = connections.len(),
                "drain: {:?} (server.drain) are over; cutting the connections that are left", limits.drain
            );
        }
    }
    info!(duration_ms = started.elapsed().as_millis() as u64, "drained");
}

/// From now on the kernel makes no new connections for `listener`: it drops their first packet, the SYN, and lets all others
/// pass, so that handshakes under way are finished. Closing the listener alone would reset what nobody has accepted yet.
#[cfg(target_os = "linux")]
fn refuse_newcomers(listener: &TcpListener) {
    use socket2::{SockFilter, SockRef};
    // Classic BPF over the TCP header (linux/filter.h): byte 13 holds the flags, SYN is 2; returning 0 drops the packet.
    let drop_syn = [
        SockFilter::new(0x30, 0, 0, 13),
        SockFilter::new(0x45, 0, 1, 2),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    if let Err(error) = SockRef::from(listener).attach_filter(&drop_syn) {
        warn!("drain: new connections cannot be refused before the listener closes: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_newcomers(_: &TcpListener) {}

async fn join_all(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

async fn connection<S, B>(
    http: http1::Builder,
    stream: TcpStream,
    address: SocketAddr,
    service: S,
    mut closed: watch::Receiver<()>,
) where
    S: Service<Request, Response = Response<B>, Error = Infallible, Future: Send> + Send + 'static,
    B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    // Answers are small and written whole: waiting for more to send would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY could not be set: {error}");
    }
    // A connection's requests come one after the other, so that they share one service; it is always ready.
    let service = RefCell::new(service);
    let client = ClientAddress(address.to_string().into());
    let exchange = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(client.clone());
        service.borrow_mut().call(request.map(Body::new))
    });
    let connection = http.serve_connection(TokioIo::new(stream), exchange);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that hangs up or speaks no HTTP is its own affair.
        tracing::debug!(client.address = %address, "connection ended: {error}");
    }
}
