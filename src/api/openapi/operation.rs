//! One method of one route.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, Required};

use super::ALWAYS;
use crate::api::fault::Code;

/// How a protocol words its failures: the type and the schema of their bodies.
#[derive(Clone, Copy)]
pub(in crate::api) struct ErrorShape {
    pub(in crate::api) content_type: &'static str,
    pub(in crate::api) schema: &'static str,
}

/// An example of a body: its name, what it shows, and its value.
pub(in crate::api) type Named = (&'static str, &'static str, Value);

/// What a route takes and gives.
pub(in crate::api) struct Operation {
    method: HttpMethod,
    path: &'static str,
    built: OperationBuilder,
    body: Option<RequestBodyBuilder>,
    success: ResponseBuilder,
}

impl Operation {
    pub(in crate::api) fn get(path: &'static str, id: &str, tag: &str) -> Self {
        Self::new(HttpMethod::Get, path, id, tag)
    }

    pub(in crate::api) fn post(path: &'static str, id: &str, tag: &str) -> Self {
        Self::new(HttpMethod::Post, path, id, tag)
    }

    fn new(method: HttpMethod, path: &'static str, id: &str, tag: &str) -> Self {
        let built = OperationBuilder::new().operation_id(Some(id)).tag(tag);
        let success = ResponseBuilder::new().description("The answer.");
        Self { method, path, built, body: None, success }
    }

    /// In a few words, and in some sentences (Markdown).
    pub(in crate::api) fn says(mut self, summary: &str, description: &str) -> Self {
        self.built = self.built.summary(Some(summary)).description(Some(description));
        self
    }

    /// A part of the path.
    pub(in crate::api) fn path(self, name: &str, description: &str, schema: Schema, example: Value) -> Self {
        self.parameter(ParameterIn::Path, Required::True, (name, description), schema, example)
    }

    /// A parameter after the `?`.
    pub(in crate::api) fn query(self, name: &str, description: &str, schema: Schema, example: Value) -> Self {
        self.parameter(ParameterIn::Query, Required::False, (name, description), schema, example)
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        required: Required,
        (name, description): (&str, &str),
        schema: Schema,
        example: Value,
    ) -> Self {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(description))
            .schema(Some(schema))
            .example(Some(example));
        self.built = self.built.parameter(parameter.build());
        self
    }

    /// A type of body that it takes, with examples that work.
    pub(in crate::api) fn takes(
        mut self,
        content_type: &str,
        schema: impl Into<RefOr<Schema>>,
        examples: impl IntoIterator<Item = Named>,
    ) -> Self {
        let examples = examples.into_iter().map(|(name, summary, value)| {
            (name, RefOr::T(ExampleBuilder::new().summary(summary).value(Some(value)).build()))
        });
        let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
        let body = self.body.unwrap_or_else(|| RequestBodyBuilder::new().required(Some(Required::True)));
        self.body = Some(body.content(content_type, content));
        self
    }

    /// A type of answer that it gives.
    pub(in crate::api) fn gives(mut self, content_type: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.success = self.success.content(content_type, Content::new(Some(schema)));
        self
    }

    /// A header of its answer.
    pub(in crate::api) fn with_header(mut self, name: &str, description: &str) -> Self {
        self.success = self.success.header(name, header(description));
        self
    }

    /// How it fails, beside what any route may answer.
    pub(in crate::api) fn fails(mut self, shape: ErrorShape, codes: &[Code]) -> Self {
        let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
        for code in codes.iter().chain(&ALWAYS) {
            by_status.entry(code.status().as_u16()).or_default().push(*code);
        }
        for (status, codes) in by_status {
            let lines: Vec<String> =
                codes.iter().map(|code| format!("`{}`: {}.", code.word(), code.title())).collect();
            let mut response = ResponseBuilder::new()
                .description(lines.join("\n\n"))
                .content(shape.content_type, Content::new(Some(Ref::from_schema_name(shape.schema))));
            if codes.iter().any(|code| code.retry_after().is_some()) {
                response =
                    response.header("retry-after", header("Seconds after which another try is worth it."));
            }
            self.built = self.built.response(status.to_string(), response.build());
        }
        self
    }

    pub(super) fn finish(self) -> (&'static str, PathItem) {
        let body = self.body.map(RequestBodyBuilder::build);
        let operation = self.built.request_body(body).response("200", self.success.build());
        (self.path, PathItem::new(self.method, operation.build()))
    }
}

fn header(description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}

/// A text, described in words.
pub(in crate::api) fn text(description: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).build().into()
}

/// Any JSON object.
pub(super) fn object(description: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::Object).description(Some(description)).build().into()
}
