//! One method of one route.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, Required};

use super::ALWAYS;
use crate::api::fault::Code;

/// How a protocol tells its failures.
#[derive(Clone, Copy)]
pub(in crate::api) struct ErrorShape {
    pub(in crate::api) content_type: &'static str,
    /// The schema of their bodies; they are texts where there is none.
    pub(in crate::api) schema: Option<&'static str>,
    /// The status of a fault, and the word by which programs know it, if it has one.
    pub(in crate::api) told: fn(Code) -> (StatusCode, Option<&'static str>),
}

/// An example of a body: its name, what it shows, and its value.
type Named = (&'static str, &'static str, Value);

/// What a route takes and gives.
pub(in crate::api) struct Operation {
    method: HttpMethod,
    path: String,
    built: OperationBuilder,
    body: Option<RequestBodyBuilder>,
    success: ResponseBuilder,
    failures: BTreeMap<u16, Failure>,
}

/// What one status of failure may mean.
#[derive(Default)]
struct Failure {
    lines: Vec<String>,
    shapes: Vec<ErrorShape>,
    is_worth_another_try: bool,
}

impl Operation {
    pub(in crate::api) fn get(path: &str, id: &str, tag: &str) -> Self {
        Self::new(HttpMethod::Get, path, id, tag)
    }

    pub(in crate::api) fn post(path: &str, id: &str, tag: &str) -> Self {
        Self::new(HttpMethod::Post, path, id, tag)
    }

    fn new(method: HttpMethod, path: &str, id: &str, tag: &str) -> Self {
        let built = OperationBuilder::new().operation_id(Some(id)).tag(tag);
        let success = ResponseBuilder::new().description("The answer.");
        Self { method, path: path.to_owned(), built, body: None, success, failures: BTreeMap::new() }
    }

    /// In a few words, and in some sentences (Markdown).
    pub(in crate::api) fn says(mut self, summary: &str, description: &str) -> Self {
        self.built = self.built.summary(Some(summary)).description(Some(description));
        self
    }

    /// A part of the path.
    pub(in crate::api) fn path(self, name: &str, description: &str, schema: Schema, example: Value) -> Self {
        self.parameter(ParameterIn::Path, (name, description), schema, Some(example))
    }

    /// A parameter after the `?`.
    pub(in crate::api) fn query(self, name: &str, description: &str, schema: Schema, example: Value) -> Self {
        self.parameter(ParameterIn::Query, (name, description), schema, Some(example))
    }

    /// A header that may be left out.
    pub(in crate::api) fn header(self, name: &str, description: &str, schema: Schema) -> Self {
        self.parameter(ParameterIn::Header, (name, description), schema, None)
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        (name, description): (&str, &str),
        schema: Schema,
        example: Option<Value>,
    ) -> Self {
        let required = if place == ParameterIn::Path { Required::True } else { Required::False };
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(description))
            .schema(Some(schema))
            .example(example);
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

    /// Another good answer, without a body.
    pub(in crate::api) fn gives_nothing(mut self, status: StatusCode, when: &str) -> Self {
        self.built = self.built.response(status.as_str(), ResponseBuilder::new().description(when).build());
        self
    }

    /// A header of its answer.
    pub(in crate::api) fn with_header(mut self, name: &str, description: &str) -> Self {
        self.success = self.success.header(name, header(description));
        self
    }

    /// How it fails: by `codes`, and as any route may.
    pub(in crate::api) fn fails(self, shape: ErrorShape, codes: &[Code]) -> Self {
        self.fails_also(shape, &[codes, &ALWAYS].concat())
    }

    /// How else it fails, where two protocols share a route.
    pub(in crate::api) fn fails_also(mut self, shape: ErrorShape, codes: &[Code]) -> Self {
        for code in codes {
            let (status, word) = (shape.told)(*code);
            let failure = self.failures.entry(status.as_u16()).or_default();
            let word = word.map(|word| format!("`{word}`: ")).unwrap_or_default();
            let line = format!("{word}{}.", code.title());
            if !failure.lines.contains(&line) {
                failure.lines.push(line);
            }
            failure.shapes.push(shape);
            failure.is_worth_another_try |= code.retry_after().is_some();
        }
        self
    }

    pub(super) fn finish(mut self) -> (String, PathItem) {
        for (status, failure) in self.failures {
            let mut response = ResponseBuilder::new().description(failure.lines.join("\n\n"));
            for shape in failure.shapes {
                let schema = shape.schema.map_or_else(
                    || RefOr::T(text("What is wrong, in words.")),
                    |name| RefOr::Ref(Ref::from_schema_name(name)),
                );
                response = response.content(shape.content_type, Content::new(Some(schema)));
            }
            if failure.is_worth_another_try {
                response =
                    response.header("retry-after", header("Seconds after which another try is worth it."));
            }
            self.built = self.built.response(status.to_string(), response.build());
        }
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

/// A wire type of the document.
pub(in crate::api) fn named<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

/// A text, described in words.
pub(in crate::api) fn text(description: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).build().into()
}

/// Bytes, described in words.
pub(in crate::api) fn binary(description: &str) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some(description))
        .build()
        .into()
}

/// Any JSON object.
pub(super) fn object(description: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::Object).description(Some(description)).build().into()
}
