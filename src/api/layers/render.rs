//! Faults in the words of the request's protocol.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::api::fault::Fault;

/// A fault as a protocol words it.
pub(in crate::api) struct Rendered {
    pub(in crate::api) content_type: HeaderValue,
    pub(in crate::api) body: Vec<u8>,
    /// In place of the status that the table of faults has.
    pub(in crate::api) status: Option<StatusCode>,
    /// Beside the content type.
    pub(in crate::api) headers: HeaderMap,
}

impl Rendered {
    /// The fault in `body`, with the status that the table has.
    pub(in crate::api) fn new(content_type: HeaderValue, body: Vec<u8>) -> Self {
        Self { content_type, body, status: None, headers: HeaderMap::new() }
    }
}

/// What words the faults of one protocol; it is given the request's id.
pub(in crate::api) type Renderer = fn(&Fault, &str) -> Rendered;

/// Words the fault that `response` carries, if it does: by `renderer`, or by that of the response itself, where several
/// protocols have one path.
pub(super) fn render(response: &mut Response, renderer: Renderer, id: &HeaderValue) {
    let Some(fault) = response.extensions().get::<Fault>() else { return };
    let renderer = response.extensions().get::<Renderer>().unwrap_or(&renderer);
    let rendered = renderer(fault, id.to_str().unwrap_or_default());
    *response.body_mut() = Body::from(rendered.body);
    if let Some(status) = rendered.status {
        *response.status_mut() = status;
    }
    response.headers_mut().extend(rendered.headers);
    response.headers_mut().insert(header::CONTENT_TYPE, rendered.content_type);
    // The router has counted the empty body that stood here.
    response.headers_mut().remove(header::CONTENT_LENGTH);
}
