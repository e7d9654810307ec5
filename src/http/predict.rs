//! The scoring endpoints: decode, look up, score, encode.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;

use super::body::{read_body, run_decoder};
use super::negotiate::{Form, Reply, body_form, reply_form};
use super::problem::{Code, Problem};
use super::target::target;
use super::{HttpState, answer, observe};
use crate::features::PairKey;
use crate::inference::{Inference, Stages};
use crate::rows::{Decoded, RowError, csv, json};
use crate::scorer::{Batch, Target};

/// `POST /predict`: feature rows to scores.
pub(super) async fn predict(State(state): State<HttpState>, request: Request) -> Result<Response, Problem> {
    let received = receive(&state, request).await?;
    let (reply, target) = (received.reply, received.target.clone());
    let mut stages = Stages::default();
    let Decoded { items: rows, outcomes } = decode_rows(&state, received, &mut stages).await?;
    let inference = &state.0.inference;
    let scores = inference.score(rows.aimed_at(target), &mut stages).await?;
    let response = match reply {
        Reply::Text => answer::text(&scores),
        Reply::Json => {
            let problems = outcomes.iter().map(|outcome| outcome.cloned().map(Problem::from));
            answer::json(&scores, problems.map(|problem| (None, problem)), inference.threshold())
        }
    };
    Ok(observe::with_stages(answer::by_model(response, &scores.model), stages))
}

/// `POST /predict/pair`: pairs to their stored rows to scores.
pub(super) async fn predict_pair(
    State(state): State<HttpState>,
    request: Request,
) -> Result<Response, Problem> {
    let received = receive(&state, request).await?;
    let (reply, target) = (received.reply, received.target.clone());
    let mut stages = Stages::default();
    let pairs = decode_pairs(&state, received, &mut stages).await?;
    let (rows, entries) = look_up(&state, reply, &pairs, &mut stages).await?;
    let inference = &state.0.inference;
    let scores = inference.score(rows.aimed_at(target), &mut stages).await?;
    let response = match reply {
        Reply::Text => answer::text(&scores),
        Reply::Json => answer::json(&scores, entries.into_iter(), inference.threshold()),
    };
    Ok(observe::with_stages(answer::by_model(response, &scores.model), stages))
}

/// A request as it came in: its body, and the forms of that and of the answer.
pub(super) struct Received {
    pub(super) reply: Reply,
    pub(super) target: Option<Arc<Target>>,
    form: Form,
    body: Bytes,
}

/// The pairs of a body; for an answer in text, all of them good.
pub(super) async fn decode_pairs(
    state: &HttpState,
    Received { reply, form, body, .. }: Received,
    stages: &mut Stages,
) -> Result<Decoded<Vec<PairKey>>, Problem> {
    let decoded = decode(state, body, stages, move |_, body| match form {
        Form::Csv => csv::pairs(body),
        Form::Json => json::pairs(body),
    })
    .await?;
    all_good_for_text(reply, decoded)
}

/// The feature rows of a body; for an answer in text, all of them good.
pub(super) async fn decode_rows(
    state: &HttpState,
    Received { reply, form, body, .. }: Received,
    stages: &mut Stages,
) -> Result<Decoded<Batch>, Problem> {
    let decoded = decode(state, body, stages, move |inference, body| match form {
        Form::Csv => csv::feature_rows(body, inference.schema()),
        Form::Json => json::feature_rows(body, inference.schema()),
    })
    .await?;
    all_good_for_text(reply, decoded)
}

/// Text has no room for what is wrong with one row: the first bad one fails the request.
fn all_good_for_text<T>(reply: Reply, decoded: Decoded<T>) -> Result<Decoded<T>, Problem> {
    match (reply, decoded.outcomes.first_failure()) {
        (Reply::Text, Some((row, error))) => Err(Problem::from(error.clone()).at_row(row)),
        _ => Ok(decoded),
    }
}

/// The stored rows of `pairs`, and what became of each row of the request; for an answer in text, all of them good.
pub(super) async fn look_up<'p>(
    state: &HttpState,
    reply: Reply,
    Decoded { items: pairs, outcomes }: &'p Decoded<Vec<PairKey>>,
    stages: &mut Stages,
) -> Result<(Batch, Vec<answer::Entry<'p>>), Problem> {
    let inference = &state.0.inference;
    let found = inference.look_up(pairs, stages).await?;

    // The bad rows have no pair; the good ones have the next pair each, stored or not.
    let mut rows = Batch::new(inference.schema().width());
    let mut named = pairs.iter().zip(found);
    let mut entries: Vec<answer::Entry<'p>> = Vec::with_capacity(outcomes.count());
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
    Ok((rows, entries))
}

fn unknown_pair(pair: &PairKey) -> Problem {
    Problem::new(Code::UnknownPair, format!("no features are stored for {pair}"))
}

/// Settles the forms before the body is read, so that a request nobody can answer is not read for nothing.
pub(super) fn receive(
    state: &HttpState,
    request: Request,
) -> impl Future<Output = Result<Received, Problem>> + use<> {
    let forms = forms(state, request.headers());
    let body = read_body(request, state.0.body_limit);
    async move {
        let (reply, form, target) = forms?;
        Ok(Received { reply, target, form, body: body.await? })
    }
}

fn forms(state: &HttpState, headers: &HeaderMap) -> Result<(Reply, Form, Option<Arc<Target>>), Problem> {
    Ok((reply_form(headers)?, body_form(headers)?, target(headers, &state.0.passed)?))
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
