//! Reading a request body within its limits, whatever it is coded in.

mod coding;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

pub(super) use self::coding::Coding;
use super::fault::{Code, Fault};
use super::state::ApiState;
use crate::admission::{Admission, Lease, Overloaded};

/// A body over the limit is read on and thrown away up to this size, so that the client is still listening when it is
/// told; after that the connection is cut.
const DISCARD: usize = 64 * 1024 * 1024;

/// Up to this size a body needs no room of those that are held at the same time.
const FREE: usize = 16 * 1024;

/// A whole body, and the room that it takes.
pub(super) struct RequestBody {
    pub(super) bytes: Bytes,
    _lease: Option<Lease>,
}

/// The whole body of `request`, decoded, if it is no larger than `server.body_limit`.
pub(super) fn read_body(
    state: &ApiState,
    request: Request,
) -> impl Future<Output = Result<RequestBody, Fault>> + use<> {
    read_body_within(state.body_limit, state, request)
}

/// The whole body of `request`, decoded, if it is no larger than `limit`.
pub(super) fn read_body_within(
    limit: usize,
    state: &ApiState,
    request: Request,
) -> impl Future<Output = Result<RequestBody, Fault>> + use<> {
    let asks_first = request.headers().contains_key(header::EXPECT);
    let coding = Coding::of(request.headers());
    let admission = state.admission.clone();
    // The rest of the request is large, and not carried along.
    let body = request.into_body();
    async move {
        let coding = coding?;
        let read = read(body, asks_first, limit, &admission).await?;
        match coding {
            None => Ok(read),
            Some(coding) => decode(coding, read, limit, &admission).await,
        }
    }
}

/// `fault`, once the body has been read: over HTTP/1.1 a client that is still sending does not hear what it is told.
pub(super) async fn after_body(state: &ApiState, request: Request, fault: Fault) -> Fault {
    // Whatever is wrong with it, too.
    let _ = read_body(state, request).await;
    fault
}

/// The whole body of a request with `headers`, as it was sent, coded or not.
pub(super) async fn read_as_sent(
    state: &ApiState,
    headers: &HeaderMap,
    body: Body,
) -> Result<RequestBody, Fault> {
    read(body, headers.contains_key(header::EXPECT), state.body_limit, &state.admission).await
}

async fn read(
    mut body: Body,
    asks_first: bool,
    limit: usize,
    admission: &Admission,
) -> Result<RequestBody, Fault> {
    if asks_first && body.size_hint().lower() > limit as u64 {
        // The client waits for leave to send the body, and hears at once that it need not.
        return Err(too_large(limit));
    }
    let mut lease = None;
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
            (first, joined, lease) = (Bytes::new(), BytesMut::new(), None);
            if size > DISCARD {
                break;
            }
            continue;
        }
        if size > FREE {
            let missing = if lease.is_none() { size } else { data.len() };
            lease.get_or_insert_with(|| admission.body()).grow(missing).map_err(no_room)?;
        }
        if first.is_empty() && joined.is_empty() {
            // Nearly every body comes in one piece, which needs no copy.
            first = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&data);
        }
    }
    if size > limit {
        return Err(too_large(limit));
    }
    let bytes = if joined.is_empty() { first } else { joined.freeze() };
    Ok(RequestBody { bytes, _lease: lease })
}

/// What is inside of `coded`, if it is no larger than `server.body_limit`.
pub(super) async fn decompress(
    state: &ApiState,
    coding: Coding,
    coded: RequestBody,
) -> Result<RequestBody, Fault> {
    decode(coding, coded, state.body_limit, &state.admission).await
}

async fn decode(
    coding: Coding,
    coded: RequestBody,
    limit: usize,
    admission: &Admission,
) -> Result<RequestBody, Fault> {
    let mut lease = admission.body();
    // What is inside may be a thousand times as large: it is never small work.
    let decoded = admission.run(false, move || coding.decode(&coded.bytes, limit)).await?;
    let decoded = decoded.ok_or_else(|| too_large(limit))?;
    lease.grow(decoded.len()).map_err(no_room)?;
    Ok(RequestBody { bytes: decoded.into(), _lease: Some(lease) })
}

fn too_large(limit: usize) -> Fault {
    Fault::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes (server.body_limit)"))
}

fn no_room(_: Overloaded) -> Fault {
    Fault::new(Code::Overloaded, "too many large bodies are being read (server.bodies_limit)")
}
