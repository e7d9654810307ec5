//! Version 2 over REST as OpenAPI.

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};

use super::wire::{Indexed, InferRequest, InferResponse, Live, Model, Ready, Server};
use crate::api::fault::Code;
use crate::api::kserve::{ERROR, Error};
use crate::api::openapi::{Document, Operation, ROWS, binary, example, named, text};
use crate::demo::MODEL_VERSION;

const TAG: &str = "Open Inference Protocol";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

pub(in crate::api) fn describe(document: Document) -> Document {
    let document = document
        .tag(TAG, "Version 2 of KServe's protocol, which Triton and MLServer speak too. The same service is there over gRPC.")
        .schema::<Server>()
        .schema::<Live>()
        .schema::<Ready<'static>>()
        .schema::<Model<'static>>()
        .schema::<InferRequest<'static>>()
        .schema::<InferResponse<'static>>()
        .schema::<Indexed<'static>>()
        .schema::<Error<'static>>()
        .operation(
            Operation::get("/v2", "v2Server", TAG)
                .says("What serves here?", "Name, version and extensions.")
                .gives(JSON, named::<Server>())
                .fails(ERROR, &[]),
        )
        .operation(
            Operation::get("/v2/health/live", "v2Live", TAG)
                .says("Is it alive?", "As `/livez`.")
                .gives(JSON, named::<Live>())
                .fails(ERROR, &[]),
        )
        .operation(
            Operation::get("/v2/health/ready", "v2Ready", TAG)
                .says("Is it ready?", "As `/readyz`.")
                .gives(JSON, named::<Ready<'static>>())
                .fails(ERROR, &[Code::NotReady]),
        )
        .operation(
            Operation::post("/v2/repository/index", "v2Index", TAG)
                .says("Which models are here?", "The one model. A body, as Triton's clients send one, is not looked at.")
                .gives(JSON, models())
                .fails(ERROR, &[]),
        );
    let document = of_model(document, "/v2/models/{name}", "");
    of_model(document, "/v2/models/{name}/versions/{version}", "ByVersion")
}

/// The routes of a model, with its version in their path or without.
fn of_model(document: Document, path: &str, suffix: &str) -> Document {
    let with_parts = |operation: Operation| {
        let operation = operation.path("name", "The model's name.", text("`model.name`."), json!("imba"));
        if !path.contains("{version}") {
            return operation;
        }
        operation.path("version", "The model's version.", text("As `/model` shows it."), json!(MODEL_VERSION))
    };
    let get = |end: &str, id: &str| {
        with_parts(Operation::get(&format!("{path}{end}"), &format!("{id}{suffix}"), TAG))
    };
    let infer = with_parts(Operation::post(&format!("{path}/infer"), &format!("v2Infer{suffix}"), TAG));
    document
        .operation(
            get("", "v2Model")
                .says("What does the model take and give?", "Its inputs and outputs, −1 standing for any size.")
                .gives(JSON, named::<Model<'static>>())
                .fails(ERROR, &[Code::UnknownModel]),
        )
        .operation(
            get("/ready", "v2ModelReady")
                .says("Is the model ready?", "As `/readyz`, for this model.")
                .gives(JSON, named::<Ready<'static>>())
                .fails(ERROR, &[Code::UnknownModel, Code::NotReady]),
        )
        .operation(
            takes_tensors(infer)
                .says(
                    "Score rows",
                    "Tensors to tensors. `outputs` chooses among `score`, `margin`, `leaf` and `contributions`.",
                )
                .gives(JSON, named::<InferResponse<'static>>())
                .gives(BYTES, binary("The same where outputs are asked for as bytes: the document, and these."))
                .fails(ERROR, &[ROWS, &[Code::UnknownModel, Code::WrongParameter]].concat()),
        )
}

fn takes_tensors(operation: Operation) -> Operation {
    let tensor = json!({"name": "rows", "datatype": "FP32", "shape": [1, 18], "data": example::VALUES});
    let columns: Vec<_> = example::names()
        .into_iter()
        .zip(example::VALUES)
        .map(|(name, value)| json!({"name": name, "datatype": "FP64", "shape": [1], "data": [value]}))
        .collect();
    operation
        .header(
            "Inference-Header-Content-Length",
            "How many bytes of the body are the document; those of its binary tensors follow. The answer has this header, too, \
             where outputs are asked for as bytes.",
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0.0)).build().into(),
        )
        .takes(
            JSON,
            named::<InferRequest<'static>>(),
            [
                ("rows", "One tensor of rows", json!({ "inputs": [tensor] })),
                ("columns", "A tensor per feature", json!({ "inputs": columns })),
                (
                    "outputs",
                    "Other outputs than the score",
                    json!({"id": "7", "inputs": [tensor], "outputs": [{"name": "margin"}, {"name": "contributions"}]}),
                ),
            ],
        )
        .takes(BYTES, binary("The document, and the little-endian bytes of its binary tensors."), [])
}

fn models() -> Schema {
    ArrayBuilder::new().items(named::<Indexed<'static>>()).build().into()
}
