//! PORT: where the model's bytes come from, and who takes new ones while it serves.
//!
//! [`reload`] watches a source and hands what is new to the holder. Requests under way finish on the model they began with.

pub mod file;
pub mod reload;
pub mod s3;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;

use crate::scorer::ModelInfo;

/// What tells one content of a source from another without reading it: times and sizes of a file, the `ETag` of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(pub String);

/// A model file as it came from its source.
pub struct ModelFile {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// The stamp it had when the reading began, so that a change during the reading is seen later.
    pub stamp: Stamp,
}

/// Why a source gave no bytes. Its text is for the person who looks after the service.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// A place that a model is read from, again and again.
#[async_trait]
pub trait ModelSource: Send + Sync {
    /// The place, as `model.path` names it.
    fn location(&self) -> String;

    /// The file, or `None` while its stamp is `known`.
    async fn fetch(&self, known: Option<&Stamp>) -> Result<Option<ModelFile>, SourceError>;
}

/// What scores by a model and takes another without a pause.
pub trait ModelHolder: Send + Sync {
    /// The model in use now.
    fn current(&self) -> Arc<ModelInfo>;

    /// Uses the model in `file` from now on, or refuses it and goes on with the one it has.
    ///
    /// # Errors
    /// Why it is refused.
    fn replace(&self, file: &[u8]) -> Result<Arc<ModelInfo>, Box<dyn Error + Send + Sync>>;
}
