//! What stands around every route, one job each; [`envelope`] says in which order and why.

mod alias;
mod cors;
mod deadline;
mod encoding;
mod envelope;
mod observe;
mod panic;
mod render;
mod request_id;
mod server_timing;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;

pub(super) use alias::Aliases;
pub(super) use cors::CorsPolicy;
pub(super) use encoding::Encode;
pub(super) use envelope::{Envelope, Surroundings};
pub(super) use render::{Rendered, Renderer};
pub(super) use request_id::RequestId;

/// An answer's headers with those that the layers add, so that the map need not grow.
const MOST_HEADERS: usize = 16;

/// An answer without headers, and with room for those that are to come.
pub(super) fn response(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.headers_mut() = HeaderMap::with_capacity(MOST_HEADERS);
    response
}
