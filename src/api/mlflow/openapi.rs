//! MLflow's scoring server as OpenAPI. Its `/invocations` is described where both protocols that have one meet.

use serde_json::{Value, json};

use super::told;
use super::wire::{Error, MlflowRequest};
use crate::api::fault::Code;
use crate::api::openapi::{Document, ErrorShape, Operation, ROWS, example, named, text};
use crate::api::rows::Predictions;

const TAG: &str = "MLflow";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// Failures as this server tells them.
const ERROR: ErrorShape = ErrorShape {
    content_type: JSON,
    schema: Some("MlflowError"),
    told: |code| {
        let (status, word) = told(code);
        (status, Some(word))
    },
};

pub(in crate::api) fn describe(document: Document) -> Document {
    document
        .tag(TAG, "Beside `/invocations` with JSON, what else MLflow's scoring server answers.")
        .schema::<Error<'static>>()
        .operation(
            Operation::get("/health", "mlflowHealth", TAG)
                .says("Should requests be sent here?", "As `/readyz`.")
                .gives(TEXT, text("A line end."))
                .fails(ERROR, &[Code::NotReady]),
        )
        .operation(
            Operation::get("/version", "mlflowVersion", TAG)
                .says("Which version is this?", "imba's, where the other server tells its own.")
                .gives(TEXT, text("A version."))
                .fails(ERROR, &[]),
        )
}

/// The part of `/invocations` that is this server's.
pub(in crate::api) fn schemas(document: Document) -> Document {
    document.schema::<MlflowRequest>().schema::<Predictions<'static>>()
}

/// What `/invocations` takes and gives in JSON.
pub(in crate::api) fn invocations(operation: Operation) -> Operation {
    let names = example::names();
    let columns: Value =
        names.iter().zip(example::VALUES).map(|(name, value)| (name.clone(), json!([value]))).collect();
    operation
        .takes(
            JSON,
            named::<MlflowRequest>(),
            [
                (
                    "split",
                    "pandas' form \"split\"",
                    json!({"dataframe_split": {"columns": names, "data": [example::VALUES]}}),
                ),
                ("records", "A row by names", json!({"dataframe_records": [example::by_name()]})),
                ("instances", "A row as a list", json!({"instances": [example::VALUES]})),
                ("inputs", "Each feature by its name", json!({ "inputs": columns })),
            ],
        )
        .fails_also(ERROR, ROWS)
}
