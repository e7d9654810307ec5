//! `GET /recommend/{user_id}` and `GET /users`: what a user will buy next, and which users there are.

use std::error::Error;
use std::str::FromStr;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::negotiate::{ReplyType, reply_type};
use super::respond;
use super::wire::{Recommendation, Recommendations, Users};
use crate::api::fault::{Code, Fault};
use crate::api::json;
use crate::api::state::ApiState;
use crate::api::target::target;
use crate::formats::csv;
use crate::inference::Ranking;
use crate::products::ProductNames;
use crate::row::{check_id, excerpt, python_float};

/// Products that are ranked when the request does not say how many.
pub(super) const DEFAULT_LIMIT: usize = 10;
/// Most products or users in one answer.
pub(super) const LARGEST_LIMIT: usize = 1000;

/// The parameters after the `?`; others are refused, because a mistyped one would be silently without effect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Limit {
    limit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Prefix {
    #[serde(default)]
    prefix: String,
    limit: Option<String>,
}

/// `GET /recommend/{user_id}?limit=10`: the user's products, the likeliest first.
pub(in crate::api) async fn recommend(
    State(state): State<ApiState>,
    user: Result<Path<String>, PathRejection>,
    query: Result<Query<Limit>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (reply, target) = (reply_type(&headers)?, target(&headers, &state.pass_headers)?);
    let Path(user) = user.map_err(|_| wrong("user_id is not UTF-8".to_owned()))?;
    check_id(&user).map_err(|error| wrong(format!("user_id {error}")))?;
    let Query(Limit { limit }) = query.map_err(|error| unread(&error))?;
    let limit = number(limit.as_deref())?;

    let all_or_nothing = reply == ReplyType::Text;
    let ranking = state.inference.recommend(&user, limit, target, all_or_nothing).await?;
    let body = match reply {
        ReplyType::Text => text(&ranking),
        ReplyType::Json => json::bytes(&document(&user, &ranking, &state.product_names)),
    };
    let response = respond::scored(reply, body, &ranking.model, ranking.stages);
    Ok(if ranking.unreadable.is_empty() { response } else { respond::partial(response) })
}

/// `GET /users?prefix=1&limit=10`: the first users in order whose identifiers begin so.
pub(in crate::api) async fn users(
    State(state): State<ApiState>,
    query: Result<Query<Prefix>, QueryRejection>,
) -> Result<Response, Fault> {
    let Query(Prefix { prefix, limit }) = query.map_err(|error| unread(&error))?;
    let users = state.inference.users(&prefix, number(limit.as_deref())?).await?;
    Ok(respond::reply(ReplyType::Json, json::bytes(&Users { users })))
}

/// One line per product: identifier and score, as CSV.
fn text(ranking: &Ranking) -> Vec<u8> {
    let mut lines = String::new();
    for (at, ranked) in ranking.products.iter().enumerate() {
        if at > 0 {
            lines.push('\n');
        }
        csv::write_cell(&ranked.product, &mut lines);
        lines.push(',');
        python_float(ranked.score, &mut lines);
    }
    lines.into_bytes()
}

fn document<'a>(user_id: &'a str, ranking: &'a Ranking, names: &'a ProductNames) -> Recommendations<'a> {
    let recommendations = ranking.products.iter().map(|ranked| Recommendation {
        product_id: &ranked.product,
        product_name: names.name(&ranked.product),
        score: ranked.score,
        likely: ranked.likely,
        feature_time: ranked.feature_time.as_deref(),
    });
    Recommendations {
        user_id,
        stored: ranking.stored,
        recommendations: recommendations.collect(),
        unreadable: &ranking.unreadable,
        threshold: ranking.threshold,
        model: &ranking.model.version,
    }
}

fn number(limit: Option<&str>) -> Result<usize, Fault> {
    let Some(text) = limit else { return Ok(DEFAULT_LIMIT) };
    let limit = usize::from_str(text).ok().filter(|limit| (1..=LARGEST_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        let found = excerpt(text);
        wrong(format!("limit is {found:?}; expected a whole number from 1 to {LARGEST_LIMIT}"))
    })
}

pub(super) fn unread(error: &QueryRejection) -> Fault {
    wrong(error.source().map_or_else(|| error.body_text(), ToString::to_string))
}

fn wrong(detail: String) -> Fault {
    Fault::new(Code::WrongParameter, detail)
}
