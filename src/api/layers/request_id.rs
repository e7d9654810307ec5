//! The id by which a request is found in the log.

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

/// The id of a request, for those further in.
#[derive(Clone)]
pub(in crate::api) struct RequestId(pub(in crate::api) HeaderValue);

/// The id of a request with these headers: the client's or the balancer's where it is short and plain, else a new one.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    // Most requests have none of the three, and a look at the names that they have is cheaper than three searches.
    let may_be_given = headers.keys().any(|name| name.as_str().starts_with("x-"));
    let given = |name| headers.get(name).filter(|id| is_plain(id)).cloned();
    let found = || given(REQUEST_ID).or_else(|| given(AWS_REQUEST_ID)).or_else(|| root(headers));
    if let Some(given) = may_be_given.then(found).flatten() {
        return given;
    }
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).expect("hexadecimal digits are visible ASCII: this is a bug")
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
