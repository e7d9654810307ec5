//! The container's contract and the Runtime API as OpenAPI.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::container::status_of;
use super::runtime::{ErrorBody, LONGEST_NAME, kind};
use crate::api::fault::Code;
use crate::api::openapi::{Document, ErrorShape, Operation, binary, example, named, text};

pub(in crate::api) const TAG: &str = "SageMaker";

const CSV: &str = "text/csv";
const LIBSVM: &str = "text/libsvm";
const RECORDIO: &str = "application/x-recordio-protobuf";
const JSON: &str = "application/json";
const JSON_LINES: &str = "application/jsonlines";
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// Failures as the container tells them, in words alone.
const CONTAINER: ErrorShape =
    ErrorShape { content_type: "text/plain", schema: None, told: |code| (status_of(code), None) };
/// Failures as the Runtime API tells them.
const RUNTIME: ErrorShape = ErrorShape {
    content_type: JSON,
    schema: Some("InvokeEndpointError"),
    told: |code| {
        let (status, name) = kind(code);
        (status, Some(name))
    },
};

/// What rows may come to.
const ROWS: &[Code] = &[
    Code::Malformed,
    Code::WrongParameter,
    Code::NotAcceptable,
    Code::BodyTooLarge,
    Code::RowsTooLarge,
    Code::UnsupportedMediaType,
    Code::Unsupported,
    Code::UpstreamFailed,
    Code::Unavailable,
    Code::Overloaded,
];

/// How a batch transform should send its rows.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
#[schema(rename_all = "PascalCase")]
struct ExecutionParameters {
    max_concurrent_transforms: usize,
    batch_strategy: String,
    #[schema(rename = "MaxPayloadInMB")]
    max_payload_in_mb: usize,
}

/// An answer in JSON: per row `{"score": …}`, or the columns of `SAGEMAKER_INFERENCE_OUTPUT`.
#[expect(dead_code, reason = "for its schema alone")]
#[derive(ToSchema)]
pub(in crate::api) struct ContainerPredictions {
    predictions: Vec<BTreeMap<String, Value>>,
}

pub(in crate::api) fn describe(document: Document) -> Document {
    let document = document
        .tag(
            TAG,
            "The service as the container of an endpoint (`/ping`, `/execution-parameters`, `/invocations`), and as the endpoint \
             itself: clients of the Runtime API work with `endpoint_url` set to it.",
        )
        .schema::<ExecutionParameters>()
        .schema::<ContainerPredictions>()
        .schema::<ErrorBody<'static>>()
        .operation(
            Operation::get("/ping", "ping", TAG)
                .says("Is the model loaded?", "As `/readyz`.")
                .gives("text/html", text("Nothing."))
                .fails(CONTAINER, &[Code::NotReady]),
        )
        .operation(
            Operation::get("/execution-parameters", "executionParameters", TAG)
                .says("How should a batch transform send its rows?", "For SageMaker itself.")
                .gives(JSON, named::<ExecutionParameters>())
                .fails(CONTAINER, &[]),
        );
    let invoke = Operation::post("/endpoints/{name}/invocations", "invokeEndpoint", TAG).says(
        "InvokeEndpoint",
        "Rows to scores, as `/invocations` answers them to what is not JSON. What it refuses is a `ModelError` here.",
    );
    let stream = "/endpoints/{name}/invocations-response-stream";
    let stream = Operation::post(stream, "invokeEndpointWithResponseStream", TAG)
        .says("InvokeEndpointWithResponseStream", "The same answer as one part of a stream of events.")
        .header(
            "X-Amzn-SageMaker-Accept",
            "The type of the answer within the stream.",
            one_of(&[CSV, JSON, JSON_LINES, RECORDIO]),
        )
        .gives(EVENT_STREAM, binary("A `PayloadPart` event."));
    document.operation(of_endpoint(gives(invoke))).operation(of_endpoint(stream))
}

/// What `/invocations` takes and gives, beside rows in JSON.
pub(in crate::api) fn invocations(operation: Operation) -> Operation {
    gives(takes(operation))
        .gives_nothing(StatusCode::NO_CONTENT, "The body was empty.")
        .fails(CONTAINER, ROWS)
}

fn of_endpoint(operation: Operation) -> Operation {
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[a-zA-Z0-9](-*[a-zA-Z0-9])*$"))
        .max_length(Some(LONGEST_NAME))
        .description(Some("Any name, or one of `model.endpoint_names`."))
        .build();
    takes(operation)
        .path("name", "The endpoint's name.", name.into(), json!("imba"))
        .header("X-Amzn-SageMaker-Target-Variant", "There is one variant.", one_of(&["AllTraffic"]))
        .header("X-Amzn-SageMaker-Custom-Attributes", "Comes back with the answer.", text("Visible ASCII."))
        .with_header("x-amzn-requestid", "The request's id.")
        .with_header("x-amzn-invoked-production-variant", "The variant that has answered.")
        .gives_nothing(StatusCode::NO_CONTENT, "The body was empty.")
        .fails(RUNTIME, &[ROWS, &[Code::UnknownRoute]].concat())
}

fn takes(operation: Operation) -> Operation {
    let csv = "Rows without a header or quotes; the delimiter is found as Python's `csv.Sniffer` finds it. An empty cell is a \
               missing value.";
    let libsvm = "`index:value` between blanks. Where the smallest index is 1 or more, indices count from 1.";
    let named: Vec<String> =
        example::VALUES.iter().enumerate().map(|(at, value)| format!("{at}:{value}")).collect();
    operation
        .takes(CSV, text(csv), [("row", "One row", json!(example::line()))])
        .takes(LIBSVM, text(libsvm), [("row", "One row", json!(named.join(" ")))])
        .takes(RECORDIO, binary("Records of protocol buffers, in the frames of RecordIO."), [])
}

fn gives(operation: Operation) -> Operation {
    operation
        .gives(CSV, text("A line per row, the values of several outputs separated by commas."))
        .gives(JSON, named::<ContainerPredictions>())
        .gives(JSON_LINES, text("Per row an object, as in JSON, on a line of its own."))
        .gives(RECORDIO, binary("Per row a record, its scores under the label `score`."))
}

fn one_of(values: &[&str]) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values.iter().copied())).build().into()
}
