//! JSON documents as bytes and as answers.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::layers;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The next model or table may answer otherwise.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `document` as JSON.
pub(super) fn bytes(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("plain data always has a JSON form: this is a bug")
}

/// `document` as an answer that is not negotiated.
pub(super) fn answer(document: &impl Serialize) -> Response {
    let mut response = layers::response(bytes(document));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
