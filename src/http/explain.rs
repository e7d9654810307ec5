//! `POST /explain` and `POST /explain/pair`: scores, and what each feature adds to them.
//!
//! The text form is that of `imba score --output contributions`: one line per row, one number per feature, the bias last.

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;

use super::negotiate::Reply;
use super::problem::Problem;
use super::{HttpState, answer, observe, predict};
use crate::inference::Stages;
use crate::scorer::{Batch, Explanations};

#[derive(Serialize)]
struct Document<'a> {
    explanations: Vec<Explanation<'a>>,
    feature_names: &'a [String],
    threshold: f64,
    model: &'a str,
}

#[derive(Serialize)]
struct Explanation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_name: Option<&'a str>,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Explained {
        #[serde(flatten)]
        score: answer::Outcome,
        /// The sum of `base` and `contributions`: what the objective turns into the score.
        margin: PerMargin<f64>,
        /// The model's expected margin, its bias, which is where the contributions start.
        base: PerMargin<f64>,
        /// One per feature, in the order of `feature_names`.
        contributions: PerMargin<Vec<f64>>,
        /// What the model saw, in the same order; null is missing.
        values: &'a [f32],
    },
    Failed {
        error: answer::Failure,
    },
}

/// One for most models; several for those of several classes or targets.
#[derive(Serialize)]
#[serde(untagged)]
enum PerMargin<T> {
    One(T),
    Several(Vec<T>),
}

/// `POST /explain`: feature rows to scores and contributions.
pub(super) async fn explain(State(state): State<HttpState>, request: Request) -> Result<Response, Problem> {
    let received = predict::receive(&state, request).await?;
    let (reply, mut stages) = (received.reply, Stages::default());
    let decoded = predict::decode_rows(&state, received, &mut stages).await?;
    let entries = decoded.outcomes.iter().map(|outcome| (None, outcome.cloned().map(Problem::from)));
    reply_with(&state, reply, decoded.items, entries, stages).await
}

/// `POST /explain/pair`: pairs to their stored rows to scores and contributions.
pub(super) async fn explain_pair(
    State(state): State<HttpState>,
    request: Request,
) -> Result<Response, Problem> {
    let received = predict::receive(&state, request).await?;
    let (reply, mut stages) = (received.reply, Stages::default());
    let pairs = predict::decode_pairs(&state, received, &mut stages).await?;
    let (rows, entries) = predict::look_up(&state, reply, &pairs, &mut stages).await?;
    reply_with(&state, reply, rows, entries.into_iter(), stages).await
}

async fn reply_with<'a>(
    state: &'a HttpState,
    reply: Reply,
    rows: Batch,
    entries: impl Iterator<Item = answer::Entry<'a>>,
    mut stages: Stages,
) -> Result<Response, Problem> {
    let explanations = state.0.inference.explain(rows.clone(), &mut stages).await?;
    let response = match reply {
        Reply::Text => text(&explanations),
        Reply::Json => json(state, &explanations, &rows, entries),
    };
    let response = answer::by_model(response, &explanations.scores.model);
    Ok(observe::with_stages(response, stages))
}

fn text(explanations: &Explanations) -> Response {
    let mut body = String::with_capacity(explanations.contributions.len() * 24);
    answer::lines(explanations.rows().map(|(_, _, contributions)| contributions), &mut body);
    answer::text_body(body)
}

fn json<'a>(
    state: &'a HttpState,
    explanations: &Explanations,
    rows: &Batch,
    entries: impl Iterator<Item = answer::Entry<'a>>,
) -> Response {
    let threshold = state.0.inference.threshold();
    let mut explained = explanations.rows().zip(rows.values().chunks_exact(rows.width()));
    let explanations_of_entries = entries.filter_map(|(pair, problem)| {
        let outcome = match problem {
            Some(problem) => Outcome::Failed { error: problem.into() },
            None => outcome(explained.next()?, threshold),
        };
        let (user_id, product_id) = pair.map(|pair| (pair.user(), pair.product())).unzip();
        let product_name = product_id.and_then(|product| state.0.product_names.name(product));
        Some(Explanation { user_id, product_id, product_name, outcome })
    });
    let model = &explanations.scores.model;
    answer::json_document(&Document {
        explanations: explanations_of_entries.collect(),
        feature_names: &model.feature_names,
        threshold,
        model: &model.version,
    })
}

type Explained<'a> = ((&'a [f64], &'a [f32], &'a [f32]), &'a [f32]);

fn outcome(((score, margins, contributions), values): Explained<'_>, threshold: f64) -> Outcome<'_> {
    let wide = |number: &f32| f64::from(*number);
    let of_margins = contributions.chunks_exact(values.len() + 1);
    let (contributions, bases) = of_margins
        .map(|row| (row[..values.len()].iter().map(wide).collect(), wide(&row[values.len()])))
        .unzip();
    Outcome::Explained {
        score: answer::outcome(score, threshold),
        margin: PerMargin::of(margins.iter().map(wide).collect()),
        base: PerMargin::of(bases),
        contributions: PerMargin::of(contributions),
        values,
    }
}

impl<T> PerMargin<T> {
    fn of(mut numbers: Vec<T>) -> Self {
        match numbers.pop() {
            Some(number) if numbers.is_empty() => Self::One(number),
            Some(number) => {
                numbers.push(number);
                Self::Several(numbers)
            }
            None => Self::Several(numbers),
        }
    }
}
