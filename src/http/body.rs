//! Reading a request body within its limit, and decoding it without holding up others.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::problem::{Code, Problem};
use crate::inference::Inference;
use crate::rows::RowError;

/// A body over the limit is read on and thrown away up to this size, so that the client is still listening when it is
/// told; after that the connection is cut.
const DISCARD: usize = 64 * 1024 * 1024;

/// Bodies above this size are decoded on the blocking pool, where they hold up nobody else.
const DECODED_INLINE: usize = 64 * 1024;

/// The whole body of `request`, if it is no larger than `limit` bytes.
pub(super) fn read_body(request: Request, limit: usize) -> impl Future<Output = Result<Bytes, Problem>> {
    let asks_first = request.headers().contains_key(header::EXPECT);
    // The rest of the request is large, and not carried along.
    read(request.into_body(), asks_first, limit)
}

async fn read(mut body: Body, asks_first: bool, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes (server.body_limit)"))
    };
    if asks_first && body.size_hint().lower() > limit as u64 {
        // The client waits for leave to send the body, and hears at once that it need not.
        return Err(too_large());
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Problem::new(Code::Malformed, "the body ended before it was complete").caused_by(error)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > limit {
            joined.clear();
            if size > DISCARD {
                break;
            }
        } else if first.is_empty() && joined.is_empty() {
            // Nearly every body comes in one piece, which needs no copy.
            first = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&data);
        }
    }
    if size > limit {
        Err(too_large())
    } else if joined.is_empty() {
        Ok(first)
    } else {
        Ok(joined.freeze())
    }
}

/// Runs `decoder` here if `body` is small, on the blocking pool if it is large.
pub(super) async fn run_decoder<T: Send + 'static>(
    inference: &Arc<Inference>,
    body: Bytes,
    decoder: impl FnOnce(&Inference, &[u8]) -> Result<T, RowError> + Send + 'static,
) -> Result<T, Problem> {
    if body.len() <= DECODED_INLINE {
        return Ok(decoder(inference, &body)?);
    }
    let inference = Arc::clone(inference);
    let decoding = tokio::task::spawn_blocking(move || decoder(&inference, &body));
    Ok(decoding.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?)
}
