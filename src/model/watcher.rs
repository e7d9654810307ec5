//! The watch over a model source: a good new model is put into use, a bad one leaves the old one serving.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{error, info};

use super::{ModelFile, ModelSource, Reloadable, Revision, SourceError};
use crate::telemetry::metrics::ReloadMetrics;

/// One source, watched for what scores by its content.
pub struct ModelWatcher {
    source: Arc<dyn ModelSource>,
    model: Arc<dyn Reloadable>,
    /// Time between two looks; `None` to look only when told to.
    every: Option<Duration>,
    /// The content last seen, good or bad; `None` after the source failed, so that the next look reads it again.
    seen: Option<Revision>,
    /// Why the newest model is not in use, if it is not. Logged once, not at each look.
    failure: Option<String>,
    now: Arc<Notify>,
}

impl ModelWatcher {
    /// Watches `source`, of which `model` has the revision `seen`.
    #[must_use]
    pub fn new(
        source: Arc<dyn ModelSource>,
        model: Arc<dyn Reloadable>,
        seen: Revision,
        every: Option<Duration>,
    ) -> Self {
        Self { source, model, every, seen: Some(seen), failure: None, now: Arc::default() }
    }

    /// When notified, the watcher looks at once, and reads the source even if it seems unchanged.
    #[must_use]
    pub fn now(&self) -> Arc<Notify> {
        Arc::clone(&self.now)
    }

    /// Watches until dropped.
    pub async fn run(mut self, metrics: ReloadMetrics) {
        let now = self.now();
        loop {
            tokio::select! {
                () = now.notified() => {
                    self.seen = None;
                    self.failure = None;
                    if self.look(&metrics).await == Look::Same {
                        info!("the model at {} is the one in use", self.source.location());
                    }
                }
                () = sleep(self.every.unwrap_or(Duration::MAX)) => {
                    self.look(&metrics).await;
                }
            }
        }
    }

    async fn fetch(&self) -> Result<Option<ModelFile>, SourceError> {
        match &self.seen {
            Some(seen) => self.source.fetch_if_changed(seen).await,
            None => self.source.fetch().await.map(Some),
        }
    }

    async fn look(&mut self, metrics: &ReloadMetrics) -> Look {
        let file = match self.fetch().await {
            Ok(Some(file)) => file,
            Ok(None) => return Look::Same,
            Err(error) => {
                self.seen = None;
                return self.failed(error.to_string(), metrics);
            }
        };
        self.seen = Some(file.revision);
        let before = self.model.current();
        let model = Arc::clone(&self.model);
        // Reading a large model takes a while.
        let replaced = tokio::task::spawn_blocking(move || model.replace(&file.bytes)).await;
        let model = match replaced {
            Ok(Ok(model)) => model,
            Ok(Err(refused)) => return self.failed(refused.to_string(), metrics),
            Err(panicked) => return self.failed(panicked.to_string(), metrics),
        };
        let recovered = self.failure.take().is_some();
        if model.version == before.version {
            metrics.is_current();
            if recovered {
                info!("the model at {} is the one in use again", self.source.location());
            }
            return Look::Same;
        }
        metrics.reloaded();
        info!(
            model.version = model.version,
            model.previous = before.version,
            model.objective = model.objective,
            model.trees = model.trees,
            "model reloaded from {}",
            self.source.location()
        );
        Look::Reloaded
    }

    fn failed(&mut self, why: String, metrics: &ReloadMetrics) -> Look {
        if self.failure.as_ref() != Some(&why) {
            metrics.not_reloaded();
            error!(
                model.version = self.model.current().version,
                "model.path: {}: {why}; the old model goes on serving",
                self.source.location()
            );
            self.failure = Some(why);
        }
        Look::Failed
    }
}

/// The result of a look at the source.
#[derive(PartialEq, Eq)]
enum Look {
    Same,
    Reloaded,
    Failed,
}
