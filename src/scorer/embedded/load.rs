//! A model file to a model that has scored a row.

use std::sync::Arc;

use bytesize::ByteSize;
use gbtree::{Limits, PredictError, Rows};
use tracing::warn;

use super::{Explained, check_finite};
use crate::model::card::{CARD, THRESHOLD, parse_threshold};
use crate::model::{ModelCard, ModelInfo, model_version};
use crate::row::{Batch, BatchRows, Schema};
use crate::scorer::{Output, ScoreError};

/// Which part of a model is used, and for which inputs.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The model's inputs, in order; empty for those that its file names.
    pub columns: Vec<String>,
    /// The boosting iterations that count, from the first up to but not including the second; 0 for the second means up to
    /// the last.
    pub iterations: Option<(usize, usize)>,
    /// Memory for what is decoded from the file, in bytes; the file itself not counted.
    pub memory_limit: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { columns: Vec::new(), iterations: None, memory_limit: Limits::new().max_decoded() }
    }
}

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a model, or not one this program evaluates.
    #[error("{0}")]
    NotAModel(gbtree::LoadError),
    /// It needs more memory than it may have.
    #[error("the model needs more than the {} that model.memory_limit or --memory-limit allows", ByteSize(*.0 as u64))]
    TooLarge(usize),
    /// The model has no such iterations.
    #[error("{0}")]
    Iterations(#[from] PredictError),
    /// The model takes other inputs than the configuration names.
    #[error("the model does not fit features.columns: {0}")]
    OtherColumns(String),
    /// The categories of its inputs are not those that rows are read by.
    #[error(
        "the model has other categories than the one in use; restart the service, and load its table of features again"
    )]
    OtherCategories,
    /// The model cannot score a row of missing values.
    #[error("the model gives no score: {0}")]
    GivesNoScore(#[from] ScoreError),
}

impl From<gbtree::LoadError> for LoadError {
    fn from(error: gbtree::LoadError) -> Self {
        match error {
            gbtree::LoadError::TooLarge { limit } => Self::TooLarge(limit),
            other => Self::NotAModel(other),
        }
    }
}

/// A model that has scored a row.
pub(super) struct Loaded {
    model: gbtree::Model,
    pub(super) schema: Schema,
    pub(super) info: Arc<ModelInfo>,
}

impl Loaded {
    pub(super) fn read(file: &[u8], options: &LoadOptions) -> Result<Self, LoadError> {
        let limits = Limits::new().decoded(options.memory_limit);
        let mut model = gbtree::Model::from_bytes_with(file, &limits)?;
        if let Some((from, to)) = options.iterations {
            let to = if to == 0 { model.num_iterations() } else { to };
            model = model.slice(from..to)?;
        }
        let columns = columns(&model, &options.columns)?;
        let schema = Schema::new(columns.clone()).with_categories(categories(&model));
        let mut nothing_known = Batch::sparse(columns.len());
        nothing_known.push_listed(&[], &[]);
        let info = ModelInfo {
            version: model_version(file),
            feature_names: columns,
            objective: Some(model.objective().to_owned()),
            trees: Some(model.num_trees()),
            outputs: model.num_outputs(),
            margins: model.num_margins(),
            threshold: travelling(&model, THRESHOLD, parse_threshold),
            card: travelling(&model, CARD, ModelCard::parse),
            explains: false,
            backend: "embedded",
        };
        let mut loaded = Self { model, schema, info: Arc::new(info) };
        let score = loaded.evaluate(Output::Score, nothing_known.slice(0..1))?;
        check_finite(&score, score.len())?;
        let explains = loaded.explain(nothing_known.slice(0..1)).is_ok();
        Arc::make_mut(&mut loaded.info).explains = explains;
        Ok(loaded)
    }

    /// Numbers per row of `output`.
    pub(super) fn width(&self, output: Output) -> usize {
        match output {
            Output::Score => self.model.num_outputs(),
            Output::Margin => self.model.num_margins(),
            Output::Leaf => self.model.num_trees(),
        }
    }

    /// Contributions per row, biases included.
    pub(super) fn contributions(&self) -> usize {
        self.model.num_contributions()
    }

    /// The `output` of each of `rows`.
    pub(super) fn evaluate(&self, output: Output, rows: BatchRows<'_>) -> Result<Vec<f64>, ScoreError> {
        let (count, rows) = (self.count(rows), engine_rows(rows));
        let rejected = |error: PredictError| ScoreError::Rejected(error.to_string());
        if output == Output::Leaf {
            let mut leaves = vec![0; count * self.width(output)];
            self.model.leaves(rows, &mut leaves).map_err(rejected)?;
            return Ok(leaves.into_iter().map(f64::from).collect());
        }
        let mut values = vec![0.0; count * self.width(output)];
        match output {
            Output::Margin => self.model.margin(rows, &mut values),
            Output::Score | Output::Leaf => self.model.predict(rows, &mut values),
        }
        .map_err(rejected)?;
        Ok(values.into_iter().map(f64::from).collect())
    }

    /// Scores, margins and contributions of each of `rows`.
    pub(super) fn explain(&self, rows: BatchRows<'_>) -> Result<Explained, ScoreError> {
        let count = self.count(rows);
        let scores = self.evaluate(Output::Score, rows)?;
        let rows = engine_rows(rows);
        let mut margins = vec![0.0; count * self.model.num_margins()];
        let mut contributions = vec![0.0; count * self.model.num_contributions()];
        let unexplained = |error: PredictError| ScoreError::Unexplained(error.to_string());
        self.model.margin(rows, &mut margins).map_err(unexplained)?;
        self.model.contributions(rows, &mut contributions).map_err(unexplained)?;
        Ok(Explained { scores, margins, contributions })
    }

    fn count(&self, rows: BatchRows<'_>) -> usize {
        rows.len(self.info.feature_names.len())
    }
}

fn engine_rows(rows: BatchRows<'_>) -> Rows<'_> {
    match rows {
        BatchRows::Dense(values) => Rows::row_major(values),
        BatchRows::Sparse { starts, places, values } => Rows::sparse(starts, places, values),
    }
}

/// Per input the categories that the file names, in the order of their codes.
fn categories(model: &gbtree::Model) -> Vec<Option<Vec<String>>> {
    if !model.has_categories() {
        return Vec::new();
    }
    let names = |at| {
        let names = model.categories(at)?.names();
        Some(names.map(|name| name.unwrap_or_default().into_owned()).collect())
    };
    (0..model.num_features()).map(names).collect()
}

/// What `read` makes of an attribute of the model. The model scores without it too: a bad one is only logged.
fn travelling<T>(model: &gbtree::Model, name: &str, read: fn(&str) -> Result<T, String>) -> Option<T> {
    match read(model.attribute(name)?) {
        Ok(read) => Some(read),
        Err(why) => {
            warn!("the model's attribute {name} {why}; it is ignored");
            None
        }
    }
}

/// The names of the model's inputs: those of `wanted`, which its file must not contradict, else those of its file, else f0,
/// f1, … as XGBoost calls them.
fn columns(model: &gbtree::Model, wanted: &[String]) -> Result<Vec<String>, LoadError> {
    if wanted.is_empty() {
        return Ok(match model.feature_names() {
            [] => (0..model.num_features()).map(|at| format!("f{at}")).collect(),
            names => names.to_vec(),
        });
    }
    if model.num_features() != wanted.len() {
        return Err(LoadError::OtherColumns(format!(
            "it takes {} features, the list names {}",
            model.num_features(),
            wanted.len()
        )));
    }
    let named = model.feature_names().iter().zip(wanted).enumerate();
    match named.into_iter().find(|(_, (theirs, ours))| theirs != ours) {
        Some((at, (theirs, ours))) => Err(LoadError::OtherColumns(format!(
            "its feature {} is {theirs:?}, the list says {ours:?}",
            at + 1
        ))),
        None => Ok(wanted.to_vec()),
    }
}
