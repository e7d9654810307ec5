//! The contract as OpenAPI 3.1, made from the wire types: `GET /openapi.json`, and `docs/openapi.json` in the repository.

mod document;
mod operation;

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use bytes::Bytes;

use super::fault::Code;
use super::{native, ops};

pub(super) use document::Document;
pub(super) use operation::{ErrorShape, Named, Operation, text};

/// What each protocol says of its own routes. A new one adds a line here.
const PARTS: [fn(Document) -> Document; 3] = [native::openapi::describe, ops::openapi::describe, describe];

/// What any route may answer, from the layers around it.
const ALWAYS: [Code; 8] = [
    Code::MethodNotAllowed,
    Code::Internal,
    Code::Deadline,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::RateLimited,
    Code::QuotaExceeded,
    Code::Misdirected,
];

static JSON: LazyLock<Bytes> = LazyLock::new(|| {
    let document = PARTS.iter().fold(Document::new(), |document, describe| describe(document));
    let mut json = document.finish().to_pretty_json().expect("plain data has a JSON form: this is a bug");
    json.push('\n');
    json.into()
});

/// The document as it is served and checked in.
pub fn json() -> Bytes {
    JSON.clone()
}

/// `GET /openapi.json`: every route, as programs read it.
pub(super) async fn openapi() -> impl IntoResponse {
    const HEADERS: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (HEADERS, json())
}

fn describe(document: Document) -> Document {
    document.operation(
        Operation::get("/openapi.json", "openapi", ops::openapi::TAG)
            .says("This document", "The contract of this service, as OpenAPI 3.1. People read it at `/docs`.")
            .gives("application/json", operation::object("An OpenAPI document."))
            .fails(native::openapi::PROBLEM, &[]),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// Routes whose protocol is described by a document of its own, by the beginning of their paths.
    const ELSEWHERE: [&str; 10] = [
        "/ping",
        "/execution-parameters",
        "/invocations",
        "/endpoints/",
        "/v2",
        "/v1/",
        "/inference.",
        "/grpc.",
        "/health",
        "/version",
    ];

    #[test]
    fn every_route_is_described_and_none_that_is_not_there() {
        let document: Value = serde_json::from_slice(&super::json()).unwrap();
        let described: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let routes = crate::api::routes();
        let routes: BTreeSet<&str> = routes.iter().map(|(pattern, _)| *pattern).collect();
        let expected: BTreeSet<&str> = routes
            .into_iter()
            .filter(|route| !ELSEWHERE.iter().any(|beginning| route.starts_with(beginning)))
            .collect();
        assert_eq!(described, expected, "a protocol describes its routes by a line in openapi::PARTS");
    }
}
