//! What makes two requests alike.

use axum::http::{HeaderName, header, request};
use sha2::{Digest, Sha256};

use crate::api::state::ApiState;

/// The SHA-256 of all that an answer depends on: no two requests have the same by chance or by intent.
pub(super) type RequestKey = [u8; 32];

/// Headers that an answer depends on.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::ACCEPT];

/// The model and the table in use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Versions {
    model: String,
    table: Option<String>,
}

impl Versions {
    pub(super) fn of(state: &ApiState) -> Self {
        // A table from before there were versions is known by what else is told of it.
        let table = state.inference.table().map(|table| {
            let described = || format!("{} {:?}", table.rows, table.loaded_at);
            table.version.clone().unwrap_or_else(described)
        });
        Self { model: state.inference.model().version.clone(), table }
    }
}

/// Each part with its length before it, so that none runs into the next.
pub(super) fn request_key(
    request: &request::Parts,
    body: &[u8],
    versions: &Versions,
    passed: &[String],
) -> RequestKey {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    add(versions.model.as_bytes());
    add(versions.table.as_deref().unwrap_or_default().as_bytes());
    add(request.method.as_str().as_bytes());
    add(request.uri.path().as_bytes());
    add(request.uri.query().unwrap_or_default().as_bytes());
    for name in HEADERS.iter().map(HeaderName::as_str).chain(passed.iter().map(String::as_str)) {
        for value in request.headers.get_all(name) {
            add(value.as_bytes());
        }
        add(b"");
    }
    // Headers that would be refused are no part of a good answer, and answers to them are of no other request.
    for (name, value) in &request.headers {
        if name.as_str().starts_with("x-amzn-sagemaker-") {
            add(name.as_str().as_bytes());
            add(value.as_bytes());
        }
    }
    add(body);
    hash.finalize().into()
}
