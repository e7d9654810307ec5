//! What is asked of a model, and its answer as tensors.

use std::sync::Arc;

use crate::api::fault::{Code, Fault};
use crate::api::state::ApiState;
use crate::inference::{InferenceRequest, Input};
use crate::model::ModelInfo;
use crate::row::{Batch, Decoded, excerpt};
use crate::scorer::{Explanations, Output, Scores};
use crate::telemetry::Stages;

/// Answers of up to this many numbers are encoded where they are.
pub(super) const SMALL_ANSWER: usize = 4096;
/// About how many scores take as long as one explanation.
const WEIGHT: usize = 64;

/// An output of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Score,
    Margin,
    Leaf,
    Contributions,
}

impl Kind {
    /// The output of that name. Two more are what other servers of XGBoost call the score.
    pub(super) fn parse(name: &str) -> Result<Self, Fault> {
        match name {
            "score" | "predict" | "output-0" => Ok(Self::Score),
            "margin" => Ok(Self::Margin),
            "leaf" => Ok(Self::Leaf),
            "contributions" => Ok(Self::Contributions),
            other => {
                let what = format!(
                    "there is no output {:?}; expected score, margin, leaf or contributions",
                    excerpt(other)
                );
                Err(Fault::new(Code::WrongName, what))
            }
        }
    }

    /// The same, unless it is among those asked for `before`: each is computed once.
    pub(super) fn once<'k>(self, mut before: impl Iterator<Item = &'k Self>) -> Result<Self, Fault> {
        if before.any(|other| *other == self) {
            return Err(Fault::new(Code::WrongName, format!("output {:?} is asked for twice", self.name())));
        }
        Ok(self)
    }

    /// Its own name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Margin => "margin",
            Self::Leaf => "leaf",
            Self::Contributions => "contributions",
        }
    }

    /// The datatype of its values.
    pub(super) fn datatype(self) -> &'static str {
        if self == Self::Leaf { "INT32" } else { "FP32" }
    }
}

/// Parameters that ask for another answer than a tensor, or for one in another place.
const REFUSED: [&str; 2] = ["classification", "shared_memory_region"];

/// Refuses the parameters of the tensor `name` that cannot be skipped.
pub(super) fn check_parameters<'p>(
    name: &str,
    mut parameters: impl Iterator<Item = &'p String>,
) -> Result<(), Fault> {
    match parameters.find(|parameter| REFUSED.contains(&parameter.as_str())) {
        Some(refused) => {
            let name = excerpt(name);
            let what = format!("{name:?}: parameter {refused:?} is of an extension that is not served here");
            Err(Fault::new(Code::WrongParameter, what))
        }
        None => Ok(()),
    }
}

/// One output of an answer.
#[derive(Debug)]
pub(super) struct OutputTensor {
    pub(super) kind: Kind,
    /// `[rows]` where there is one number per row.
    pub(super) shape: Vec<usize>,
    pub(super) values: Values,
}

/// Its values, row-major.
#[derive(Debug)]
pub(super) enum Values {
    Fp32(Vec<f32>),
    Int32(Vec<i32>),
}

impl Values {
    /// Their little-endian bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Fp32(values) => joined(values, f32::to_le_bytes),
            Self::Int32(values) => joined(values, i32::to_le_bytes),
        }
    }
}

fn joined<T: Copy>(values: &[T], bytes: impl Fn(T) -> [u8; 4]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(values.len() * 4);
    for value in values {
        joined.extend_from_slice(&bytes(*value));
    }
    joined
}

/// What was asked for, by one model.
pub(super) struct Answered {
    pub(super) model: Arc<ModelInfo>,
    pub(super) stages: Stages,
    /// In the order of what was asked.
    pub(super) outputs: Vec<OutputTensor>,
}

impl Answered {
    /// The numbers in it.
    pub(super) fn count(&self) -> usize {
        self.outputs.iter().map(|output| output.shape.iter().product::<usize>()).sum()
    }
}

/// The outputs `asked` for `rows`.
pub(super) async fn answer(state: &ApiState, rows: Batch, asked: &[Kind]) -> Result<Answered, Fault> {
    let request = |rows: Batch, output| InferenceRequest {
        input: Input::Rows(Decoded::good(rows, Batch::len)),
        target: None,
        output,
        all_or_nothing: true,
    };
    if asked.contains(&Kind::Contributions) {
        // Beyond what was admitted for the rows themselves.
        let _lease =
            if rows.len() > 1 { Some(state.admission.admit(rows.len() * (WEIGHT - 1))?) } else { None };
        let leaves = if asked.contains(&Kind::Leaf) {
            Some(state.inference.predict(request(rows.clone(), Output::Leaf)).await?.results)
        } else {
            None
        };
        let explained = state.inference.explain(request(rows, Output::Score)).await?;
        let (stages, explained) = (explained.stages, explained.results);
        let model = Arc::clone(&explained.scores.model);
        check_same(&model, leaves.as_ref())?;
        let outputs = asked.iter().map(|kind| of_explanations(*kind, &explained, leaves.as_ref())).collect();
        return Ok(Answered { model, stages, outputs });
    }
    let mut stages = Stages::default();
    let mut model: Option<Arc<ModelInfo>> = None;
    let mut outputs = Vec::with_capacity(asked.len());
    let mut rows = Some(rows);
    for (at, kind) in asked.iter().enumerate() {
        // The last one takes the rows themselves.
        let last = at + 1 == asked.len();
        let rows = if last { rows.take() } else { rows.clone() }.expect("rows for each: this is a bug");
        let output = match kind {
            Kind::Margin => Output::Margin,
            Kind::Leaf => Output::Leaf,
            _ => Output::Score,
        };
        let answer = state.inference.predict(request(rows, output)).await?;
        stages.score += answer.stages.score;
        let scores = answer.results;
        check_same(model.get_or_insert_with(|| Arc::clone(&scores.model)), Some(&scores))?;
        outputs.push(of_scores(*kind, &scores));
    }
    let model = model.expect("one output at least: this is a bug");
    Ok(Answered { model, stages, outputs })
}

/// A model may be replaced between two outputs of a request; an answer is of one.
fn check_same(model: &ModelInfo, scores: Option<&Scores>) -> Result<(), Fault> {
    if scores.is_none_or(|scores| scores.model.version == model.version) {
        return Ok(());
    }
    Err(Fault::new(Code::Unavailable, "the model was replaced while it answered; try again"))
}

fn of_scores(kind: Kind, scores: &Scores) -> OutputTensor {
    let values = match kind {
        Kind::Leaf => Values::Int32(scores.values.iter().map(|leaf| *leaf as i32).collect()),
        _ => Values::Fp32(scores.values.iter().map(|score| *score as f32).collect()),
    };
    let rows = scores.values.len() / scores.width;
    let shape = if scores.width == 1 && kind != Kind::Leaf { vec![rows] } else { vec![rows, scores.width] };
    OutputTensor { kind, shape, values }
}

fn of_explanations(kind: Kind, explained: &Explanations, leaves: Option<&Scores>) -> OutputTensor {
    let (rows, margins) = (explained.rows.len(), explained.margins_per_row);
    let (values, inner) = match kind {
        Kind::Score => return of_scores(kind, &explained.scores),
        Kind::Leaf => {
            return of_scores(kind, leaves.expect("leaves where they were asked for: this is a bug"));
        }
        Kind::Margin => (&explained.margins, None),
        Kind::Contributions => (&explained.contributions, Some(explained.rows.width() + 1)),
    };
    let several = (margins > 1).then_some(margins);
    let shape = [Some(rows), several, inner].into_iter().flatten().collect();
    OutputTensor { kind, shape, values: Values::Fp32(values.clone()) }
}

/// Whether each output can be given here.
pub(super) fn offered(state: &ApiState) -> Vec<Kind> {
    let mut kinds = vec![Kind::Score];
    if state.inference.model().trees.is_some() {
        kinds.extend([Kind::Margin, Kind::Leaf]);
    }
    if state.inference.explains() {
        kinds.push(Kind::Contributions);
    }
    kinds
}
