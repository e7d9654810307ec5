//! Faults in the words of the request's protocol.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::api::fault::Fault;

/// A fault as a protocol words it.
pub(in crate::api) struct Rendered {
    pub(in crate::api) content_type: HeaderValue,
    pub(in crate::api) body: Vec<u8>,
}

/// What words the faults of one protocol; it is given the request's id.
pub(in crate::api) type Renderer = fn(&Fault, &str) -> Rendered;

/// Words the fault that `response` carries, if it does.
pub(super) fn render(response: &mut Response, renderer: Renderer, id: &HeaderValue) {
    let Some(fault) = response.extensions().get::<Fault>() else { return };
    let rendered = renderer(fault, id.to_str().unwrap_or_default());
    *response.body_mut() = Body::from(rendered.body);
    response.headers_mut().insert(header::CONTENT_TYPE, rendered.content_type);
    // The router has counted the empty body that stood here.
    response.headers_mut().remove(header::CONTENT_LENGTH);
}
