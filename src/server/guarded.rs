//! A byte stream whose reads and writes are noted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;

/// Most bytes of one read, and so half of what hyper's buffer comes to: it doubles while reads fill it. Each connection keeps its
/// buffer, and between two reads the others have their turn.
const READ: usize = 8 * 1024;

/// A stream that tells an [`Activity`] what it does, and may have been read from already.
pub(super) struct Guarded<T> {
    stream: T,
    /// What was read already.
    prefix: Bytes,
    activity: Arc<Activity>,
    /// Whether bytes outside of an exchange begin a request, as in HTTP/1.1.
    heads: bool,
    blocked: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Guarded<T> {
    pub(super) fn new(stream: T, activity: Arc<Activity>) -> Self {
        Self { stream, prefix: Bytes::new(), activity, heads: true, blocked: false }
    }

    /// The same stream with `prefix` to be read again.
    pub(super) fn rewound(self, prefix: Bytes) -> Self {
        Self { prefix, ..self }
    }

    /// From now on bytes that come in may be of anything.
    pub(super) fn framed(self) -> Self {
        self.activity.is_idle();
        Self { heads: false, ..self }
    }

    /// Notes the outcome of a write.
    fn wrote<O>(&mut self, outcome: Poll<O>) -> Poll<O> {
        if self.blocked != outcome.is_pending() {
            self.blocked = outcome.is_pending();
            self.activity.set_blocked(self.blocked);
        }
        outcome
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.prefix.is_empty() {
            let size = self.prefix.len().min(buffer.remaining());
            buffer.put_slice(&self.prefix[..size]);
            self.prefix.advance(size);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if buffer.remaining() > READ {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(READ));
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        }
        if self.heads && buffer.filled().len() > before {
            self.activity.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.wrote(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        // A flush that is through says nothing of a write that is not.
        if outcome.is_pending() { self.wrote(outcome) } else { outcome }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        if outcome.is_pending() { self.wrote(outcome) } else { outcome }
    }
}
