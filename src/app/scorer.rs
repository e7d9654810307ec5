//! The configured scorer and its decorators.

use std::sync::Arc;

use tracing::info;

use super::StartError;
use crate::admission::Admission;
use crate::config::{Config, ModelPath, SageMaker, ScorerKind, Shadow};
use crate::demo;
use crate::inference::{Inference, Model};
use crate::model::ModelSource;
use crate::model::built_in::BuiltIn;
use crate::model::file::LocalFile;
use crate::model::s3::S3Object;
use crate::model::watcher::ModelWatcher;
use crate::row::Schema;
use crate::scorer::Scorer;
use crate::scorer::batched::BatchedScorer;
use crate::scorer::embedded::{EmbeddedScorer, LoadError, LoadOptions};
use crate::scorer::sagemaker::SageMakerScorer;
use crate::scorer::shadowed::ShadowedScorer;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::aws::AwsContext;
use crate::upstream::batcher::BatchLimits;

/// What is needed to open scorers.
struct Opener<'a> {
    config: &'a Config,
    aws: &'a AwsContext,
    admission: &'a Admission,
    upstreams: &'a UpstreamMetrics,
}

/// Opens the configured scorer, with what stands before it, and the watch over its model file if it has one.
///
/// # Errors
/// Its model cannot be loaded, or AWS cannot be called.
pub async fn open_scorer(
    config: &Config,
    aws: &AwsContext,
    admission: &Admission,
    upstreams: &UpstreamMetrics,
) -> Result<(Model, Option<ModelWatcher>), StartError> {
    let opener = Opener { config, aws, admission, upstreams };
    let (model, watcher) = opener.open(&config.scorer.kind).await?;
    let Some(Shadow { share, kind }) = &config.scorer.shadow else { return Ok((model, watcher)) };
    let (other, other_watcher) = opener.open(kind).await?;
    let shadowed = ShadowedScorer::new(model.scorer, other.scorer, *share, upstreams.shadow().clone());
    Ok((Model { scorer: Arc::new(shadowed), ..model }, watcher.or(other_watcher)))
}

/// What `imba verify` compares.
pub struct Compared {
    /// The model in process.
    pub model: Arc<dyn Scorer>,
    /// The endpoint.
    pub endpoint: Arc<dyn Scorer>,
}

/// Opens both scorers, whichever is configured to answer.
///
/// # Errors
/// No endpoint is named, the model cannot be loaded, or AWS cannot be called.
pub async fn open_compared(config: &Config) -> Result<Compared, StartError> {
    let endpoint = config.scorer.endpoint.as_ref().ok_or(StartError::NoEndpoint)?;
    let (aws, admission) = (AwsContext::new(config.aws.clone()), Admission::default());
    let upstreams = UpstreamMetrics::default();
    let opener = Opener { config, aws: &aws, admission: &admission, upstreams: &upstreams };
    let (model, _) = opener.load_model().await?;
    Ok(Compared { endpoint: opener.open_endpoint(endpoint, &model.info().feature_names).await?, model })
}

/// The use case over the model in `file` alone, or over some of its boosting iterations, decoded within `memory_limit`
/// bytes.
///
/// # Errors
/// It is not a model, too large, has no such iterations, or cannot score a row.
pub fn inference_over(
    file: &[u8],
    iterations: Option<(usize, usize)>,
    memory_limit: usize,
) -> Result<Inference, LoadError> {
    let options = LoadOptions { iterations, memory_limit, ..LoadOptions::default() };
    let admission = Admission::default();
    let scorer = Arc::new(EmbeddedScorer::new(file, options, admission.clone())?);
    let model = Model { scorer: Arc::clone(&scorer) as _, explainer: Some(scorer) };
    Ok(Inference::new(schema_of(&*model.scorer), None, model, None, admission))
}

/// The inputs of the model that `scorer` scores by.
#[must_use]
pub fn schema_of(scorer: &dyn Scorer) -> Arc<Schema> {
    Arc::new(scorer.schema())
}

/// The inputs that rows are read by: those of the configured model; where an endpoint scores, those that the configuration
/// names.
///
/// # Errors
/// The model cannot be loaded.
pub async fn configured_schema(config: &Config, aws: &AwsContext) -> Result<Schema, StartError> {
    let named = (!config.features.columns.is_empty()).then(|| Schema::new(config.features.columns.clone()));
    if let (Some(named), ScorerKind::SageMaker(_)) = (&named, &config.scorer.kind) {
        return Ok(named.clone());
    }
    let (admission, upstreams) = (Admission::default(), UpstreamMetrics::default());
    let opener = Opener { config, aws, admission: &admission, upstreams: &upstreams };
    match opener.load_model().await {
        Ok((model, _)) => Ok(model.schema()),
        // Only its names are needed, unless it has categories; then the service refuses the table.
        Err(error) => named.ok_or(error),
    }
}

impl Opener<'_> {
    async fn open(&self, kind: &ScorerKind) -> Result<(Model, Option<ModelWatcher>), StartError> {
        match kind {
            ScorerKind::Embedded => {
                let (model, watcher) = self.load_model().await?;
                let (scorer, explainer) = (Arc::clone(&model) as _, Some(model as _));
                Ok((Model { scorer, explainer }, Some(watcher)))
            }
            ScorerKind::SageMaker(endpoint) => {
                let scorer = self.open_endpoint(endpoint, &self.config.features.columns).await?;
                Ok((Model { scorer, explainer: None }, None))
            }
        }
    }

    /// The scorer behind `endpoint`, whose callers share calls.
    async fn open_endpoint(
        &self,
        endpoint: &SageMaker,
        columns: &[String],
    ) -> Result<Arc<dyn Scorer>, StartError> {
        let scorer = SageMakerScorer::new(self.aws.sdk().await?, endpoint, columns, self.upstreams.clone());
        Ok(match endpoint.batch_rows {
            1 => Arc::new(scorer),
            items => {
                let limits = BatchLimits { items, in_flight: endpoint.calls.in_flight };
                let queue = scorer.queue();
                Arc::new(BatchedScorer::new(Arc::new(scorer), limits, queue))
            }
        })
    }

    /// The model that the configuration names, and the watch over its source.
    async fn load_model(&self) -> Result<(Arc<EmbeddedScorer>, ModelWatcher), StartError> {
        let limit = self.config.model.size_limit;
        let source: Arc<dyn ModelSource> = match &self.config.model.path {
            ModelPath::Demo => Arc::new(BuiltIn::new("the demo", demo::model)),
            ModelPath::File(path) => {
                let first_only = !self.config.container.is_ensemble;
                Arc::new(LocalFile::new(path.clone(), limit).first_only(first_only))
            }
            ModelPath::S3 { bucket, key } => {
                Arc::new(S3Object::new(self.aws.sdk().await?, bucket, key, limit))
            }
        };
        let location = source.location();
        let unusable = |source| StartError::Model { location: location.clone(), source };
        let file = source.fetch().await.map_err(|error| unusable(error.into()))?;
        let options = LoadOptions {
            columns: self.config.features.columns.clone(),
            iterations: None,
            memory_limit: self.config.model.memory_limit,
        };
        let scorer = EmbeddedScorer::new(&file.bytes, options, self.admission.clone())
            .map_err(|error| unusable(error.into()))?;
        let scorer = Arc::new(scorer);
        let model = scorer.info();
        info!(
            model.version = model.version,
            model.objective = model.objective,
            model.trees = model.trees,
            "model loaded from {location}"
        );
        let every = self.config.model.reload_interval;
        Ok((Arc::clone(&scorer), ModelWatcher::new(source, scorer, file.revision, every)))
    }
}
