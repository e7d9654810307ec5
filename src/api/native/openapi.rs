//! The native API as OpenAPI. Its examples work on the demo.

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use super::recommend::{DEFAULT_LIMIT, LARGEST_LIMIT};
use super::wire::{
    Explanations, Model, PairsRequest, Predictions, Problem, Recommendations, RowsRequest, Users,
};
use crate::api::fault::Code;
use crate::api::openapi::{Document, ErrorShape, Operation, ROWS, example, named, text};
use crate::row::MAX_ID_BYTES;

const TAG: &str = "Scores";

/// Failures as this API words them.
pub(in crate::api) const PROBLEM: ErrorShape = ErrorShape {
    content_type: "application/problem+json",
    schema: Some("Problem"),
    told: |code| (code.status(), Some(code.word())),
};

/// What one with parameters and a choice of answers may come to as well.
const NEGOTIATED: &[Code] = &[Code::WrongParameter, Code::NotAcceptable];
/// What one with pairs may come to as well.
const PAIRS: &[Code] = &[Code::UnknownPair, Code::NoStore, Code::UnreadableRow];
/// What one for a customer may come to.
const CUSTOMER: &[Code] = &[
    Code::Malformed,
    Code::WrongParameter,
    Code::UnknownUser,
    Code::UnknownRoute,
    Code::NoStore,
    Code::NotAcceptable,
    Code::RowsTooLarge,
    Code::ModelRefused,
    Code::UnreadableRow,
    Code::Unsupported,
    Code::UpstreamFailed,
    Code::Unavailable,
    Code::Overloaded,
];

/// What a list of customers may come to.
const LIST: &[Code] = &[
    Code::WrongParameter,
    Code::NoStore,
    Code::UnreadableRow,
    Code::Unsupported,
    Code::UpstreamFailed,
    Code::Unavailable,
    Code::Overloaded,
];

const CSV: &str = "text/csv";
const TEXT: &str = "text/plain";
const JSON: &str = "application/json";

pub(in crate::api) fn describe(document: Document) -> Document {
    let negotiated = "`Accept` decides between text, one line per row, and JSON. In text the first bad row fails the \
                      whole request; in JSON each row has a score or an error of its own.";
    let document = document
        .tag(TAG, "Rows of features, or pairs of a customer and a product whose rows are stored, to scores.")
        .schema::<Predictions<'static>>()
        .schema::<Explanations<'static>>()
        .schema::<Recommendations<'static>>()
        .schema::<Users>()
        .schema::<Model<'static>>()
        .schema::<Problem<'static>>()
        .schema::<RowsRequest>()
        .schema::<PairsRequest>();

    let predict = Operation::post("/predict", "predict", TAG)
        .says("Score rows of features", negotiated)
        .gives(
            TEXT,
            text("One score per line, as Python's `str(float)` writes it; no line end after the last."),
        )
        .gives(JSON, named::<Predictions<'static>>());
    let predict_pair = Operation::post("/predict/pair", "predictPair", TAG)
        .says("Score pairs of a customer and a product", negotiated)
        .gives(TEXT, text("One score per line."))
        .gives(JSON, named::<Predictions<'static>>());
    let predict_link = Operation::get("/predict/pair", "predictPairByAddress", TAG)
        .says("Score one pair, from an address bar", "As a POST of the one pair.")
        .query("user_id", "The customer.", text("An identifier."), json!("1"))
        .query("product_id", "The product.", text("An identifier."), json!("2"))
        .gives(TEXT, text("The score."))
        .gives(JSON, named::<Predictions<'static>>());
    let explain = Operation::post("/explain", "explain", TAG)
        .says(
            "Score rows of features, with reasons",
            "What each feature adds to the margin, by exact TreeSHAP: base and contributions sum to the margin.",
        )
        .gives(TEXT, text("One line per row: a contribution per feature, the base last, separated by commas."))
        .gives(JSON, named::<Explanations<'static>>());
    let explain_pair = Operation::post("/explain/pair", "explainPair", TAG)
        .says(
            "Score pairs of a customer and a product, with reasons",
            "As `/explain`, for pairs whose rows are stored.",
        )
        .gives(
            TEXT,
            text("One line per pair: a contribution per feature, the base last, separated by commas."),
        )
        .gives(JSON, named::<Explanations<'static>>());
    let recommend = Operation::get("/recommend/{user_id}", "recommend", TAG)
        .says(
            "Rank a customer's products",
            "Every stored product of the customer is scored; the likeliest come first.",
        )
        .path("user_id", "The customer.", id(), json!("1"))
        .query("limit", "How many products.", limit(), json!(5))
        .gives(TEXT, text("One line per product: identifier and score, as CSV."))
        .gives(JSON, named::<Recommendations<'static>>());
    let users = Operation::get("/users", "users", TAG)
        .says("List customers", "The first in order whose identifiers begin so.")
        .query("prefix", "How identifiers begin; empty for all.", text("A beginning."), json!("1"))
        .query("limit", "How many customers.", limit(), json!(5))
        .gives(JSON, named::<Users>());
    let model = Operation::get("/model", "model", TAG)
        .says(
            "What scores here",
            "Names, threshold, version, the model's card, the table in use, and what they can do.",
        )
        .gives(JSON, named::<Model<'static>>());

    document
        .operation(scored(takes_rows(predict)).fails(PROBLEM, &[ROWS, NEGOTIATED].concat()))
        .operation(scored(takes_pairs(predict_pair)).fails(PROBLEM, &[ROWS, NEGOTIATED, PAIRS].concat()))
        .operation(scored(predict_link).fails(PROBLEM, &[ROWS, NEGOTIATED, PAIRS].concat()))
        .operation(scored(takes_rows(explain)).fails(PROBLEM, &[ROWS, NEGOTIATED].concat()))
        .operation(scored(takes_pairs(explain_pair)).fails(PROBLEM, &[ROWS, NEGOTIATED, PAIRS].concat()))
        .operation(scored(recommend).fails(PROBLEM, CUSTOMER))
        .operation(users.fails(PROBLEM, LIST))
        .operation(model.with_header("x-model-version", VERSION).fails(PROBLEM, &[]))
}

const VERSION: &str = "The version of the model that has answered.";

fn scored(operation: Operation) -> Operation {
    operation
        .with_header("x-model-version", VERSION)
        .with_header("server-timing", "Where the time went, in milliseconds.")
}

fn takes_rows(operation: Operation) -> Operation {
    let row = example::line();
    let schema = text(
        "Rows as RFC 4180 writes them: one per line, values in the model's order, or in any order below a header of names. \
         An empty cell is a missing value. `text/plain` and `application/x-www-form-urlencoded`, which is what curl says, \
         are read alike.",
    );
    operation
        .takes(
            CSV,
            schema,
            [
                ("row", "One row, in the model's order", json!(row)),
                (
                    "table",
                    "A header of names, and two rows",
                    json!(format!("{}\n{row}\n{row}", example::names().join(","))),
                ),
            ],
        )
        .takes(
            JSON,
            named::<RowsRequest>(),
            [
                ("list", "A row as a list, in the model's order", json!({"instances": [example::VALUES]})),
                ("object", "A row by names", json!({"instances": [example::by_name()]})),
            ],
        )
}

fn takes_pairs(operation: Operation) -> Operation {
    let schema = text(
        "One pair per line: customer, product; a header `user_id,product_id` may stand above, in either order.",
    );
    operation
        .takes(
            CSV,
            schema,
            [
                ("pair", "One pair", json!("1,2")),
                ("table", "A header of names, and a pair", json!("user_id,product_id\n1,2")),
            ],
        )
        .takes(
            JSON,
            named::<PairsRequest>(),
            [
                ("list", "A pair as a list", json!({"instances": [["1", "2"]]})),
                ("object", "A pair by names", json!({"instances": [{"user_id": "1", "product_id": "2"}]})),
            ],
        )
}

fn id() -> Schema {
    let id =
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX_ID_BYTES));
    id.description(Some("Without control characters; the limit is in bytes.")).build().into()
}

fn limit() -> Schema {
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
        .minimum(Some(1))
        .maximum(Some(LARGEST_LIMIT as f64))
        .default(Some(json!(DEFAULT_LIMIT)));
    limit.build().into()
}
