//! The id by which a request is found in the log.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::api::name;

pub(super) const REQUEST_ID: HeaderName = name("x-request-id");

/// That of API Gateway, of the AWS APIs and their clients.
const AWS_REQUEST_ID: HeaderName = name("x-amzn-requestid");
/// That of Application Load Balancer: `Root=1-67891233-abcdef012345678912345678`, with other fields around it.
const AWS_TRACE_ID: HeaderName = name("x-amzn-trace-id");

/// Longest id that is taken over from a client.
const LONGEST: usize = 128;

/// Gives `request` an id: the client's or the balancer's where it is short and plain, else a new one.
pub(super) fn identify(request: &mut Request) -> HeaderValue {
    let headers = request.headers();
    if let Some(given) = headers.get(REQUEST_ID).filter(|id| is_plain(id)) {
        return given.clone();
    }
    if let Some(given) =
        headers.get(AWS_REQUEST_ID).filter(|id| is_plain(id)).cloned().or_else(|| root(headers))
    {
        request.headers_mut().insert(REQUEST_ID, given.clone());
        return given;
    }
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
    let id = HeaderValue::from_str(text).expect("hexadecimal digits are visible ASCII: this is a bug");
    request.headers_mut().insert(REQUEST_ID, id.clone());
    id
}

fn is_plain(id: &HeaderValue) -> bool {
    (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// The root of the balancer's trace, which its own log names too.
fn root(headers: &HeaderMap) -> Option<HeaderValue> {
    let trace = headers.get(AWS_TRACE_ID)?.to_str().ok()?;
    let root = trace.split(';').find_map(|field| field.trim().strip_prefix("Root="))?;
    HeaderValue::from_str(root).ok().filter(is_plain)
}
