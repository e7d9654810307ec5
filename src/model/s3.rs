//! A model in S3, told from its successor by its `ETag`.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryPartition;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_types::service_config::ServiceConfigKey;

use super::{ModelFile, ModelSource, Revision, SourceError};
use crate::cause::chain;

/// Longest time until an answer begins, and until the whole object is here.
const ANSWER: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_mins(5);
const ATTEMPTS: u32 = 3;
const NOT_MODIFIED: u16 = 304;

/// An object, which may be replaced.
pub struct S3Object {
    client: Client,
    bucket: String,
    key: String,
    /// Largest object that is read, in bytes.
    limit: usize,
}

impl S3Object {
    /// The object `key` in `bucket`, which need not be there yet, of at most `limit` bytes. Calls nobody.
    #[must_use]
    pub fn new(sdk: &SdkConfig, bucket: &str, key: &str, limit: usize) -> Self {
        let shared = sdk.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let config = Builder::from(sdk)
            .timeout_config(shared.operation_attempt_timeout(ANSWER).read_timeout(ANSWER).build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .retry_partition(RetryPartition::new("s3"))
            // Other servers than AWS's own mostly have no name per bucket.
            .force_path_style(has_own_endpoint(sdk));
        let client = Client::from_conf(config.build());
        Self { client, bucket: bucket.to_owned(), key: key.to_owned(), limit }
    }

    async fn get(&self, known: Option<&Revision>) -> Result<Option<ModelFile>, SourceError> {
        let known = known.map(|Revision(etag)| etag.clone());
        let request = self.client.get_object().bucket(&self.bucket).key(&self.key).set_if_none_match(known);
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            Err(error) if status(&error) == Some(NOT_MODIFIED) => return Ok(None),
            Err(error) => return Err(SourceError(reason(&error))),
        };
        let revision = Revision(answer.e_tag.unwrap_or_default());
        let mut bytes = Vec::new();
        let mut body = answer.body;
        let announced = usize::try_from(answer.content_length.unwrap_or_default()).unwrap_or_default();
        self.check_size(announced)?;
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| SourceError(chain(&error)))?);
            self.check_size(bytes.len())?;
        }
        Ok(Some(ModelFile { bytes, revision }))
    }

    fn check_size(&self, size: usize) -> Result<(), SourceError> {
        let limit = self.limit;
        if size <= limit {
            return Ok(());
        }
        Err(SourceError(format!("{size} bytes are more than the {limit} of model.size_limit")))
    }
}

/// Whether another server stands in for S3, as the SDK reads it from the configuration and the environment.
fn has_own_endpoint(sdk: &SdkConfig) -> bool {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let named = |key| sdk.service_config().is_some_and(|config| config.load_config(key).is_some());
    sdk.endpoint_url().is_some() || key.is_ok_and(named)
}

#[async_trait]
impl ModelSource for S3Object {
    fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    async fn fetch(&self) -> Result<ModelFile, SourceError> {
        let file = in_time(self.get(None)).await?;
        file.ok_or_else(|| SourceError("S3 answered \"not modified\" to an unconditional request".to_owned()))
    }

    async fn fetch_if_changed(&self, known: &Revision) -> Result<Option<ModelFile>, SourceError> {
        in_time(self.get(Some(known))).await
    }
}

async fn in_time<T>(get: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    tokio::time::timeout(WHOLE, get)
        .await
        .unwrap_or_else(|_| Err(SourceError(format!("the object has not arrived after {WHOLE:?}"))))
}

fn status(error: &SdkError<GetObjectError, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

fn reason(error: &SdkError<GetObjectError, HttpResponse>) -> String {
    match error.as_service_error() {
        Some(GetObjectError::NoSuchKey(_)) => "there is no such object".to_owned(),
        Some(refusal) => {
            let code = refusal.code().map_or_else(|| format!("status {:?}", status(error)), str::to_owned);
            let message = refusal.message().unwrap_or("without a reason");
            format!("S3 refuses it with {code}: {message}")
        }
        None => chain(error),
    }
}
