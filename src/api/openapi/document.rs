//! The document while it is put together.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::path::PathsBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, Schema};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, OpenApiVersion, RefOr, Tag};

use super::Operation;

/// Routes, schemas and tags so far.
pub(in crate::api) struct Document {
    paths: PathsBuilder,
    schemas: BTreeMap<String, RefOr<Schema>>,
    tags: Vec<Tag>,
}

impl Document {
    pub(super) fn new() -> Self {
        Self { paths: PathsBuilder::new(), schemas: BTreeMap::new(), tags: Vec::new() }
    }

    /// A group of routes, in the order in which readers see them.
    pub(in crate::api) fn tag(mut self, name: &str, description: &str) -> Self {
        self.tags.push(TagBuilder::new().name(name).description(Some(description)).build());
        self
    }

    /// A wire type, with those that it holds.
    ///
    /// # Panics
    /// If another type has the name of one of them.
    pub(in crate::api) fn schema<T: ToSchema>(mut self) -> Self {
        let mut held = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut held);
        for (name, schema) in held {
            let known = self.schemas.entry(name).or_insert_with(|| schema.clone());
            assert!(*known == schema, "two types of one name in the contract: this is a bug");
        }
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
                 Failures are problem documents (RFC 9457), whose `code` programs may branch on; those of the protocols of others \
                 have the shape that their clients know. Every answer has an `x-request-id`, by which it is found in the log; one \
                 that is sent is taken over. gRPC is on the same port and describes itself by reflection.",
            ))
            .license(Some(license.build()));
        OpenApiBuilder::new()
            .openapi(OpenApiVersion::Version31)
            .info(info.build())
            .paths(self.paths)
            .components(Some(ComponentsBuilder::new().schemas_from_iter(self.schemas).build()))
            .tags(Some(self.tags))
            .build()
    }
}
