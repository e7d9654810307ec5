//! `POST /predict` and `POST /predict/pair`: rows, or pairs whose rows are stored, to scores.

use axum::extract::{Request, State};
use axum::response::Response;

use super::negotiate::ReplyType;
use super::receive::{Question, Received, pairs, receive, rows};
use super::respond;
use super::wire::{Outcome, Prediction, Predictions, Score};
use crate::api::fault::Fault;
use crate::api::state::ApiState;
use crate::formats::text;
use crate::inference::Answer;
use crate::row::PairKey;
use crate::scorer::Scores;

/// What a row costs, by which others are measured.
const WEIGHT: usize = 1;

/// Feature rows to scores.
pub(in crate::api) async fn predict(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let received = receive(&state, request, Question { decode: rows, weight: WEIGHT }).await?;
    answer(&state, received).await
}

/// Pairs to their stored rows to scores.
pub(in crate::api) async fn predict_pair(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let received = receive(&state, request, Question { decode: pairs, weight: WEIGHT }).await?;
    answer(&state, received).await
}

async fn answer(
    state: &ApiState,
    Received { reply, request, decoding, lease }: Received,
) -> Result<Response, Fault> {
    let mut answer = state.inference.predict(request).await?;
    answer.stages.decode = decoding;
    let (model, stages) = (answer.results.model.clone(), answer.stages);
    let is_small = answer.count() <= respond::SMALL_ANSWER;
    let body = state.admission.run(is_small, move || match reply {
        ReplyType::Text => text::lines(answer.results.rows(), answer.results.values.len()).into_bytes(),
        ReplyType::Json => respond::document(&document(&answer)),
    });
    let response = respond::scored(reply, body.await, &model, stages);
    drop(lease);
    Ok(response)
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
