//! The contract as OpenAPI 3.1, made from the wire types: `GET /openapi.json`, and `docs/openapi.json` in the repository.

mod document;
pub(super) mod example;
mod operation;

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use bytes::Bytes;

use super::fault::Code;
use super::{invocations, mlflow, native, oip, ops, sagemaker, v1};

pub(super) use document::Document;
pub(super) use operation::{ErrorShape, Operation, binary, named, text};

/// What each protocol says of its own routes. A new one adds a line here.
const PARTS: [fn(Document) -> Document; 8] = [
    native::openapi::describe,
    oip::rest::openapi::describe,
    v1::openapi::describe,
    sagemaker::openapi::describe,
    invocations::openapi::describe,
    mlflow::openapi::describe,
    ops::openapi::describe,
    describe,
];

/// What a request with feature rows may come to, in whatever protocol.
pub(super) const ROWS: &[Code] = &[
    Code::Malformed,
    Code::BodyTooLarge,
    Code::RowsTooLarge,
    Code::UnsupportedMediaType,
    Code::WrongWidth,
    Code::WrongName,
    Code::WrongValue,
    Code::WrongRow,
    Code::ModelRefused,
    Code::Unsupported,
    Code::UpstreamFailed,
    Code::Unavailable,
    Code::Overloaded,
];

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

    /// What is no REST: gRPC is described by its `.proto` and by reflection.
    const ELSEWHERE: [&str; 2] = ["/inference.", "/grpc."];

    #[test]
    fn every_route_is_described_and_none_that_is_not_there() {
        let document: Value = serde_json::from_slice(&super::json()).unwrap();
        let described: BTreeSet<&str> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            // A verb at the end is a part of the name to the router.
            .map(|path| path.split_once(':').map_or(path.as_str(), |(path, _)| path))
            .collect();
        let routes = crate::api::routes();
        let routes: BTreeSet<&str> = routes.iter().map(|(pattern, _)| *pattern).collect();
        let expected: BTreeSet<&str> = routes
            .into_iter()
            .filter(|route| !ELSEWHERE.iter().any(|beginning| route.starts_with(beginning)))
            .collect();
        assert_eq!(described, expected, "a protocol describes its routes by a line in openapi::PARTS");
    }

    #[test]
    fn identifiers_of_operations_are_distinct() {
        let document: Value = serde_json::from_slice(&super::json()).unwrap();
        let mut seen = BTreeSet::new();
        for operation in document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
        {
            assert!(seen.insert(operation["operationId"].as_str().unwrap()), "{operation}");
        }
    }
}
