//! The embedded scorer: the model in this process.
//!
//! A few rows are scored on the caller's thread, which is faster than handing them over. Larger batches go through
//! [`Admission`] piece by piece, so that other requests, and this one's deadline, get their turn between pieces.
//! The model may be replaced at any time; each batch is scored by the one it began with.

mod load;

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;

use self::load::Loaded;
use super::{Explainer, Explanations, Output, ScoreError, ScoreRequest, Scorer, Scores};
use crate::admission::Admission;
use crate::model::{ModelInfo, Reloadable, model_version};
use crate::row::{Batch, Schema};

pub use load::{LoadError, LoadOptions};

/// Up to this many rows are scored on the caller's thread.
const INLINE_ROWS: usize = 256;
/// Rows scored between two chances to stop.
const PIECE_ROWS: usize = 4096;
/// The same two for explanations, each of which takes as long as hundreds of scores.
const INLINE_EXPLAINED: usize = 1;
const PIECE_EXPLAINED: usize = 128;

/// An XGBoost model and the scoring of rows by it.
pub struct EmbeddedScorer {
    options: LoadOptions,
    loaded: ArcSwap<Loaded>,
    admission: Admission,
}

impl EmbeddedScorer {
    /// Scores by the model in `file`.
    ///
    /// # Errors
    /// The bytes are not a model, or it is one of other inputs than `options` say, or one that cannot score a row.
    pub fn new(file: &[u8], mut options: LoadOptions, admission: Admission) -> Result<Self, LoadError> {
        let loaded = Loaded::read(file, &options)?;
        // From now on its inputs are those of the service.
        options.columns.clone_from(&loaded.info.feature_names);
        Ok(Self { options, loaded: ArcSwap::from_pointee(loaded), admission })
    }
}

impl Reloadable for EmbeddedScorer {
    fn current(&self) -> Arc<ModelInfo> {
        self.info()
    }

    fn replace(&self, file: &[u8]) -> Result<Arc<ModelInfo>, Box<dyn Error + Send + Sync>> {
        if model_version(file) != self.info().version {
            let loaded = Loaded::read(file, &self.options)?;
            if !loaded.schema.reads_like(&self.loaded.load().schema) {
                return Err(LoadError::OtherCategories.into());
            }
            self.loaded.store(Arc::new(loaded));
        }
        Ok(self.info())
    }
}

#[async_trait]
impl Scorer for EmbeddedScorer {
    async fn score(&self, ScoreRequest { rows, output, .. }: ScoreRequest) -> Result<Scores, ScoreError> {
        let loaded = self.loaded.load_full();
        let width = loaded.width(output);
        let values = if rows.len() <= INLINE_ROWS {
            loaded.evaluate(output, rows.slice(0..rows.len()))?
        } else {
            let (rows, mut all) = (Arc::new(rows), Vec::new());
            for piece in pieces(rows.len(), PIECE_ROWS) {
                let (loaded, rows) = (Arc::clone(&loaded), Arc::clone(&rows));
                let work = move || loaded.evaluate(output, rows.slice(piece));
                all.append(&mut self.admission.run(false, work).await?);
            }
            all
        };
        check_finite(&values, width)?;
        Ok(Scores { model: Arc::clone(&loaded.info), width, values })
    }

    fn info(&self) -> Arc<ModelInfo> {
        Arc::clone(&self.loaded.load().info)
    }

    fn schema(&self) -> Schema {
        self.loaded.load().schema.clone()
    }

    /// Scores a row of missing values, which every model can do.
    async fn probe(&self) -> Result<(), ScoreError> {
        let mut rows = Batch::sparse(self.options.columns.len());
        rows.push_listed(&[], &[]);
        self.score(rows.into()).await.map(drop)
    }
}

#[async_trait]
impl Explainer for EmbeddedScorer {
    async fn explain(&self, rows: Batch) -> Result<Explanations, ScoreError> {
        let loaded = self.loaded.load_full();
        let rows = Arc::new(rows);
        let mut all = Explained::default();
        if rows.len() <= INLINE_EXPLAINED {
            all = loaded.explain(rows.slice(0..rows.len()))?;
        } else {
            for piece in pieces(rows.len(), PIECE_EXPLAINED) {
                let (loaded, rows) = (Arc::clone(&loaded), Arc::clone(&rows));
                let work = move || loaded.explain(rows.slice(piece));
                all.append(self.admission.run(false, work).await?);
            }
        }
        let Explained { scores, margins, contributions } = all;
        let width = loaded.width(Output::Score);
        check_finite(&scores, width)?;
        check_finite(&contributions, loaded.contributions())?;
        Ok(Explanations {
            rows: Arc::unwrap_or_clone(rows),
            scores: Scores { model: Arc::clone(&loaded.info), width, values: scores },
            margins_per_row: loaded.width(Output::Margin),
            margins,
            contributions,
        })
    }
}

/// The results for explained rows, row by row.
#[derive(Default)]
struct Explained {
    scores: Vec<f64>,
    margins: Vec<f32>,
    contributions: Vec<f32>,
}

impl Explained {
    fn append(&mut self, mut piece: Self) {
        self.scores.append(&mut piece.scores);
        self.margins.append(&mut piece.margins);
        self.contributions.append(&mut piece.contributions);
    }
}

/// `rows` in ranges of up to `size`.
fn pieces(rows: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(size).map(move |from| from..rows.min(from + size))
}

fn check_finite<T: Copy + Into<f64>>(values: &[T], width: usize) -> Result<(), ScoreError> {
    match values.iter().position(|value| !(*value).into().is_finite()) {
        Some(at) => Err(ScoreError::NotFinite { row: at / width + 1, value: values[at].into() }),
        None => Ok(()),
    }
}
