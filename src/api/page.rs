//! The browser page: the files of the static folder, under a policy that lets them load nothing from elsewhere.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::fault::{Code, Fault};
use super::state::ApiState;

/// The page's own file, which is served at `/` too.
pub(crate) const PAGE: &str = "/index_imba.html";

/// On every file: only our own scripts and styles run, nobody frames the page, and a new version is seen at once.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

/// Every path that is no other route: a file of the page, or nothing.
pub(super) async fn file(State(state): State<ApiState>, mut request: Request) -> Response {
    let unknown = Fault::new(Code::UnknownRoute, "see the README or GET / for what there is");
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return unknown.into_response();
    }
    if request.uri().path() == "/" {
        *request.uri_mut() = Uri::from_static(PAGE);
    }
    let Ok(response) = state.files.clone().oneshot(request).await;
    match response.status() {
        StatusCode::NOT_FOUND => unknown.into_response(),
        status if status.is_server_error() => {
            Fault::new(Code::Internal, "the file cannot be read").into_response()
        }
        _ => {
            let mut response = response.map(Body::new);
            response.headers_mut().extend(HEADERS);
            response
        }
    }
}
