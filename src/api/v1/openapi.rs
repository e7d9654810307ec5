//! Version 1 as OpenAPI.

use serde_json::json;

use super::wire::{Explanations, InstancesRequest, Model, Models};
use crate::api::fault::Code;
use crate::api::kserve::{ERROR, Error};
use crate::api::openapi::{Document, Operation, ROWS, example, named, text};
use crate::api::rows::Predictions;
use crate::demo::MODEL_VERSION;

const TAG: &str = "KServe version 1, TensorFlow Serving, Vertex AI";
const JSON: &str = "application/json";

pub(in crate::api) fn describe(document: Document) -> Document {
    let document = document
        .tag(TAG, "`instances` to `predictions`, as the clients of these three servers have it.")
        .schema::<Models<'static>>()
        .schema::<Model<'static>>()
        .schema::<InstancesRequest>()
        .schema::<Predictions<'static>>()
        .schema::<Explanations<'static>>()
        .schema::<Error<'static>>();
    let document = document.operation(
        Operation::get("/v1/models", "v1Models", TAG)
            .says("Which models are here?", "The one model, by its name (`model.name`).")
            .gives(JSON, named::<Models<'static>>())
            .fails(ERROR, &[]),
    );
    let document = of_model(document, "/v1/models/{name}", "");
    of_model(document, "/v1/models/{name}/versions/{version}", "ByVersion")
}

/// The routes of a model, with its version in their path or without.
fn of_model(document: Document, path: &str, suffix: &str) -> Document {
    let model = Operation::get(path, &format!("v1Model{suffix}"), TAG);
    let act = |verb: &str, id: &str| {
        let operation = Operation::post(&format!("{path}:{verb}"), &format!("{id}{suffix}"), TAG);
        takes_rows(with_parts(operation, path)).fails(ERROR, &[ROWS, &[Code::UnknownModel]].concat())
    };
    document
        .operation(
            with_parts(model, path)
                .says("Is the model ready?", "KServe reads `ready`, TensorFlow's clients `model_version_status`.")
                .gives(JSON, named::<Model<'static>>())
                .fails(ERROR, &[Code::UnknownModel, Code::NotReady]),
        )
        .operation(
            act("predict", "v1Predict")
                .says("Score rows", "The first bad row fails the whole request.")
                .gives(JSON, named::<Predictions<'static>>()),
        )
        .operation(
            act("explain", "v1Explain")
                .says(
                    "Score rows, with reasons",
                    "What each feature adds to the margin, by exact TreeSHAP: base and contributions sum to the margin.",
                )
                .gives(JSON, named::<Explanations<'static>>()),
        )
}

/// The parts of `path`.
fn with_parts(operation: Operation, path: &str) -> Operation {
    let operation = operation.path("name", "The model's name.", text("`model.name`."), json!("imba"));
    if !path.contains("{version}") {
        return operation;
    }
    operation.path("version", "The model's version.", text("As `/model` shows it."), json!(MODEL_VERSION))
}

fn takes_rows(operation: Operation) -> Operation {
    operation.takes(
        JSON,
        named::<InstancesRequest>(),
        [
            ("list", "A row as a list, in the model's order", json!({"instances": [example::VALUES]})),
            ("object", "A row by names", json!({"instances": [example::by_name()]})),
        ],
    )
}
