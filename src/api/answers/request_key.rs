//! What makes two requests alike.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, header, request};

use crate::api::state::ApiState;
use crate::api::target;
use crate::features::TableInfo;
use crate::model::ModelInfo;

/// All that an answer depends on, word for word: no two requests are taken for one by chance or by intent.
pub(super) type RequestKey = Box<[u8]>;

/// Headers that an answer depends on.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::ACCEPT];
/// Room for all but the body, usually.
const HEAD: usize = 320;

/// The model and the table in use.
#[derive(Debug)]
pub(super) struct Versions {
    model: Arc<ModelInfo>,
    table: Option<Arc<TableInfo>>,
}

impl PartialEq for Versions {
    fn eq(&self, other: &Self) -> bool {
        self.model.version == other.model.version && self.table == other.table
    }
}

impl Versions {
    pub(super) fn of(state: &ApiState) -> Self {
        Self { model: state.inference.model(), table: state.inference.table() }
    }
}

/// Each part with its length before it, so that none runs into the next.
pub(super) fn request_key(
    request: &request::Parts,
    body: &[u8],
    versions: &Versions,
    passed: &[String],
) -> RequestKey {
    let mut key = Vec::with_capacity(HEAD + body.len());
    let mut add = |part: &[u8]| {
        key.extend_from_slice(&(part.len() as u64).to_le_bytes());
        key.extend_from_slice(part);
    };
    add(versions.model.version.as_bytes());
    match versions.table.as_deref() {
        None => add(b""),
        Some(TableInfo { version: Some(version), .. }) => add(version.as_bytes()),
        // One from before there were versions is known by what else is told of it.
        Some(TableInfo { rows, loaded_at, .. }) => add(format!("{rows} {loaded_at:?}").as_bytes()),
    }
    add(request.method.as_str().as_bytes());
    add(request.uri.path().as_bytes());
    add(request.uri.query().unwrap_or_default().as_bytes());
    let mut add_all = |values: header::GetAll<'_, HeaderValue>| {
        for value in values {
            add(value.as_bytes());
        }
        add(b"");
    };
    for name in &HEADERS {
        add_all(request.headers.get_all(name));
    }
    for name in passed {
        add_all(request.headers.get_all(name));
    }
    // Headers that would be refused are no part of a good answer, and answers to them are of no other request.
    for (name, value) in &request.headers {
        if name.as_str().starts_with(target::PREFIX) {
            add(name.as_str().as_bytes());
            add(value.as_bytes());
        }
    }
    add(body);
    key.into()
}
