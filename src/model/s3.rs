//! A model in S3, told from its successor by its `ETag`.
//!
//! One signed GET is all that is asked of S3, over the HTTP client and with the credentials that the SDK's other clients use: the
//! SDK's client for S3 is larger than the rest of the program.

mod object;
mod signed;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;

use self::object::{Answer, Reader, Refusal};
use self::signed::{Address, signed_headers};
use super::{ModelFile, ModelSource, Revision, SourceError};
use crate::cause::chain;

/// Longest time until an answer begins, and until the whole object is here.
const ANSWER: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_mins(5);
const ATTEMPTS: u32 = 3;
/// Credentials this close to expiry are no longer used.
const NEAR_END: Duration = Duration::from_mins(1);

/// The headers of a request; its path is the object's.
type Headers = Vec<(String, String)>;

/// An object, which may be replaced.
pub struct S3Object {
    sdk: SdkConfig,
    bucket: String,
    key: String,
    address: Address,
    get: Operation<Headers, Answer, Refusal>,
    credentials: Mutex<Option<Credentials>>,
    /// Largest object that is read, in bytes.
    limit: usize,
}

impl S3Object {
    /// The object `key` in `bucket`, which need not exist yet, of at most `limit` bytes. Makes no call.
    #[must_use]
    pub fn new(sdk: &SdkConfig, bucket: &str, key: &str, limit: usize) -> Self {
        let address = Address::new(sdk, bucket, key);
        Self {
            get: operation(sdk, &address),
            sdk: sdk.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            address,
            credentials: Mutex::default(),
            limit,
        }
    }

    async fn get(&self, known: Option<&Revision>) -> Result<Option<ModelFile>, SourceError> {
        let condition = known.map(|Revision(etag)| ("if-none-match", etag.as_str()));
        let region = self.sdk.region().map_or("us-east-1", AsRef::as_ref);
        let credentials = self.credentials().await?;
        let headers =
            signed_headers(&self.address, region, condition.as_slice(), credentials, SystemTime::now())
                .map_err(|error| SourceError(chain(&*error)))?;
        let (revision, length, mut body) = match Box::pin(self.get.invoke(headers)).await {
            Ok(Answer::Object { revision, length, body }) => (revision, length, body),
            Ok(Answer::NotModified) => return Ok(None),
            Err(error) => return Err(SourceError(self.reason(&error))),
        };
        self.check_size(length.unwrap_or_default())?;
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| SourceError(chain(&*error)))?;
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], AsRef::as_ref));
            self.check_size(bytes.len())?;
        }
        Ok(Some(ModelFile { bytes, revision: Revision(revision) }))
    }

    /// The last request's credentials, until they expire.
    async fn credentials(&self) -> Result<Credentials, SourceError> {
        let remembered = self.remembered().clone();
        let lasts = |found: &Credentials| {
            found
                .expiry()
                .is_none_or(|end| end.duration_since(SystemTime::now()).is_ok_and(|left| left > NEAR_END))
        };
        if let Some(found) = remembered.filter(lasts) {
            return Ok(found);
        }
        let provider = self.sdk.credentials_provider();
        let provider = provider.ok_or_else(|| SourceError("there are no credentials for AWS".to_owned()))?;
        let found = provider.provide_credentials().await.map_err(|error| SourceError(chain(&error)))?;
        *self.remembered() = Some(found.clone());
        Ok(found)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Option<Credentials>> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_size(&self, size: usize) -> Result<(), SourceError> {
        let limit = self.limit;
        if size <= limit {
            return Ok(());
        }
        Err(SourceError(format!("{size} bytes are more than the {limit} of model.size_limit")))
    }

    /// Why there is no object; rejected credentials are fetched anew next time.
    fn reason<R: std::fmt::Debug + Send + Sync + 'static>(&self, error: &SdkError<Refusal, R>) -> String {
        match error.as_service_error() {
            Some(refusal) if refusal.is_absent() => "there is no such object".to_owned(),
            Some(refusal) => {
                if refusal.is_of_credentials() {
                    *self.remembered() = None;
                }
                refusal.to_string()
            }
            None => chain(error),
        }
    }
}

/// The call of S3 with its attempts and timeouts.
fn operation(sdk: &SdkConfig, address: &Address) -> Operation<Headers, Answer, Refusal> {
    let shared = sdk.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    let path = address.path.clone();
    let mut operation = Operation::builder()
        .service_name("s3")
        .operation_name("GetObject")
        .endpoint_url(&address.endpoint)
        // The request is signed already.
        .no_auth()
        .timeout_config(shared.operation_attempt_timeout(ANSWER).read_timeout(ANSWER).build())
        .standard_retry(&RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .retry_classifier(TransientErrorClassifier::<Refusal>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .with_connection_poisoning()
        .serializer(move |headers: Headers| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_method("GET")?;
            request.set_uri(path.as_str())?;
            for (name, value) in headers {
                request.headers_mut().try_insert(name, value)?;
            }
            Ok(request)
        })
        .deserializer_impl(Reader);
    if let Some(http) = sdk.http_client() {
        operation = operation.http_client(http);
    }
    if let Some(sleep) = sdk.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    operation.build()
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
