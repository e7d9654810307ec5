//! `POST /predict` and `POST /predict/pair`: rows, or pairs whose rows are stored, to scores.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::negotiate::ReplyType;
use super::receive::{Reply, pairs, receive, rows};
use super::wire::{Outcome, Prediction, Predictions, Score};
use crate::api::fault::Fault;
use crate::api::json;
use crate::api::state::ApiState;
use crate::formats::text;
use crate::inference::{Answer, InferenceRequest};
use crate::row::PairKey;
use crate::scorer::Scores;

/// What a row costs, by which others are measured.
const WEIGHT: usize = 1;

/// Feature rows to scores.
pub(in crate::api) async fn predict(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let (request, reply) = receive(&state, request, rows, WEIGHT).await?;
    answer(&state, request, reply).await
}

/// Pairs to their stored rows to scores.
pub(in crate::api) async fn predict_pair(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let (request, reply) = receive(&state, request, pairs, WEIGHT).await?;
    answer(&state, request, reply).await
}

pub(super) async fn answer(
    state: &ApiState,
    request: InferenceRequest,
    reply: Reply,
) -> Result<Response, Fault> {
    let answer = state.inference.predict(request).await?;
    let model = Arc::clone(&answer.results.model);
    let encode = |answer: &Answer<Scores>, type_| match type_ {
        ReplyType::Text => text::lines(answer.results.rows(), answer.results.values.len()).into_bytes(),
        ReplyType::Json => json::bytes(&document(answer)),
    };
    Ok(reply.encode(state, answer, model, encode).await)
}

fn document(answer: &Answer<Scores>) -> Predictions<'_> {
    let predictions = answer
        .rows()
        .map(|row| {
            let (user_id, product_id) = row.pair.map(|pair: &PairKey| (pair.user(), pair.product())).unzip();
            let outcome = match row.outcome {
                Ok(score) => Outcome::Good(Score::new(score, answer.is_likely(score))),
                Err(error) => Outcome::Bad { error: error.into() },
            };
            Prediction { user_id, product_id, feature_time: row.feature_time, outcome }
        })
        .collect();
    Predictions { predictions, threshold: answer.threshold, model: &answer.results.model.version }
}
