//! One pool of connections and one set of credentials for all clients of AWS, built only if the configuration needs them.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

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
use crate::config::{Aws, Calls};

/// First and longest wait before another attempt; each is shortened at random.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(500));

/// Why AWS cannot be called at all.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// Neither we nor the environment say which region.
    #[error(
        "aws.region: no region is set here, in AWS_REGION or in a profile, and EC2/ECS metadata names none"
    )]
    NoRegion,
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
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
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
    if config.region().is_none() { Err(AwsError::NoRegion) } else { Ok(config) }
}

/// The limits of one attempt and of all attempts of a call.
#[must_use]
pub fn timeouts(aws: &SdkConfig, calls: &Calls) -> TimeoutConfig {
    let shared = aws.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    shared.operation_attempt_timeout(calls.attempt_timeout).operation_timeout(calls.timeout).build()
}

/// Few attempts, soon after one another. The SDK's token bucket is the budget: it ends retries while most of them fail.
#[must_use]
pub fn retries(calls: &Calls) -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(calls.attempts)
        .with_initial_backoff(BACKOFF.0)
        .with_max_backoff(BACKOFF.1)
}

/// Words for "fewer calls, please": AWS has many, most of them with status 400.
const THROTTLES: [&str; 9] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
];

/// What a failed call means for its caller.
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
    let code = code.unwrap_or_default().to_owned();
    // A throttled SageMaker endpoint may say nothing but 400.
    let wordless = status == 400 && code.is_empty() && message.is_none();
    if status == 429 || wordless || THROTTLES.contains(&code.as_str()) {
        UpstreamError::Throttled(cause(error))
    } else if status == 503 {
        UpstreamError::Unavailable(cause(error))
    } else if (400..500).contains(&status) {
        let code = if code.is_empty() { format!("status {status}") } else { code };
        UpstreamError::Refused { code, source: cause(error) }
    } else if (200..300).contains(&status) {
        UpstreamError::Failed { what: "it broke off its answer".to_owned(), source: cause(error) }
    } else {
        let what = format!("it failed with status {status} {code}").trim_end().to_owned();
        UpstreamError::Failed { what, source: cause(error) }
    }
}
