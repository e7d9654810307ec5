//! The body of a request over HTTP/1.1, and what a handler leaves of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

/// What is left of a body is read on and thrown away up to this size; after that the connection is cut.
const DISCARD: usize = 64 * 1024 * 1024;

/// A body that is read to its end, by whoever has it or, when they drop it, by nobody: a client that is still sending would not
/// hear what it is answered if the connection were closed, and can use it again so.
pub(super) struct ReceivedBody {
    /// `None` when it has ended.
    body: Option<Incoming>,
    /// Whether the client will send nothing (more): it waits for leave to (RFC 9110, 10.1.1).
    waits: bool,
}

impl ReceivedBody {
    pub(super) fn new(body: Incoming, asks_first: bool) -> Self {
        Self { body: Some(body), waits: asks_first }
    }
}

impl HttpBody for ReceivedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // Asking for the body gives leave.
        self.waits = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for ReceivedBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take()
            && !self.waits
            && !body.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(discard(body));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut left = DISCARD;
    while let Some(Ok(frame)) = body.frame().await {
        let size = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(size) else { break };
        left = less;
    }
}
