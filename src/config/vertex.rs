//! `[vertex]`, and the names by which others address the service.

use super::reader::Reader;

/// `[vertex]`: routes that the platform chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vertex {
    /// `vertex.predict_route`
    pub predict_route: Option<String>,
    /// `vertex.health_route`
    pub health_route: Option<String>,
}

pub(super) fn vertex(reader: &mut Reader<'_>) -> Vertex {
    Vertex {
        predict_route: route(reader, "vertex.predict_route"),
        health_route: route(reader, "vertex.health_route"),
    }
}

/// A path; `None` when it is empty.
fn route(reader: &mut Reader<'_>, key: &str) -> Option<String> {
    let route = reader.optional(key)?;
    let is_path = |byte: u8| byte.is_ascii_graphic() && !b"?#{}\"<>\\^`|".contains(&byte);
    if !route.starts_with('/') || !route.bytes().all(is_path) {
        reader.mistake(key, format!("expected a path like \"/predict\", found {route:?}"));
    }
    Some(route)
}

/// `model.name`, which is part of paths.
pub(super) fn model_name(reader: &mut Reader<'_>) -> String {
    const KEY: &str = "model.name";
    let name = reader.name(KEY);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !name.bytes().all(is_plain) {
        reader.mistake(KEY, format!("expected letters, digits, \".\", \"_\" and \"-\", found {name:?}"));
    }
    name
}
