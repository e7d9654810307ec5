//! The id by which a request is found in the log.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::api::name;

pub(super) const REQUEST_ID: HeaderName = name("x-request-id");

/// Longest id that is taken over from a client.
const LONGEST: usize = 128;

/// The id of `request`: the client's own where it is short and plain, else a new one.
pub(super) fn request_id(request: &Request) -> HeaderValue {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic));
    if let Some(given) = given {
        return given.clone();
    }
    let mut buffer = Uuid::encode_buffer();
    let text = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).expect("hexadecimal digits are visible ASCII: this is a bug")
}
