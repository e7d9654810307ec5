//! One pool of connections and one source of credentials for all clients of AWS, built only if the configuration needs them.

mod credentials;

use std::borrow::Cow;
use std::error::Error;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_sagemakerruntime::config::http::HttpResponse;
use aws_sdk_sagemakerruntime::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::sync::OnceCell;

use super::UpstreamError;
use crate::cause::cause;
use crate::config::Aws;
use crate::config::cloud::check_region;

pub use credentials::CredentialsCache;

/// Why AWS cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// Neither the configuration nor the environment names a region.
    #[error(
        "aws.region: no region is set here, in AWS_REGION or in a profile, and EC2/ECS metadata names none"
    )]
    NoRegion,
    /// The environment names an impossible region.
    #[error("aws.region: the region that AWS_REGION or the profile names is wrong: {0}")]
    BadRegion(String),
}

/// What all clients are made from: one pool of connections, one set of credentials, made when it is first asked for.
pub struct AwsContext {
    settings: Aws,
    sdk: OnceCell<SdkConfig>,
}

impl AwsContext {
    /// The account that `settings` and the environment describe.
    #[must_use]
    pub fn new(settings: Aws) -> Self {
        Self { settings, sdk: OnceCell::new() }
    }

    /// An account whose settings are known in full.
    #[must_use]
    pub fn given(settings: Aws, sdk: SdkConfig) -> Self {
        Self { settings, sdk: OnceCell::from(sdk) }
    }

    /// What clients are made from.
    ///
    /// # Errors
    /// No region is known.
    pub async fn sdk(&self) -> Result<&SdkConfig, AwsError> {
        self.sdk.get_or_try_init(|| sdk_config(&self.settings)).await
    }
}

/// Resolves the region, not yet the credentials: those are fetched by the first call and kept fresh from then on.
///
/// # Errors
/// No region is known.
pub async fn sdk_config(aws: &Aws) -> Result<SdkConfig, AwsError> {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .pool_idle_timeout(aws.idle_timeout)
        .build_https();
    let chain = credentials::FreshChain::new(http.clone(), aws.region.clone());
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .credentials_provider(chain)
        // Attempts are made, counted and limited by the gate. The model's source asks for its own.
        .retry_config(RetryConfig::disabled())
        .app_name(AppName::new(Cow::Borrowed("imba")).expect("plain letters: this is a bug"))
        .timeout_config(TimeoutConfig::builder().connect_timeout(aws.connect_timeout).build())
        // It cuts off answers that pause for 5 s; ours are small, and bounded by the attempt's timeout.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(region) = &aws.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &aws.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    match config.region().map(AsRef::as_ref) {
        None | Some("") => Err(AwsError::NoRegion),
        Some(region) => check_region(region).map_err(AwsError::BadRegion).map(|()| config),
    }
}

/// Error codes for throttling: AWS has many, most of them with status 400.
const THROTTLES: [&str; 13] = [
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "ModelNotReadyException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Error codes for rejected credentials: they have expired, or are not, or not yet, known.
const STALE: [&str; 6] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "UnrecognizedClientException",
];

/// Error codes, with status 400, for a request that did not arrive in time.
const LATE: [&str; 2] = ["RequestTimeout", "RequestTimeoutException"];

/// What a failed attempt means for its caller.
pub fn failure<E>(error: SdkError<E, HttpResponse>) -> UpstreamError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if matches!(error, SdkError::TimeoutError(_)) {
        return UpstreamError::TimedOut(cause(error));
    }
    let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
        return UpstreamError::Unavailable(cause(error));
    };
    let (code, message) = match &error {
        SdkError::ServiceError(service) => (service.err().code(), service.err().message()),
        _ => (None, None),
    };
    // A throttled SageMaker endpoint may say nothing but 400.
    let wordless = status == 400 && code.is_none() && message.is_none();
    let said = message.map(str::to_owned);
    // It is shown to callers: one word, or nothing.
    let is_word = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code = code.filter(is_word).unwrap_or_default().to_owned();
    let source = match said {
        Some(said) => cause(Said { said, source: Box::new(error) }),
        None => cause(error),
    };
    let is_of = |words: &[&str]| words.contains(&code.as_str());
    if status == 429 || wordless || is_of(&THROTTLES) {
        UpstreamError::Throttled(source)
    } else if status == 503 || is_of(&LATE) {
        UpstreamError::Unavailable(source)
    } else if is_of(&STALE) {
        UpstreamError::Expired { code, source }
    } else if (400..500).contains(&status) {
        let code = if code.is_empty() { format!("status {status}") } else { code };
        UpstreamError::Refused { code, source }
    } else if (200..300).contains(&status) {
        UpstreamError::Failed { what: "it broke off its answer".to_owned(), source }
    } else {
        let what = format!("it failed with status {status} {code}").trim_end().to_owned();
        UpstreamError::Failed { what, source }
    }
}

/// AWS's own sentence about a failure.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct Said {
    said: String,
    source: Box<dyn Error + Send + Sync>,
}
