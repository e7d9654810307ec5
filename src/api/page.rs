//! The browser page: files that are compiled in, or those of `server.static_dir`, under a policy that lets them load nothing
//! from elsewhere.

mod files;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::address::Asked;
use super::fault::{Code, Fault};
use super::state::ApiState;

pub use files::{PageError, PageFiles};

/// The page's own file, which is served at `/` too.
const PAGE: &str = "index_imba.html";

/// The page that shows the contract, which is served at `/docs`.
const DOCS: &str = "docs/index.html";

/// On every file: only our own scripts and styles run, nobody frames the page, and a new version is seen at once.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

/// On the documents, whose files send what they say: addresses with customers in them stay here.
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// For a year. Subdomains are others' business.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Every path that is no other route: a file of the page, or nothing.
pub(super) async fn file(State(state): State<ApiState>, request: Request) -> Response {
    if let Some(Asked(asked)) = request.extensions().get()
        && request.uri().path() == "/"
        && !asked.path().ends_with('/')
    {
        // What the page names is below the address that it is asked for by.
        return moved(&format!("{}/", asked.path()));
    }
    let unknown = Fault::new(Code::UnknownRoute, "see the README or GET /docs for the routes");
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return unknown.into_response();
    }
    let path = match request.uri().path() {
        "/" => PAGE,
        "/docs" => DOCS,
        // Its links are relative to the address above, wherever a proxy puts it.
        "/docs/" => return Redirect::permanent("../docs").into_response(),
        path => path.trim_start_matches('/'),
    };
    let Some(file) = state.files.read(path).await else { return unknown.into_response() };
    let is_known = is_known(request.headers(), &file.etag);
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(file.bytes) });
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    if matches!(path, PAGE | DOCS) {
        headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    }
    if state.is_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
    headers.insert(header::ETAG, file.etag);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, file.content_type);
    }
    response
}

fn moved(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// Whether the client has this very file (RFC 9110, 13.1.2).
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        let known = |one: &str| one == "*" || one.trim_start_matches("W/").as_bytes() == etag.as_bytes();
        value.split(',').map(str::trim).any(known)
    })
}
