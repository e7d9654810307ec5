//! `GET /recommend/{user_id}` and `GET /users`: what a user will buy next, and which users there are.

use std::error::Error;
use std::str::FromStr;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::negotiate::{Reply, reply_form};
use super::problem::{Code, Problem};
use super::python_float::python_float;
use super::target::target;
use super::{HttpState, answer, observe};
use crate::features::check_id;
use crate::inference::Stages;
use crate::inference::recommend::Ranking;

/// Products that are ranked when the request does not say how many.
const DEFAULT_LIMIT: usize = 10;
/// Most products or users in one answer.
const LARGEST_LIMIT: usize = 1000;

/// The parameters after the `?`; others are refused, because a mistyped one would be silently without effect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefix {
    #[serde(default)]
    prefix: String,
    limit: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    user_id: &'a str,
    stored: usize,
    recommendations: Vec<Recommendation<'a>>,
    threshold: f64,
    model: &'a str,
}

#[derive(Serialize)]
struct Recommendation<'a> {
    product_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_name: Option<&'a str>,
    score: f64,
    likely: bool,
}

#[derive(Serialize)]
struct Users {
    users: Vec<String>,
}

/// `GET /recommend/{user_id}?limit=10`: the user's products, the likeliest first.
pub(super) async fn recommend(
    State(state): State<HttpState>,
    user: Result<Path<String>, PathRejection>,
    query: Result<Query<Limit>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (reply, target) = (reply_form(&headers)?, target(&headers, &state.0.passed)?);
    let Path(user) = user.map_err(|_| wrong("user_id is not UTF-8".to_owned()))?;
    check_id(&user).map_err(|error| wrong(format!("user_id {error}")))?;
    let Query(Limit { limit }) = query.map_err(|error| unread(&error))?;
    let limit = number(limit.as_deref())?;

    let mut stages = Stages::default();
    let ranking = state.0.inference.recommend(&user, limit, target, &mut stages).await?;
    if ranking.stored == 0 {
        return Err(Problem::new(Code::UnknownUser, format!("no features are stored for user {user}")));
    }
    let response = match reply {
        Reply::Text => text(&ranking),
        Reply::Json => json(&state, &user, &ranking),
    };
    Ok(observe::with_stages(answer::by_model(response, &ranking.model), stages))
}

/// `GET /users?prefix=1&limit=10`: the first users in order whose identifiers begin so.
pub(super) async fn users(
    State(state): State<HttpState>,
    query: Result<Query<Prefix>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Prefix { prefix, limit }) = query.map_err(|error| unread(&error))?;
    let limit = number(limit.as_deref())?;
    match state.0.inference.users(&prefix, limit).await? {
        Some(users) => Ok(answer::json_document(&Users { users })),
        None => Err(Problem::new(Code::Unsupported, "the feature store in use cannot list its users")),
    }
}

/// One line per product: identifier and score, as CSV.
fn text(ranking: &Ranking) -> Response {
    let mut lines = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    for (product, score) in &ranking.products {
        let mut number = String::new();
        python_float(*score, &mut number);
        lines
            .write_record([product.as_str(), &number])
            .unwrap_or_else(|_| unreachable!("writing to memory does not fail"));
    }
    let mut body = lines.into_inner().unwrap_or_else(|_| unreachable!("writing to memory does not fail"));
    // As in every text answer: no line end after the last line.
    body.pop();
    answer::text_body(body)
}

fn json(state: &HttpState, user_id: &str, ranking: &Ranking) -> Response {
    let threshold = state.0.inference.threshold();
    let recommendations = ranking.products.iter().map(|(product_id, score)| {
        let score = *score;
        let product_name = state.0.product_names.name(product_id);
        Recommendation { product_id, product_name, score, likely: score > threshold }
    });
    answer::json_document(&Document {
        user_id,
        stored: ranking.stored,
        recommendations: recommendations.collect(),
        threshold,
        model: &ranking.model.version,
    })
}

fn number(limit: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = limit else { return Ok(DEFAULT_LIMIT) };
    let limit = usize::from_str(text).ok().filter(|limit| (1..=LARGEST_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        let found = crate::schema::excerpt(text);
        wrong(format!("limit is {found:?}; expected a whole number from 1 to {LARGEST_LIMIT}"))
    })
}

fn unread(error: &QueryRejection) -> Problem {
    wrong(error.source().map_or_else(|| error.body_text(), ToString::to_string))
}

fn wrong(detail: String) -> Problem {
    Problem::new(Code::WrongParameter, detail)
}
