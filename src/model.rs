//! PORT: where the model's bytes come from, and what is known of the model they hold.
//!
//! [`watcher`] watches a source and hands new models to what scores with them. Requests under way finish on the model they
//! began with.

pub mod built_in;
pub mod card;
pub mod file;
mod folder;
pub mod s3;
pub mod watcher;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

pub use card::ModelCard;

/// The facts about a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInfo {
    /// See [`model_version`]; where the file is not at hand, the name of what scores, e.g. `sagemaker:imba`.
    pub version: String,
    /// Input names in order.
    pub feature_names: Vec<String>,
    /// XGBoost's name of the objective, e.g. `binary:logistic`; `None` if unknown.
    pub objective: Option<String>,
    /// Number of trees; `None` if unknown.
    pub trees: Option<usize>,
    /// Numbers per score: 1, or the number of classes or targets.
    pub outputs: usize,
    /// Numbers per row before the objective's transform: of `multi:softmax` the number of classes.
    pub margins: usize,
    /// The threshold that travels in the file, if one does.
    pub threshold: Option<f64>,
    /// The card that travels in the file, if one does.
    pub card: Option<ModelCard>,
    /// Whether its scores can be explained.
    pub explains: bool,
    /// Where it is: the `scorer.kind` of the configuration.
    pub backend: &'static str,
}

/// The version of a model file: its SHA-256 in hexadecimal.
#[must_use]
pub fn model_version(file: &[u8]) -> String {
    format!("{:x}", bytes::Bytes::copy_from_slice(&Sha256::digest(file)))
}

/// What tells one content of a source from another without reading it: times and sizes of a file, the `ETag` of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(pub String);

/// A model file as it came from its source.
pub struct ModelFile {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// The revision it had when the reading began, so that a change during the reading is seen later.
    pub revision: Revision,
}

/// Why a source gave no bytes. Its text is for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// A place that a model is read from, again and again.
#[async_trait]
pub trait ModelSource: Send + Sync {
    /// The place, as `model.path` names it.
    fn location(&self) -> String;

    /// The file.
    async fn fetch(&self) -> Result<ModelFile, SourceError>;

    /// The file, or `None` while its revision is `known`.
    async fn fetch_if_changed(&self, known: &Revision) -> Result<Option<ModelFile>, SourceError>;
}

/// What scores by a model and takes another without a pause.
pub trait Reloadable: Send + Sync {
    /// The model in use now.
    fn current(&self) -> Arc<ModelInfo>;

    /// Uses the model in `file` from now on, or refuses it and goes on with the one it has.
    ///
    /// # Errors
    /// Why it is refused.
    fn replace(&self, file: &[u8]) -> Result<Arc<ModelInfo>, Box<dyn Error + Send + Sync>>;
}
