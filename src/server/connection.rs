//! One connection: which protocol it speaks, and its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

use axum::BoxError;
use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tower::Service;
use tracing::debug;

use super::exchange::Exchanges;
use super::guarded::Guarded;
use super::streams::Streams;
use super::{Activity, Notice, Timeouts};
use crate::telemetry::access_log::ClientAddress;

/// The first bytes of HTTP/2 by prior knowledge (RFC 9113, 3.4). No request of HTTP/1.1 begins like this.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is read before the protocol is known: most requests whole.
const FIRST_READ: usize = 2048;

/// Requests under way at once on a connection of HTTP/2; the peer holds back further ones.
const STREAMS: u32 = 128;
/// Largest head of a request, in bytes, as either protocol counts them; a larger one is answered 431.
const HEAD: u32 = 64 * 1024;
/// Most bytes that a connection of HTTP/1.1 holds of what came in and is not yet read, or waits to go out: a head has to fit. By
/// itself hyper would hold six times as many. Bodies are read in smaller pieces.
const BUFFER: usize = 64 * 1024;
/// Unread bytes of bodies that a connection of HTTP/2 may send ahead: per stream, and for all of its streams together.
const STREAM_WINDOW: u32 = 256 * 1024;
const WINDOW: u32 = 1024 * 1024;
/// Answers of one stream that are on their way to the socket.
const SEND_BUFFER: usize = 64 * 1024;
/// The piece in which answers are handed over to HTTP/2: one frame of the size that every peer takes.
const FRAME: usize = 16 * 1024;
/// Streams that a peer may reset before we have answered them, and that we may reset for its mistakes, before the connection
/// is closed (CVE-2023-44487 and its like).
const PEER_RESETS: usize = 20;
const OUR_RESETS: usize = 1024;

/// A connection that was accepted.
pub(super) struct Connection<T, S> {
    pub(super) stream: T,
    pub(super) client: ClientAddress,
    pub(super) service: S,
    pub(super) activity: Arc<Activity>,
    pub(super) timeouts: Timeouts,
}

impl<T, S, B> Connection<T, S>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response<B>, Error = Infallible, Future: Send> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    /// Answers its requests until either side ends it.
    pub(super) async fn serve(self) {
        let Self { stream, client, service, activity, timeouts } = self;
        let now = Instant::now();
        let timer = pin!(sleep_until(activity.expires(&timeouts).unwrap_or(now)));
        let mut watch = Watch { activity: Arc::clone(&activity), timeouts, timer };
        let mut stream = Guarded::new(stream, Arc::clone(&activity));
        let first = tokio::select! {
            biased;
            first = first_bytes(&mut stream) => first,
            () = watch.expired() => return,
            () = activity.noticed(Notice::Closing) => return,
        };
        // A client that hangs up or speaks no HTTP is its own affair.
        let Ok(first) = first else { return };
        let is_h2 = first.starts_with(PREFACE);
        let stream = stream.rewound(first);
        let exchanges = |piece| Exchanges::new(service, client.clone(), Arc::clone(&activity), piece);
        let ended = if is_h2 {
            let stream = TokioIo::new(stream.framed());
            let streams = Streams { write_timeout: timeouts.write };
            let connection = http2::Builder::new(streams)
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(HEAD)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_send_buf_size(SEND_BUFFER)
                .max_pending_accept_reset_streams(PEER_RESETS)
                .max_local_error_reset_streams(OUR_RESETS)
                .serve_connection(stream, exchanges(FRAME));
            // A GOAWAY lets requests under way come in, and refuses later ones: it cannot be sent too early.
            watch.run(pin!(connection), Notice::Draining).await
        } else {
            let connection = http1::Builder::new()
                .max_header_size(HEAD as usize)
                .max_buf_size(BUFFER)
                .header_read_timeout(None)
                .serve_connection(TokioIo::new(stream), exchanges(usize::MAX));
            // Nothing tells the client of a close in time: it is given time to send what it was about to.
            watch.run(pin!(connection), Notice::Closing).await
        };
        if let Err(error) = ended {
            debug!(client.address = %client.0, "connection ended: {error}");
        }
    }
}

/// The first bytes of a connection, enough to tell its protocol.
async fn first_bytes(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Bytes> {
    let mut first = BytesMut::with_capacity(FIRST_READ);
    while stream.read_buf(&mut first).await? > 0 {
        if first.len() >= PREFACE.len() || !PREFACE.starts_with(&first) {
            break;
        }
    }
    Ok(first.freeze())
}

/// What ends a connection from our side.
struct Watch<'t> {
    activity: Arc<Activity>,
    timeouts: Timeouts,
    /// Set to the moment of expiry that was known last, which mostly has moved on when it comes: a request then costs no
    /// timer.
    timer: Pin<&'t mut Sleep>,
}

impl Watch<'_> {
    /// Drives `connection` until it ends, is ended on `notice`, or expires.
    async fn run<C>(&mut self, mut connection: Pin<&mut C>, notice: Notice) -> Result<(), BoxError>
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let activity = Arc::clone(&self.activity);
        let mut ending = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return Ok(ended?),
                () = self.expired() => return Err("it was cut: the peer took too long".into()),
                () = activity.noticed(notice), if !ending => {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Completes when the connection has made no progress for too long.
    async fn expired(&mut self) {
        poll_fn(|context| {
            loop {
                let busy = Instant::now() + self.timeouts.idle;
                let expires = self.activity.expires(&self.timeouts).unwrap_or(busy);
                if expires < self.timer.deadline() {
                    self.timer.as_mut().reset(expires);
                }
                ready!(self.timer.as_mut().poll(context));
                if expires <= Instant::now() {
                    return Poll::Ready(());
                }
                self.timer.as_mut().reset(expires);
            }
        })
        .await;
    }
}
