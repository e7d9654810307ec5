//! A model that is part of the program.

use async_trait::async_trait;

use super::{ModelFile, ModelSource, Revision, SourceError};

/// A model file that never changes.
pub struct BuiltIn {
    name: &'static str,
    read: fn() -> Vec<u8>,
}

impl BuiltIn {
    /// The file that `read` gives, which people know as `name`.
    #[must_use]
    pub fn new(name: &'static str, read: fn() -> Vec<u8>) -> Self {
        Self { name, read }
    }
}

#[async_trait]
impl ModelSource for BuiltIn {
    fn location(&self) -> String {
        self.name.to_owned()
    }

    async fn fetch(&self) -> Result<ModelFile, SourceError> {
        Ok(ModelFile { bytes: (self.read)(), revision: Revision(self.name.to_owned()) })
    }

    async fn fetch_if_changed(&self, _: &Revision) -> Result<Option<ModelFile>, SourceError> {
        Ok(None)
    }
}
