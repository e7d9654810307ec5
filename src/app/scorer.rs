//! The configured scorer and its decorators.

use std::sync::Arc;

use tracing::info;

use super::StartError;
use crate::aws::Account;
use crate::coalesce::Limits;
use crate::config::{self, Config, ModelPath, SageMaker, ScorerKind};
use crate::metrics::UpstreamMetrics;
use crate::model::ModelSource;
use crate::model::file::LocalFile;
use crate::model::reload::Reload;
use crate::model::s3::S3Object;
use crate::scorer::Scorer;
use crate::scorer::coalesced::CoalescedScorer;
use crate::scorer::embedded::EmbeddedScorer;
use crate::scorer::sagemaker::SageMakerScorer;
use crate::scorer::shadowed::ShadowedScorer;

/// Opens the configured scorer, with what stands before it, and the watch over its model file if it has one.
///
/// # Errors
/// Its model cannot be loaded, or AWS cannot be called.
pub async fn open_scorer(
    config: &Config,
    account: &Account,
    upstreams: &UpstreamMetrics,
) -> Result<(Arc<dyn Scorer>, Option<Reload>), StartError> {
    let (is_embedded, shadow) = (config.scorer.kind == ScorerKind::Embedded, config.scorer.shadow);
    let embedded = if is_embedded || shadow > 0.0 { Some(load_model(config, account).await?) } else { None };
    let endpoint: Option<Arc<dyn Scorer>> = match &config.scorer.sagemaker {
        Some(endpoint) if !is_embedded || shadow > 0.0 => {
            Some(open_endpoint(config, endpoint, account, upstreams).await?)
        }
        _ => None,
    };
    let (model, reload): (Option<Arc<dyn Scorer>>, _) = match embedded {
        Some((model, reload)) => (Some(model), Some(reload)),
        None => (None, None),
    };
    let scorer = match (model, endpoint) {
        (Some(model), Some(endpoint)) => {
            let (scorer, other) = if is_embedded { (model, endpoint) } else { (endpoint, model) };
            Arc::new(ShadowedScorer::new(scorer, other, shadow, upstreams.shadow().clone()))
        }
        (Some(scorer), None) | (None, Some(scorer)) => scorer,
        (None, None) => unreachable!("the configuration names an endpoint where one is to score"),
    };
    Ok((scorer, reload))
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
    let endpoint = config.scorer.sagemaker.as_ref().ok_or(StartError::NoEndpoint)?;
    let account = Account::new(config.aws.clone());
    let (model, _) = load_model(config, &account).await?;
    let endpoint = open_endpoint(config, endpoint, &account, &UpstreamMetrics::default()).await?;
    Ok(Compared { model, endpoint })
}

/// The scorer behind `endpoint`, whose callers share calls.
async fn open_endpoint(
    config: &Config,
    endpoint: &SageMaker,
    account: &Account,
    upstreams: &UpstreamMetrics,
) -> Result<Arc<dyn Scorer>, StartError> {
    let sdk = account.sdk().await?;
    let scorer = SageMakerScorer::new(sdk, endpoint, &config.features.columns, upstreams.clone());
    Ok(match endpoint.coalesce_rows {
        1 => Arc::new(scorer),
        rows => Arc::new(CoalescedScorer::new(Arc::new(scorer), shared(&endpoint.calls, rows))),
    })
}

/// What callers of an upstream may share, `items` at most in one call.
fn shared(calls: &config::Calls, items: usize) -> Limits {
    Limits { items, in_flight: calls.in_flight, waiting: calls.waiting }
}

/// The model that the configuration names, and the watch over its source.
async fn load_model(config: &Config, account: &Account) -> Result<(Arc<EmbeddedScorer>, Reload), StartError> {
    let source: Arc<dyn ModelSource> = match &config.model.path {
        ModelPath::File(path) => Arc::new(LocalFile::new(path.clone())),
        ModelPath::S3 { bucket, key } => Arc::new(S3Object::new(account.sdk().await?, bucket, key)),
    };
    let location = source.location();
    let unusable = |source| StartError::Model { location: location.clone(), source };
    let file = source
        .fetch(None)
        .await
        .map_err(|error| unusable(error.into()))?
        .unwrap_or_else(|| unreachable!("a file without a known stamp is always fetched"));
    let scorer = EmbeddedScorer::new(&file.bytes, config.features.columns.clone())
        .map_err(|error| unusable(error.into()))?;
    let scorer = Arc::new(scorer);
    let model = scorer.info();
    info!(
        model.version = model.version,
        model.objective = model.objective,
        model.trees = model.trees,
        "model loaded from {location}"
    );
    let reload = Reload::new(source, Arc::clone(&scorer) as _, file.stamp, config.model.reload_interval);
    Ok((scorer, reload))
}
