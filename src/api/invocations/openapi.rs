//! `/invocations` as OpenAPI, of both protocols that have one.

use utoipa::openapi::schema::{OneOfBuilder, Schema};

use crate::api::openapi::{Document, Operation, named};
use crate::api::rows::Predictions;
use crate::api::sagemaker::openapi::ContainerPredictions;
use crate::api::{mlflow, sagemaker};

pub(in crate::api) fn describe(document: Document) -> Document {
    let operation = Operation::post("/invocations", "invocations", sagemaker::openapi::TAG).says(
        "Score rows, as the container or MLflow",
        "JSON is read and answered as MLflow's scoring server does; everything else as the SageMaker XGBoost container does, \
         byte for byte. Without a content type rows are libsvm.",
    );
    let operation = mlflow::openapi::invocations(sagemaker::openapi::invocations(operation));
    let either = OneOfBuilder::new()
        .item(named::<Predictions<'static>>())
        .item(named::<ContainerPredictions>())
        .build();
    mlflow::openapi::schemas(document).operation(operation.gives("application/json", Schema::from(either)))
}
