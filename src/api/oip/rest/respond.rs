//! Answers as JSON, with the bytes of binary tensors after it.

use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::HEADER_LENGTH;
use super::request::Wanted;
use super::wire::{InferResponse, Numbers, Output, OutputParameters};
use crate::api::oip::outputs::Answered;
use crate::api::{json, layers};

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

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
    let document = InferResponse { model_name: name, model_version: &answered.model.version, id, outputs };
    if !wanted.iter().any(|wanted| wanted.binary) {
        return json::answer(&document);
    }
    let mut body = json::bytes(&document);
    let head = body.len();
    body.append(&mut bytes);
    let mut response = layers::response(body);
    response.headers_mut().insert(header::CONTENT_TYPE, BYTES);
    response.headers_mut().insert(header::CACHE_CONTROL, json::NO_STORE);
    response.headers_mut().insert(HEADER_LENGTH, head.into());
    response
}
