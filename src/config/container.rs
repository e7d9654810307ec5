//! The SageMaker container: what its own environment variables say, and `[compat]`.
//!
//! Where SageMaker unpacks a model, and `model.path` names none, the service is the container that SageMaker started: see
//! [`Settings::in_container`](super::source::Settings::in_container).

use super::reader::Reader;

/// Where SageMaker unpacks the model, unless `SM_MODEL_DIR` says otherwise.
pub(super) const MODEL_FOLDER: &str = "/opt/ml/model";

/// The container's variables that are honoured.
pub(super) const VARIABLES: [&str; 9] = [
    "SM_MODEL_DIR",
    "SAGEMAKER_BIND_TO_PORT",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    "SAGEMAKER_MODEL_SERVER_WORKERS",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
    "SAGEMAKER_BATCH",
    "SAGEMAKER_INFERENCE_OUTPUT",
    "SAGEMAKER_INFERENCE_ENSEMBLE",
    "MAX_CONTENT_LENGTH",
];

/// How `/invocations` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// `compat.sagemaker = "exact"`: short rows are scored, their absent columns as missing values.
    pub is_exact: bool,
    /// `SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT`, in lower case: the media type of an answer if the request names none.
    pub default_accept: String,
    /// Whether `SAGEMAKER_BATCH` is set: the answers of a batch transform.
    pub is_batch: bool,
    /// `SAGEMAKER_INFERENCE_OUTPUT`: the columns of an answer in place of the score, in lower case.
    pub output: Option<Vec<String>>,
    /// `SAGEMAKER_INFERENCE_ENSEMBLE`: whether all models of a folder answer together, or the first alone.
    pub is_ensemble: bool,
    /// `MAX_CONTENT_LENGTH`, in bytes.
    pub body_limit: Option<usize>,
    /// `SAGEMAKER_MODEL_SERVER_WORKERS`: requests that a batch transform sends at the same time.
    pub workers: Option<usize>,
}

/// The types of answers that `/invocations` can give.
pub const ACCEPTED: [&str; 4] =
    ["application/json", "application/jsonlines", "application/x-recordio-protobuf", "text/csv"];

pub(super) fn container(reader: &mut Reader<'_>) -> Container {
    let is_exact = reader.choice("compat.sagemaker", &[("strict", false), ("exact", true)]);
    let settings = reader.settings();
    let variable = |name: &str| settings.container(name).map(str::trim);
    let default_accept =
        variable("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT").unwrap_or("text/csv").to_ascii_lowercase();
    let output = variable("SAGEMAKER_INFERENCE_OUTPUT").map(|keys| {
        let keys = keys.replace(' ', "").to_ascii_lowercase();
        keys.split(',').map(str::to_owned).collect()
    });
    let found = Container {
        is_exact,
        // As the container reads them: any text sets the former, only "true" the latter.
        is_batch: variable("SAGEMAKER_BATCH").is_some_and(|text| !text.is_empty()),
        is_ensemble: variable("SAGEMAKER_INFERENCE_ENSEMBLE").is_none_or(|text| text == "true"),
        output,
        body_limit: variable("MAX_CONTENT_LENGTH").and_then(|text| text.parse().ok()),
        workers: variable("SAGEMAKER_MODEL_SERVER_WORKERS").and_then(|text| text.parse().ok()),
        default_accept,
    };
    if !ACCEPTED.contains(&found.default_accept.as_str()) {
        let what = format!("expected one of {}, found {:?}", ACCEPTED.join(", "), found.default_accept);
        reader.wrong_variable("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", what);
    }
    let counts =
        [("MAX_CONTENT_LENGTH", found.body_limit), ("SAGEMAKER_MODEL_SERVER_WORKERS", found.workers)];
    for (name, count) in counts {
        if let Some(text) = settings.container(name)
            && count.is_none_or(|count| count == 0)
        {
            reader.wrong_variable(name, format!("expected a whole number from 1, found {text:?}"));
        }
    }
    found
}
