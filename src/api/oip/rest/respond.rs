//! Answers as JSON, with the bytes of binary tensors after it.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::HEADER_LENGTH;
use super::request::Wanted;
use super::wire::{InferResponse, Numbers, Output, OutputParameters};
use crate::api::oip::outputs::Answered;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// The next model may answer otherwise.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `document` as JSON.
pub(super) fn document(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("plain data always has a JSON form: this is a bug")
}

/// `answer` as an answer.
pub(super) fn json(answer: &impl Serialize) -> Response {
    reply(document(answer), JSON)
}

fn reply(body: Vec<u8>, content_type: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// The answer of `…/infer`: the outputs in the order and under the names that were asked for.
pub(super) fn inferred(name: &str, id: Option<&str>, answered: &Answered, wanted: &[Wanted]) -> Response {
    let mut bytes = Vec::new();
    let outputs = answered.outputs.iter().zip(wanted).map(|(output, wanted)| {
        let (parameters, data) = if wanted.binary {
            let own = output.values.bytes();
            bytes.extend_from_slice(&own);
            (Some(OutputParameters { binary_data_size: own.len() }), None)
        } else {
            (None, Some(Numbers(&output.values)))
        };
        let datatype = output.kind.datatype();
        Output { name: &wanted.name, shape: &output.shape, datatype, parameters, data }
    });
    let outputs = outputs.collect();
    let mut body =
        document(&InferResponse { model_name: name, model_version: &answered.model.version, id, outputs });
    if !wanted.iter().any(|wanted| wanted.binary) {
        return reply(body, JSON);
    }
    let head = body.len();
    body.append(&mut bytes);
    let mut response = reply(body, BYTES);
    response.headers_mut().insert(HEADER_LENGTH, head.into());
    response
}
