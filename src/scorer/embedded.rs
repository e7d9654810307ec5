//! The embedded scorer: the model in this process.
//!
//! A few rows are scored on the caller's thread, in less time than a hand-over to another takes. Larger batches go to
//! the blocking pool piece by piece, so that other requests, and this one's deadline, get their turn between pieces.
//! The model may be replaced at any time; each batch is scored by the one it began with.

use std::error::Error;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;

use super::{Batch, Explanations, ModelInfo, ScoreError, Scorer, Scores, model_version};
use crate::model::ModelHolder;

/// Up to this many rows are scored where they are.
const INLINE_ROWS: usize = 256;
/// Batch scored between two chances to stop.
const PIECE_ROWS: usize = 4096;
/// The same two for explanations, each of which takes as long as hundreds of scores.
const INLINE_EXPLAINED: usize = 1;
const PIECE_EXPLAINED: usize = 128;

/// An XGBoost model and the scoring of rows by it.
pub struct EmbeddedScorer {
    columns: Vec<String>,
    loaded: ArcSwap<Loaded>,
}

/// A model that has scored a row.
struct Loaded {
    model: gbtree::Model,
    info: Arc<ModelInfo>,
    explains: bool,
}

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a model, or not one this program evaluates.
    #[error("{0}")]
    NotAModel(#[from] gbtree::LoadError),
    /// The model takes other inputs than the configuration names.
    #[error("the model does not fit features.columns: {0}")]
    OtherColumns(String),
    /// The model cannot score a row of which nothing is known.
    #[error("the model gives no score: {0}")]
    GivesNoScore(#[from] ScoreError),
}

impl EmbeddedScorer {
    /// Scores by the model in `file`, whose inputs must be `columns`, in order.
    ///
    /// # Errors
    /// The bytes are not a model, or it is one of other inputs, or one that cannot score a row.
    pub fn new(file: &[u8], columns: Vec<String>) -> Result<Self, LoadError> {
        let loaded = Loaded::read(file, &columns)?;
        Ok(Self { columns, loaded: ArcSwap::from_pointee(loaded) })
    }
}

impl Loaded {
    fn read(file: &[u8], columns: &[String]) -> Result<Self, LoadError> {
        let model = gbtree::Model::from_bytes(file)?;
        check_columns(&model, columns)?;
        let nothing_known = vec![f32::NAN; columns.len()];
        let mut score = vec![0.0; model.num_outputs()];
        predict(&model, &nothing_known, &mut score)?;
        check_finite(&score, score.len())?;
        let info = ModelInfo {
            version: model_version(file),
            feature_names: columns.to_vec(),
            objective: Some(model.objective().to_owned()),
            trees: Some(model.num_trees()),
            outputs: model.num_outputs(),
        };
        let explains = explain(&model, &nothing_known).is_ok();
        Ok(Self { model, info: Arc::new(info), explains })
    }
}

impl ModelHolder for EmbeddedScorer {
    fn current(&self) -> Arc<ModelInfo> {
        self.info()
    }

    fn replace(&self, file: &[u8]) -> Result<Arc<ModelInfo>, Box<dyn Error + Send + Sync>> {
        if model_version(file) != self.info().version {
            self.loaded.store(Arc::new(Loaded::read(file, &self.columns)?));
        }
        Ok(self.info())
    }
}

#[async_trait]
impl Scorer for EmbeddedScorer {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn info(&self) -> Arc<ModelInfo> {
        Arc::clone(&self.loaded.load().info)
    }

    async fn score(&self, rows: Batch) -> Result<Scores, ScoreError> {
        let loaded = self.loaded.load_full();
        let outputs = loaded.info.outputs;
        let mut values = vec![0.0; rows.len() * outputs];
        if rows.len() <= INLINE_ROWS {
            predict(&loaded.model, rows.values(), &mut values)?;
        } else {
            let rows = Arc::new(rows);
            for (piece, out) in values.chunks_mut(PIECE_ROWS * outputs).enumerate() {
                let (loaded, rows) = (Arc::clone(&loaded), Arc::clone(&rows));
                let mut scores = vec![0.0; out.len()];
                let from = piece * PIECE_ROWS * rows.width();
                let to = from + scores.len() / outputs * rows.width();
                let scored = tokio::task::spawn_blocking(move || {
                    predict(&loaded.model, &rows.values()[from..to], &mut scores).map(|()| scores)
                });
                out.copy_from_slice(&scored.await.map_err(|error| ScoreError::Unavailable(error.into()))??);
            }
        }
        check_finite(&values, outputs)?;
        Ok(Scores { model: Arc::clone(&loaded.info), values: widened(&values) })
    }

    fn explains(&self) -> bool {
        self.loaded.load().explains
    }

    async fn explain(&self, rows: Batch) -> Result<Explanations, ScoreError> {
        let loaded = self.loaded.load_full();
        let all = if rows.len() <= INLINE_EXPLAINED {
            explain(&loaded.model, rows.values())?
        } else {
            let (rows, mut all) = (Arc::new(rows), Explained::default());
            for from in (0..rows.len()).step_by(PIECE_EXPLAINED) {
                let to = rows.len().min(from + PIECE_EXPLAINED);
                let (loaded, rows) = (Arc::clone(&loaded), Arc::clone(&rows));
                let explained = tokio::task::spawn_blocking(move || {
                    explain(&loaded.model, &rows.values()[from * rows.width()..to * rows.width()])
                });
                all.append(explained.await.map_err(|error| ScoreError::Unavailable(error.into()))??);
            }
            all
        };
        let Explained { scores, margins, contributions } = all;
        check_finite(&scores, loaded.info.outputs)?;
        check_finite(&contributions, loaded.model.num_contributions())?;
        let scores = Scores { model: Arc::clone(&loaded.info), values: widened(&scores) };
        Ok(Explanations { scores, margins_per_row: loaded.model.num_margins(), margins, contributions })
    }

    /// Scores a row of which nothing is known, as every model can.
    async fn probe(&self) -> Result<(), ScoreError> {
        let mut rows = Batch::new(self.columns.len());
        rows.push(&vec![f32::NAN; rows.width()]);
        self.score(rows).await.map(drop)
    }
}

fn predict(model: &gbtree::Model, rows: &[f32], scores: &mut [f32]) -> Result<(), ScoreError> {
    model.predict(rows, scores).map_err(|error| ScoreError::Rejected(error.to_string()))
}

fn widened(scores: &[f32]) -> Vec<f64> {
    scores.iter().copied().map(f64::from).collect()
}

#[derive(Default)]
struct Explained {
    scores: Vec<f32>,
    margins: Vec<f32>,
    contributions: Vec<f32>,
}

impl Explained {
    fn append(&mut self, piece: Self) {
        self.scores.extend(piece.scores);
        self.margins.extend(piece.margins);
        self.contributions.extend(piece.contributions);
    }
}

fn explain(model: &gbtree::Model, rows: &[f32]) -> Result<Explained, ScoreError> {
    let count = rows.len() / model.num_features();
    let mut explained = Explained {
        scores: vec![0.0; count * model.num_outputs()],
        margins: vec![0.0; count * model.num_margins()],
        contributions: vec![0.0; count * model.num_contributions()],
    };
    predict(model, rows, &mut explained.scores)?;
    let unexplained = |error: gbtree::ShapeError| ScoreError::Unexplained(error.to_string());
    model.margin(rows, &mut explained.margins).map_err(unexplained)?;
    model.contributions(rows, &mut explained.contributions).map_err(unexplained)?;
    Ok(explained)
}

fn check_finite(values: &[f32], per_row: usize) -> Result<(), ScoreError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(ScoreError::NotFinite { row: at / per_row + 1, value: f64::from(values[at]) }),
        None => Ok(()),
    }
}

fn check_columns(model: &gbtree::Model, columns: &[String]) -> Result<(), LoadError> {
    if model.num_features() != columns.len() {
        return Err(LoadError::OtherColumns(format!(
            "it takes {} features, the list names {}",
            model.num_features(),
            columns.len()
        )));
    }
    let named = model.feature_names().iter().zip(columns).enumerate();
    match named.into_iter().find(|(_, (theirs, ours))| theirs != ours) {
        Some((at, (theirs, ours))) => Err(LoadError::OtherColumns(format!(
            "its feature {} is {theirs:?}, the list says {ours:?}",
            at + 1
        ))),
        None => Ok(()),
    }
}
