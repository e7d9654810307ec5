//! The scorer behind a SageMaker endpoint: rows as CSV to `InvokeEndpoint`, scores out of its answer.

mod message;

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sagemakerruntime::Client;
use aws_sdk_sagemakerruntime::config::Builder;
use aws_sdk_sagemakerruntime::config::http::HttpResponse;
use aws_sdk_sagemakerruntime::error::SdkError;
use aws_sdk_sagemakerruntime::operation::invoke_endpoint::InvokeEndpointError;
use aws_sdk_sagemakerruntime::primitives::Blob;

use super::{InferenceTarget, Output, ScoreError, ScoreRequest, Scorer, Scores};
use crate::cause::cause;
use crate::config::SageMaker;
use crate::formats::text::write_features;
use crate::model::ModelInfo;
use crate::row::{Batch, excerpt};
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::aws::{self, CredentialsCache};
use crate::upstream::{Gate, UpstreamError, WaitQueue};

const CSV: &str = "text/csv";
/// What SageMaker answers for any error of the model.
const MODEL_ERROR: u16 = 424;
/// A model's statuses that are about its input, which is what the caller sent.
const ABOUT_THE_ROWS: RangeInclusive<u16> = 400..=423;

/// A client of one endpoint; the model behind it is known by the endpoint's name alone.
pub struct SageMakerScorer {
    client: Client,
    endpoint: String,
    /// Where rows go that name no target of their own.
    target: InferenceTarget,
    payload_limit: usize,
    info: Arc<ModelInfo>,
    gate: Gate,
}

impl SageMakerScorer {
    /// A client of the endpoint that `config` names, for rows of `columns`. Makes no call yet.
    #[must_use]
    pub fn new(aws: &SdkConfig, config: &SageMaker, columns: &[String], metrics: UpstreamMetrics) -> Self {
        let endpoint = config.endpoint_name.clone();
        let credentials = CredentialsCache::default();
        let client = Client::from_conf(Builder::from(aws).identity_cache(credentials.clone()).build());
        let info = ModelInfo {
            version: format!("sagemaker:{endpoint}"),
            feature_names: columns.to_vec(),
            objective: None,
            trees: None,
            outputs: config.outputs,
            margins: config.outputs,
            threshold: None,
            card: None,
            explains: false,
            backend: "sagemaker",
        };
        let target = InferenceTarget {
            variant: config.target_variant.clone(),
            model: config.target_model.clone(),
            component: config.inference_component.clone(),
            inference_id: None,
            custom_attributes: config.custom_attributes.clone(),
        };
        let gate = Gate::new("sagemaker", &config.calls, credentials, metrics);
        Self { client, endpoint, target, payload_limit: config.payload_limit, info: Arc::new(info), gate }
    }

    /// The queue before the endpoint.
    #[must_use]
    pub fn queue(&self) -> WaitQueue {
        self.gate.queue()
    }

    async fn gated(&self, request: &ScoreRequest) -> Result<Vec<f64>, ScoreError> {
        let body = csv_body(&request.rows);
        if body.len() > self.payload_limit {
            return Err(ScoreError::TooLarge { bytes: body.len(), limit: self.payload_limit });
        }
        // The SDK's future is kilobytes; boxed, it is not moved about.
        let attempt = || Box::pin(self.invoke(request, body.clone()));
        self.gate.call(self.gate.attempts(attempt, upstream_fault), upstream_fault).await
    }

    async fn invoke(&self, request: &ScoreRequest, body: Vec<u8>) -> Result<Vec<f64>, ScoreError> {
        let own = request.target.as_deref();
        let with_target = |part: fn(&InferenceTarget) -> &Option<String>| {
            own.and_then(|own| part(own).clone()).or_else(|| part(&self.target).clone())
        };
        let answer = self
            .client
            .invoke_endpoint()
            .endpoint_name(&self.endpoint)
            .content_type(CSV)
            .accept(CSV)
            .set_target_variant(with_target(|target| &target.variant))
            .set_target_model(with_target(|target| &target.model))
            .set_inference_component_name(with_target(|target| &target.component))
            .set_inference_id(with_target(|target| &target.inference_id))
            .set_custom_attributes(with_target(|target| &target.custom_attributes))
            .body(Blob::new(body))
            .send()
            .await
            .map_err(failure)?;
        let body = answer.body().map(Blob::as_ref).unwrap_or_default();
        Ok(read_scores(body, request.rows.len(), self.info.outputs)?)
    }
}

#[async_trait]
impl Scorer for SageMakerScorer {
    async fn score(&self, request: ScoreRequest) -> Result<Scores, ScoreError> {
        if request.output != Output::Score {
            return Err(ScoreError::Unexplained("an endpoint gives scores alone".to_owned()));
        }
        let values = self.gated(&request).await?;
        Ok(Scores { model: Arc::clone(&self.info), width: self.info.outputs, values })
    }

    fn info(&self) -> Arc<ModelInfo> {
        Arc::clone(&self.info)
    }

    /// The last call's success is enough. Without one, scores a row of missing values, which is paid for
    /// like any other; the circuit breaker limits how often. A model that refuses such a row, or makes no score of it, is a
    /// model that answers.
    async fn probe(&self) -> Result<(), ScoreError> {
        if self.gate.is_healthy() {
            return Ok(());
        }
        let mut rows = Batch::new(self.info.feature_names.len());
        rows.push(&vec![f32::NAN; rows.width()]);
        match self.gated(&rows.into()).await {
            Err(error) if upstream_fault(&error).is_some_and(|fault| !fault.is_answer()) => Err(error),
            _ => Ok(()),
        }
    }
}

/// One line per row. A missing value is `nan`, because a row of one empty cell would be a blank line, which containers refuse.
fn csv_body(rows: &Batch) -> Vec<u8> {
    let mut body = String::with_capacity(rows.values().len() * 10);
    for row in rows.values().chunks_exact(rows.width()) {
        write_features(row, &mut body);
        body.push('\n');
    }
    // Script-mode containers take a last line end for another row.
    body.pop();
    body.into_bytes()
}

/// The numbers of an answer. Containers up to 1.2 separate rows by commas, later ones by line ends, and those of a row by
/// commas, so that the count alone tells what is whose.
fn read_scores(body: &[u8], rows: usize, outputs: usize) -> Result<Vec<f64>, UpstreamError> {
    let garbled = |what: &'static str, found: String| UpstreamError::Garbled { what, source: cause(found) };
    let text =
        std::str::from_utf8(body).map_err(|error| garbled("bytes that are no text", error.to_string()))?;
    let mut scores = Vec::with_capacity(rows * outputs);
    for number in text.trim().split([',', '\n']).map(str::trim) {
        let score: f64 = number.parse().map_err(|_| {
            garbled("something that is no score", format!("{:?} where a score was expected", excerpt(number)))
        })?;
        if !score.is_finite() {
            let row = scores.len() / outputs + 1;
            return Err(garbled("a number that is no score", format!("{score} for row {row}")));
        }
        scores.push(score);
    }
    if scores.len() == rows * outputs {
        Ok(scores)
    } else {
        let found = scores.len();
        Err(garbled(
            "another number of scores than there are rows",
            format!("{found} numbers for {rows} rows of {outputs} (scorer.sagemaker.outputs)"),
        ))
    }
}

/// What a failed call says about the endpoint, rather than about the rows.
fn upstream_fault(error: &ScoreError) -> Option<&UpstreamError> {
    match error {
        ScoreError::Upstream(upstream) => Some(upstream),
        _ => None,
    }
}

fn failure(error: SdkError<InvokeEndpointError, HttpResponse>) -> ScoreError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let Some(service) = error.as_service_error() else { return aws::failure(error).into() };
    let model_error = match service {
        InvokeEndpointError::ModelError(model) => {
            Some((model.original_status_code, model.original_message.clone()))
        }
        _ if status == Some(MODEL_ERROR) => Some((None, None)),
        _ => None,
    };
    match model_error {
        Some((status, message)) => {
            let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(MODEL_ERROR);
            let message = message.unwrap_or_default();
            let reason = ABOUT_THE_ROWS.contains(&status).then(|| message::plain(&message));
            ScoreError::Refused { status, reason, source: cause(error) }
        }
        None => aws::failure(error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::chain;

    #[test]
    fn rows_as_csv() {
        let mut rows = Batch::new(3);
        rows.push(&[1.0, f32::NAN, 0.1]);
        rows.push(&[-3418.0, 1e-38, 3.4e38]);
        assert_eq!(String::from_utf8(csv_body(&rows)).expect("ASCII"), "1,nan,0.1\n-3418,1e-38,3.4e+38");
    }

    #[test]
    fn answers_of_every_container() {
        let read = |body: &str, rows, outputs| {
            read_scores(body.as_bytes(), rows, outputs).map_err(|error| chain(&error))
        };
        assert_eq!(read("0.9275041222572327\n", 1, 1), Ok(vec![0.927_504_122_257_232_7]));
        assert_eq!(read("0.5,0.25", 2, 1), Ok(vec![0.5, 0.25]));
        assert_eq!(read("0.5\r\n0.25\r\n", 2, 1), Ok(vec![0.5, 0.25]));
        assert_eq!(read("0.5,0.5\n1e-05,0.75\n", 2, 2), Ok(vec![0.5, 0.5, 1e-5, 0.75]));
        for (body, said) in [
            ("", "it answered with something that is no score: \"\" where a score"),
            ("0.5\n0.5", "2 numbers for 1 rows"),
            ("nan", "NaN for row 1"),
            ("-inf", "-inf for row 1"),
            ("<html>", "\"<html>\" where a score"),
        ] {
            let error = read(body, 1, 1).expect_err(body);
            assert!(error.contains(said), "{error}");
        }
    }
}
