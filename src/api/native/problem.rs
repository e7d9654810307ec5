//! Faults in this API's words: RFC 9457.

use axum::http::HeaderValue;

use super::wire::Problem;
use crate::api::fault::Fault;
use crate::api::json;
use crate::api::layers::Rendered;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The problem document of `fault`.
pub(in crate::api) fn render(fault: &Fault, request_id: &str) -> Rendered {
    let document = Problem {
        r#type: format!("urn:imba:problem:{}", fault.code.word()),
        title: fault.code.title(),
        status: fault.code.status().as_u16(),
        detail: &fault.detail,
        code: fault.code,
        request_id,
        row: fault.row,
        column: fault.column.as_deref(),
    };
    Rendered::new(PROBLEM_JSON, json::bytes(&document))
}
