//! The document while it is put together.

use utoipa::ToSchema;
use utoipa::openapi::path::PathsBuilder;
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, OpenApiVersion, Tag};

use super::Operation;

/// Routes, schemas and tags so far.
pub(in crate::api) struct Document {
    paths: PathsBuilder,
    components: ComponentsBuilder,
    tags: Vec<Tag>,
}

impl Document {
    pub(super) fn new() -> Self {
        Self { paths: PathsBuilder::new(), components: ComponentsBuilder::new(), tags: Vec::new() }
    }

    /// A group of routes, in the order in which readers see them.
    pub(in crate::api) fn tag(mut self, name: &str, description: &str) -> Self {
        self.tags.push(TagBuilder::new().name(name).description(Some(description)).build());
        self
    }

    /// A wire type, with those that it holds.
    pub(in crate::api) fn schema<T: ToSchema>(mut self) -> Self {
        let mut held = Vec::new();
        T::schemas(&mut held);
        self.components = self.components.schema_from::<T>().schemas_from_iter(held);
        self
    }

    pub(in crate::api) fn operation(mut self, operation: Operation) -> Self {
        let (path, item) = operation.finish();
        self.paths = self.paths.path(path, item);
        self
    }

    pub(super) fn finish(self) -> OpenApi {
        let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
        let info = InfoBuilder::new()
            .title("imba")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(
                "Will this customer buy this product again? Scores of an XGBoost model, with their reasons.\n\n\
                 Failures are problem documents (RFC 9457), whose `code` programs may branch on. Every answer has an \
                 `x-request-id`, by which it is found in the log; one that is sent is taken over.",
            ))
            .license(Some(license.build()));
        OpenApiBuilder::new()
            .openapi(OpenApiVersion::Version31)
            .info(info.build())
            .paths(self.paths)
            .components(Some(self.components.build()))
            .tags(Some(self.tags))
            .build()
    }
}
