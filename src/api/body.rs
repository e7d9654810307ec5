//! Reading a request body within its limit.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::fault::{Code, Fault};

/// A body over the limit is read on and thrown away up to this size, so that the client is still listening when it is
/// told; after that the connection is cut.
const DISCARD: usize = 64 * 1024 * 1024;

/// The whole body of `request`, if it is no larger than `limit` bytes.
pub(super) fn read_body(request: Request, limit: usize) -> impl Future<Output = Result<Bytes, Fault>> {
    let asks_first = request.headers().contains_key(header::EXPECT);
    // The rest of the request is large, and not carried along.
    read(request.into_body(), asks_first, limit)
}

async fn read(mut body: Body, asks_first: bool, limit: usize) -> Result<Bytes, Fault> {
    let too_large = || {
        Fault::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes (server.body_limit)"))
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
            Fault::new(Code::Malformed, "the body ended before it was complete").caused_by(error)
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
