//! Objectives: how the stored base score becomes a margin, and a margin becomes a score.
//!
//! The closed table follows `XGBoost`'s own `PredTransform` and `ProbToMargin` of each objective.

use crate::Version;

/// From the stored base score, a value in output space, to the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Identity,
    Logit,
    Log,
}

/// From margins to scores, for one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transform {
    Identity,
    Logistic,
    Exp,
    /// 1 if the margin is positive, else 0.
    Hinge,
    /// Probabilities over the classes.
    Softmax,
    /// The index of the greatest margin: one output for all classes.
    Argmax,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Objective {
    pub(crate) link: Link,
    pub(crate) transform: Transform,
}

/// The rules of a named objective; `None` for a name without a defined transform.
pub(crate) fn lookup(name: &str, version: Option<Version>) -> Option<Objective> {
    // 0.7 and 0.8 write their GPU variants under names of their own.
    let (link, transform) = match name.strip_prefix("gpu:").unwrap_or(name) {
        "reg:linear"
        | "reg:squarederror"
        | "reg:squaredlogerror"
        | "reg:pseudohubererror"
        | "reg:absoluteerror"
        | "reg:quantileerror"
        | "reg:expectileerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (Link::Identity, Transform::Identity),
        "reg:logistic" | "binary:logistic" => (Link::Logit, Transform::Logistic),
        "binary:logitraw" => {
            // Identity since 1.3 (dmlc/xgboost `regression_loss.h`, `LogisticRaw`).
            let identity = version.is_some_and(|version| version >= Version::new(1, 3, 0));
            (if identity { Link::Identity } else { Link::Logit }, Transform::Identity)
        }
        "binary:hinge" => (Link::Identity, Transform::Hinge),
        "reg:gamma" | "reg:tweedie" | "count:poisson" | "survival:cox" | "survival:aft" => {
            (Link::Log, Transform::Exp)
        }
        "multi:softprob" => (Link::Identity, Transform::Softmax),
        "multi:softmax" => (Link::Identity, Transform::Argmax),
        _ => return None,
    };
    Some(Objective { link, transform })
}

impl Link {
    pub(crate) fn margin(self, base_score: f32) -> f32 {
        match self {
            Link::Identity => base_score,
            Link::Logit => -(1.0 / base_score - 1.0).ln(),
            Link::Log => base_score.ln(),
        }
    }
}

impl Transform {
    /// Writes the scores of one row; `scores` holds [`Transform::outputs`] numbers.
    pub(crate) fn apply(self, margins: &[f32], scores: &mut [f32]) {
        match self {
            Transform::Identity => scores.copy_from_slice(margins),
            Transform::Logistic => each(margins, scores, sigmoid),
            Transform::Exp => each(margins, scores, f32::exp),
            Transform::Hinge => each(margins, scores, |margin| if margin > 0.0 { 1.0 } else { 0.0 }),
            Transform::Softmax => softmax(margins, scores),
            Transform::Argmax => scores[0] = argmax(margins) as f32,
        }
    }

    /// Scores per row, given margins per row.
    pub(crate) fn outputs(self, margins: usize) -> usize {
        if self == Transform::Argmax { 1 } else { margins }
    }
}

fn each(margins: &[f32], scores: &mut [f32], transform: impl Fn(f32) -> f32) {
    for (score, &margin) in scores.iter_mut().zip(margins) {
        *score = transform(margin);
    }
}

/// The clamp keeps `exp` finite, as in dmlc/xgboost `common/math.h`.
fn sigmoid(margin: f32) -> f32 {
    1.0 / ((-margin).min(88.7).exp() + 1.0)
}

/// Exponentials in float32, their sum in float64, as in dmlc/xgboost `common/math.h`.
fn softmax(margins: &[f32], scores: &mut [f32]) {
    let most = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    each(margins, scores, |margin| (margin - most).exp());
    let sum = scores.iter().map(|&score| f64::from(score)).sum::<f64>() as f32;
    for score in scores {
        *score /= sum;
    }
}

/// The first of the greatest.
fn argmax(margins: &[f32]) -> usize {
    let mut best = 0;
    for (class, margin) in margins.iter().enumerate() {
        if *margin > margins[best] {
            best = class;
        }
    }
    best
}
