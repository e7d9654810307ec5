//! The scoring endpoints: decode, look up, score, encode.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;

use super::body::{read_body, run_decoder};
use super::negotiate::{Form, Reply, body_form, reply_form};
use super::problem::{Code, Problem};
use super::{HttpState, answer, observe};
use crate::features::PairKey;
use crate::inference::{Inference, Stages};
use crate::rows::{Decoded, RowError, csv, json};
use crate::scorer::Batch;

/// `POST /predict`: feature rows to scores.
pub(super) async fn predict(State(state): State<HttpState>, request: Request) -> Result<Response, Problem> {
    let (reply, form, body) = receive(&state, request).await?;
    let mut stages = Stages::default();
    let Decoded { items: rows, outcomes } =
        decode(&state, body, &mut stages, move |inference, body| match form {
            Form::Csv => csv::feature_rows(body, inference.schema()),
            Form::Json => json::feature_rows(body, inference.schema()),
        })
        .await?;
    if let (Reply::Text, Some((row, error))) = (reply, outcomes.first_failure()) {
        return Err(Problem::from(error.clone()).at_row(row));
    }
    let inference = &state.0.inference;
    let scores = inference.score(rows, &mut stages).await?;
    let response = match reply {
        Reply::Text => answer::text(&scores),
        Reply::Json => {
            let problems = outcomes.iter().map(|outcome| outcome.cloned().map(Problem::from));
            answer::json(&scores, problems.map(|problem| (None, problem)), inference.threshold())
        }
    };
    Ok(observe::with_stages(response, stages))
}

/// `POST /predict/pair`: pairs to their stored rows to scores.
pub(super) async fn predict_pair(
    State(state): State<HttpState>,
    request: Request,
) -> Result<Response, Problem> {
    let (reply, form, body) = receive(&state, request).await?;
    let mut stages = Stages::default();
    let Decoded { items: pairs, outcomes } = decode(&state, body, &mut stages, move |_, body| match form {
        Form::Csv => csv::pairs(body),
        Form::Json => json::pairs(body),
    })
    .await?;
    if let (Reply::Text, Some((row, error))) = (reply, outcomes.first_failure()) {
        return Err(Problem::from(error.clone()).at_row(row));
    }
    let inference = &state.0.inference;
    let found = inference.look_up(&pairs, &mut stages).await?;

    // The bad rows have no pair; the good ones have the next pair each, stored or not.
    let mut rows = Batch::new(inference.schema().width());
    let mut named = pairs.iter().zip(found);
    let mut entries: Vec<(Option<&PairKey>, Option<Problem>)> = Vec::with_capacity(outcomes.count());
    for outcome in outcomes.iter() {
        entries.push(match outcome {
            Some(error) => (None, Some(error.clone().into())),
            None => match named.next().expect("a pair for each good row: its lack is a bug") {
                (pair, Some(row)) => {
                    rows.push(&row);
                    (Some(pair), None)
                }
                (pair, None) => (Some(pair), Some(unknown_pair(pair))),
            },
        });
    }
    if reply == Reply::Text
        && let Some((problem, row)) =
            entries.iter().zip(1..).find_map(|((_, problem), row)| Some((problem.clone()?, row)))
    {
        return Err(problem.at_row(row));
    }
    let scores = inference.score(rows, &mut stages).await?;
    let response = match reply {
        Reply::Text => answer::text(&scores),
        Reply::Json => answer::json(&scores, entries.into_iter(), inference.threshold()),
    };
    Ok(observe::with_stages(response, stages))
}

fn unknown_pair(pair: &PairKey) -> Problem {
    Problem::new(Code::UnknownPair, format!("no features are stored for {pair}"))
}

/// Settles the forms before the body is read, so that a request nobody can answer is not read for nothing.
async fn receive(state: &HttpState, request: Request) -> Result<(Reply, Form, Bytes), Problem> {
    let (reply, form) = (reply_form(request.headers())?, body_form(request.headers())?);
    let body = read_body(request.into_body(), state.0.body_limit).await?;
    Ok((reply, form, body))
}

async fn decode<T: Send + 'static>(
    state: &HttpState,
    body: Bytes,
    stages: &mut Stages,
    decoder: impl FnOnce(&Inference, &[u8]) -> Result<T, RowError> + Send + 'static,
) -> Result<T, Problem> {
    let started = Instant::now();
    let decoded = run_decoder(&state.0.inference, body, decoder).await;
    stages.decode = started.elapsed();
    decoded
}
