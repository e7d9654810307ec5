//! Reading a request body within its limits, whatever it is coded in.

mod coding;

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

pub(super) use self::coding::Coding;
use super::fault::{Code, Fault};
use super::state::ApiState;
use crate::admission::{Admission, Expected, Lease, Overloaded};

/// Up to this size a body needs no room of those that are held at the same time.
const FREE: usize = 16 * 1024;

/// How long room is kept for what was announced and has not come: heads without bodies do not keep others out.
const ANNOUNCED: Duration = Duration::from_millis(250);

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
    let coding = Coding::of(request.headers());
    let admission = state.admission.clone();
    // The rest of the request is large, and not carried along.
    let body = request.into_body();
    async move {
        let coding = coding?;
        let read = read(body, limit, &admission).await?;
        match coding {
            None => Ok(read),
            Some(coding) => decode(coding, read, limit, &admission).await,
        }
    }
}

/// The whole `body` as it was sent, coded or not.
pub(super) async fn read_as_sent(state: &ApiState, body: Body) -> Result<RequestBody, Fault> {
    read(body, state.body_limit, &state.admission).await
}

/// Room for a body that is said to have `whole` bytes at least, and for its rows; `None` where it needs none.
fn expect(
    whole: usize,
    limit: usize,
    admission: &Admission,
) -> Result<(Option<Lease>, Option<Lease>), Fault> {
    if whole > limit {
        return Err(too_large(limit));
    }
    let expected = (whole > FREE).then(|| admission.expect(whole).map_err(no_room)).transpose()?;
    Ok(expected.map(|Expected { bytes, rows }| (bytes, rows)).unzip())
}

async fn read(mut body: Body, limit: usize, admission: &Admission) -> Result<RequestBody, Fault> {
    let whole = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let (mut lease, mut rows) = expect(whole, limit, admission)?;
    let announced = Instant::now() + ANNOUNCED;
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    let mut size = 0;
    loop {
        let frame = match &mut lease {
            Some(lease) if lease.size() > size => {
                let Ok(frame) = timeout_at(announced, body.frame()).await else {
                    lease.shrink(size);
                    rows = None;
                    continue;
                };
                frame
            }
            _ => body.frame().await,
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| {
            Fault::new(Code::Malformed, "the body ended before it was complete").caused_by(error)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size > limit {
            return Err(too_large(limit));
        }
        if size > FREE {
            let lease = lease.get_or_insert_with(|| admission.body());
            lease.grow(size.saturating_sub(lease.size())).map_err(no_room)?;
        }
        if size == data.len() {
            // Nearly every body comes in one piece, which needs no copy.
            first = data;
        } else {
            make_room(&mut joined, size, whole);
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&data);
        }
    }
    // They are counted and admitted next.
    drop(rows);
    let bytes = if joined.is_empty() { first } else { joined.into() };
    Ok(RequestBody { bytes, _lease: lease })
}

/// Makes room for `size` bytes in all and as many more: never for the `whole` body by its word alone, and never for more.
fn make_room(joined: &mut Vec<u8>, size: usize, whole: usize) {
    if size > joined.capacity() {
        let wanted = size.saturating_mul(2).min(whole.max(size));
        joined.reserve_exact(wanted - joined.len());
    }
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

/// A request that is refused beside others, before it is decoded.
pub(super) fn no_room(overloaded: Overloaded) -> Fault {
    let what = "too many large requests are in progress (server.bodies_limit, server.queue_rows)";
    Fault { retry_after: Some(overloaded.retry_after), ..Fault::new(Code::Overloaded, what) }
}
