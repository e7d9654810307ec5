//! Objectives: how the stored base score becomes a margin, and a margin becomes a score.
//!
//! The closed table follows `XGBoost`'s own `PredTransform` and `ProbToMargin` of each objective.

use crate::Version;

/// From the stored base score, a value in output space, to the margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Identity,
    /// Of a value strictly between 0 and 1.
    Logit,
    /// Of a value from 0 to 1, after it is brought to within [`LEAST_PROBABILITY`] of neither.
    ClampedLogit,
    /// Whatever the value: that of zero is infinite, that of a negative one is not a number.
    Log,
    /// Of a positive value.
    PositiveLog,
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
    /// The margins in ascending order.
    Sorted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Objective {
    pub(crate) link: Link,
    pub(crate) transform: Transform,
}

/// The rules of a named objective; `None` for a name without a defined transform.
pub(crate) fn lookup(name: &str, version: Option<Version>) -> Option<Objective> {
    let since = |major, minor| version.is_some_and(|version| version >= Version::new(major, minor, 0));
    let logit = if since(3, 2) { Link::ClampedLogit } else { Link::Logit };
    // 0.7 and 0.8 write their GPU variants under names of their own.
    let (link, transform) = match name.strip_prefix("gpu:").unwrap_or(name) {
        "reg:linear"
        | "reg:squarederror"
        | "reg:squaredlogerror"
        | "reg:pseudohubererror"
        | "reg:absoluteerror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map" => (Link::Identity, Transform::Identity),
        "reg:logistic" | "binary:logistic" => (logit, Transform::Logistic),
        // The link went with 1.3 (dmlc/xgboost `regression_loss.h`, `LogisticRaw`).
        "binary:logitraw" => (if since(1, 3) { Link::Identity } else { Link::Logit }, Transform::Identity),
        "binary:hinge" => (Link::Identity, Transform::Hinge),
        "reg:gamma" if since(3, 1) => (Link::PositiveLog, Transform::Exp),
        "reg:gamma" | "reg:tweedie" | "count:poisson" | "survival:cox" | "survival:aft" => {
            (Link::Log, Transform::Exp)
        }
        "multi:softprob" => (Link::Identity, Transform::Softmax),
        "multi:softmax" => (Link::Identity, Transform::Argmax),
        // Since 3.4 several quantiles do not cross; margins still may.
        "reg:quantileerror" => {
            (Link::Identity, if since(3, 4) { Transform::Sorted } else { Transform::Identity })
        }
        // Several expectiles must not cross (dmlc/xgboost `objective/expectile_obj.cc`).
        "reg:expectileerror" => (Link::Increments, Transform::Increments),
        _ => return None,
    };
    Some(Objective { link, transform })
}

/// Between two expectiles at least.
const LEAST_INCREMENT: f32 = 1e-6;
/// A base score nearer to 0 or 1 counts as this far away, since 3.2 (dmlc/xgboost `common/math.h`, `kRtEps`).
const LEAST_PROBABILITY: f32 = 1e-6;

impl Link {
    /// The base scores that have a margin, in words, unless this is one: as the releases' own checks.
    pub(crate) fn domain(self, base_score: f32) -> Result<(), &'static str> {
        let (fits, domain) = match self {
            Link::Logit => (base_score > 0.0 && base_score < 1.0, "strictly between 0 and 1"),
            Link::ClampedLogit => ((0.0..=1.0).contains(&base_score), "from 0 to 1"),
            Link::PositiveLog => (base_score > 0.0 && base_score.is_finite(), "greater than 0"),
            Link::Identity | Link::Log | Link::Increments => (base_score.is_finite(), "a number"),
        };
        if fits { Ok(()) } else { Err(domain) }
    }

    /// The margins of one base score per output.
    pub(crate) fn margins(self, base_scores: &[f32]) -> Vec<f32> {
        let each = |link: fn(f32) -> f32| base_scores.iter().map(|&score| link(score)).collect();
        match self {
            Link::Identity => base_scores.to_vec(),
            Link::Logit => each(logit),
            Link::ClampedLogit => {
                each(|score| logit(score.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)))
            }
            Link::Log | Link::PositiveLog => each(f32::ln),
            Link::Increments => {
                let first = base_scores.iter().take(1).copied();
                let increments = base_scores.windows(2).map(|pair| pair[1] - pair[0]);
                first.chain(increments.map(|step| softplus_inverse(step - LEAST_INCREMENT))).collect()
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
            Transform::Sorted => row.sort_unstable_by(f32::total_cmp),
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

fn logit(score: f32) -> f32 {
    -(1.0 / score - 1.0).ln()
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
