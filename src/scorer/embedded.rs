//! The embedded scorer: the model in this process.
//!
//! A few rows are scored on the caller's thread, in less time than a hand-over to another takes. Larger batches go to
//! the blocking pool piece by piece, so that other requests, and this one's deadline, get their turn between pieces.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Batch, ModelInfo, ScoreError, Scorer, Scores, model_version};

/// Up to this many rows are scored where they are.
const INLINE_ROWS: usize = 64;
/// Batch scored between two chances to stop.
const PIECE_ROWS: usize = 4096;

/// An XGBoost model and the scoring of rows by it.
pub struct EmbeddedScorer {
    model: Arc<gbtree::Model>,
    info: Arc<ModelInfo>,
}

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file system said no.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The bytes are not a model, or not one this program evaluates.
    #[error("{0}")]
    NotAModel(#[from] gbtree::LoadError),
    /// The model takes other inputs than the configuration names.
    #[error("the model does not fit features.columns: {0}")]
    OtherColumns(String),
}

impl EmbeddedScorer {
    /// Loads the model file at `path` and checks it against `columns`, the names of its inputs in order.
    ///
    /// # Errors
    /// The file is unreadable, not a model, or a model of other inputs.
    pub fn load(path: &Path, columns: &[String]) -> Result<Self, LoadError> {
        let bytes = fs::read(path)?;
        let model = gbtree::Model::from_bytes(&bytes)?;
        check_columns(&model, columns)?;
        let info = ModelInfo {
            version: model_version(&bytes),
            feature_names: columns.to_vec(),
            objective: model.objective().to_owned(),
            trees: model.num_trees(),
            outputs: model.num_outputs(),
        };
        Ok(Self { model: Arc::new(model), info: Arc::new(info) })
    }
}

#[async_trait]
impl Scorer for EmbeddedScorer {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn info(&self) -> Arc<ModelInfo> {
        Arc::clone(&self.info)
    }

    async fn score(&self, rows: Batch) -> Result<Scores, ScoreError> {
        let outputs = self.info.outputs;
        let mut values = vec![0.0; rows.len() * outputs];
        if rows.len() <= INLINE_ROWS {
            predict(&self.model, rows.values(), &mut values)?;
        } else {
            let rows = Arc::new(rows);
            for (piece, out) in values.chunks_mut(PIECE_ROWS * outputs).enumerate() {
                let (model, rows) = (Arc::clone(&self.model), Arc::clone(&rows));
                let mut scores = vec![0.0; out.len()];
                let from = piece * PIECE_ROWS * rows.width();
                let to = from + scores.len() / outputs * rows.width();
                let scored = tokio::task::spawn_blocking(move || {
                    predict(&model, &rows.values()[from..to], &mut scores).map(|()| scores)
                });
                out.copy_from_slice(&scored.await.map_err(|error| ScoreError::Unavailable(error.into()))??);
            }
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(ScoreError::NotFinite { row: at / outputs + 1, value: values[at] });
        }
        Ok(Scores { model: Arc::clone(&self.info), values })
    }

    /// Scores a row of which nothing is known, as every model can.
    async fn probe(&self) -> Result<(), ScoreError> {
        let mut rows = Batch::new(self.info.feature_names.len());
        rows.push(&vec![f32::NAN; rows.width()]);
        self.score(rows).await.map(drop)
    }
}

fn predict(model: &gbtree::Model, rows: &[f32], scores: &mut [f32]) -> Result<(), ScoreError> {
    model.predict(rows, scores).map_err(|error| ScoreError::Rejected(error.to_string()))
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
