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
    /// The inverse of [`Transform::Increments`].
    Increments,
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
    /// Outputs in ascending order: the first margin, then each output the softplus of its margin above the last.
    Increments,
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
        // Several expectiles must not cross (dmlc/xgboost `objective/expectile_obj.cc`).
        "reg:expectileerror" => (Link::Increments, Transform::Increments),
        _ => return None,
    };
    Some(Objective { link, transform })
}

/// Between two expectiles at least.
const LEAST_INCREMENT: f32 = 1e-6;

impl Link {
    /// The margins of one base score per output.
    pub(crate) fn margins(self, base_scores: &[f32]) -> Vec<f32> {
        let each = |link: fn(f32) -> f32| base_scores.iter().map(|&score| link(score)).collect();
        match self {
            Link::Identity => base_scores.to_vec(),
            Link::Logit => each(|score| -(1.0 / score - 1.0).ln()),
            Link::Log => each(f32::ln),
            Link::Increments => {
                let first = base_scores.iter().take(1).copied();
                let increments = base_scores.array_windows();
                first
                    .chain(increments.map(|[last, next]| softplus_inverse(next - last - LEAST_INCREMENT)))
                    .collect()
            }
        }
    }
}

impl Transform {
    /// Turns the margins of one row into scores, in place; [`Transform::outputs`] of them count.
    pub(crate) fn apply(self, row: &mut [f32]) {
        match self {
            Transform::Identity => {}
            Transform::Logistic => each(row, sigmoid),
            Transform::Exp => each(row, f32::exp),
            Transform::Hinge => each(row, |margin| if margin > 0.0 { 1.0 } else { 0.0 }),
            Transform::Softmax => softmax(row),
            Transform::Argmax => row[0] = argmax(row) as f32,
            Transform::Increments => {
                for output in 1..row.len() {
                    row[output] = row[output - 1] + (LEAST_INCREMENT + softplus(row[output]));
                }
            }
        }
    }

    /// Scores per row, given margins per row.
    pub(crate) fn outputs(self, margins: usize) -> usize {
        if self == Transform::Argmax { 1 } else { margins }
    }
}

fn each(row: &mut [f32], transform: impl Fn(f32) -> f32) {
    for number in row {
        *number = transform(*number);
    }
}

/// The clamp keeps `exp` finite, as in dmlc/xgboost `common/math.h`.
fn sigmoid(margin: f32) -> f32 {
    1.0 / ((-margin).min(88.7).exp() + 1.0)
}

fn softplus(margin: f32) -> f32 {
    margin.max(0.0) + (-margin.abs()).exp().ln_1p()
}

fn softplus_inverse(increment: f32) -> f32 {
    let increment = increment.max(LEAST_INCREMENT);
    increment + (-(-increment).exp_m1()).ln()
}

/// Exponentials in float32, their sum in float64, as in dmlc/xgboost `common/math.h`.
fn softmax(row: &mut [f32]) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    each(row, |margin| (margin - most).exp());
    let sum = row.iter().map(|&power| f64::from(power)).sum::<f64>() as f32;
    each(row, |power| power / sum);
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
