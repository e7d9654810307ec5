//! `POST /explain` and `POST /explain/pair`: scores, and what each feature adds to them.
//!
//! The text form is that of `imba score --output contributions`: one line per row, one number per feature, the bias last.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::negotiate::ReplyType;
use super::receive::{Reply, pairs, receive, rows};
use super::wire::{Explained, Explanation, Explanations, Outcome, Score};
use crate::api::fault::Fault;
use crate::api::json;
use crate::api::state::ApiState;
use crate::formats::text;
use crate::inference::{Answer, InferenceRequest};
use crate::products::ProductNames;
use crate::row::PairKey;
use crate::scorer;

/// About how many scores take as long as one explanation.
const WEIGHT: usize = 64;

/// Feature rows to scores and contributions.
pub(in crate::api) async fn explain(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let (request, reply) = receive(&state, request, rows, WEIGHT).await?;
    answer(&state, request, reply).await
}

/// Pairs to their stored rows to scores and contributions.
pub(in crate::api) async fn explain_pair(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let (request, reply) = receive(&state, request, pairs, WEIGHT).await?;
    answer(&state, request, reply).await
}

async fn answer(state: &ApiState, request: InferenceRequest, reply: Reply) -> Result<Response, Fault> {
    let answer = state.inference.explain(request).await?;
    let (model, names) = (Arc::clone(&answer.results.scores.model), Arc::clone(&state.product_names));
    let encode = move |answer: &Answer<scorer::Explanations>, type_| match type_ {
        ReplyType::Text => {
            let rows = answer.results.rows().map(|row| row.contributions);
            text::lines(rows, answer.results.contributions.len()).into_bytes()
        }
        ReplyType::Json => json::bytes(&document(answer, &names)),
    };
    Ok(reply.encode(state, answer, model, encode).await)
}

fn document<'a>(answer: &'a Answer<scorer::Explanations>, names: &'a ProductNames) -> Explanations<'a> {
    let explanations = answer
        .rows()
        .map(|row| {
            let (user_id, product_id) = row.pair.map(|pair: &PairKey| (pair.user(), pair.product())).unzip();
            let product_name = product_id.and_then(|product| names.name(product));
            let outcome = match row.outcome {
                Ok(explained) => Outcome::Good(explanation(explained, answer.is_likely(explained.score))),
                Err(error) => Outcome::Bad { error: error.into() },
            };
            Explanation { user_id, product_id, product_name, feature_time: row.feature_time, outcome }
        })
        .collect();
    let model = &answer.results.scores.model;
    Explanations {
        explanations,
        feature_names: &model.feature_names,
        threshold: answer.threshold,
        model: &model.version,
    }
}

fn explanation(explained: scorer::Explanation<'_>, likely: Option<bool>) -> Explained<'_> {
    let scorer::Explanation { values, score, margins, contributions } = explained;
    let wide = |number: &f32| f64::from(*number);
    let (contributions, bases): (Vec<Vec<f64>>, Vec<f64>) = contributions
        .chunks_exact(values.len() + 1)
        .map(|row| (row[..values.len()].iter().map(wide).collect(), wide(&row[values.len()])))
        .unzip();
    Explained {
        score: Score::new(score, likely),
        margin: margins.iter().map(wide).collect::<Vec<_>>().into(),
        base: bases.into(),
        contributions: contributions.into(),
        values,
    }
}
