//! `[aws]`, and the sections of the adapters that call it.

use std::time::Duration;

use super::reader::Reader;

/// `[aws]`: what all clients of AWS share.
#[derive(Debug, Clone)]
pub struct Aws {
    /// `aws.region`
    pub region: Option<String>,
    /// `aws.endpoint_url`
    pub endpoint_url: Option<String>,
    /// `aws.connect_timeout`
    pub connect_timeout: Duration,
    /// `aws.idle_timeout`
    pub idle_timeout: Duration,
}

/// How an upstream may be called: the keys that its section shares with those of the other upstreams.
#[derive(Debug, Clone)]
pub struct Calls {
    /// `….attempt_timeout`
    pub attempt_timeout: Duration,
    /// `….timeout`, over all attempts
    pub timeout: Duration,
    /// `….attempts`
    pub attempts: u32,
    /// `….in_flight`
    pub in_flight: usize,
    /// `….waiting`
    pub waiting: usize,
    /// `….breaker_rate`, above 0 and up to 1
    pub breaker_rate: f64,
    /// `….breaker_calls`
    pub breaker_calls: usize,
    /// `….breaker_pause`
    pub breaker_pause: Duration,
}

/// `[scorer.sagemaker]`: the endpoint.
#[derive(Debug, Clone)]
pub struct SageMaker {
    /// `scorer.sagemaker.endpoint_name`
    pub endpoint_name: String,
    /// `scorer.sagemaker.target_variant`
    pub target_variant: Option<String>,
    /// `scorer.sagemaker.target_model`
    pub target_model: Option<String>,
    /// `scorer.sagemaker.inference_component`
    pub inference_component: Option<String>,
    /// `scorer.sagemaker.custom_attributes`
    pub custom_attributes: Option<String>,
    /// `scorer.sagemaker.pass_headers`, in lower case
    pub pass_headers: Vec<String>,
    /// `scorer.sagemaker.outputs`
    pub outputs: usize,
    /// `scorer.sagemaker.payload_limit`, in bytes
    pub payload_limit: usize,
    /// `scorer.sagemaker.batch_rows`
    pub batch_rows: usize,
    /// The keys shared with other upstreams.
    pub calls: Calls,
}

/// Headers that [`SageMaker::pass_headers`] may name.
pub const PASSED: [&str; 5] = [
    "x-amzn-sagemaker-target-variant",
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-inference-component",
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-custom-attributes",
];

pub(super) fn aws(reader: &mut Reader<'_>) -> Aws {
    Aws {
        region: region(reader),
        endpoint_url: reader.url("aws.endpoint_url"),
        connect_timeout: reader.duration("aws.connect_timeout"),
        idle_timeout: reader.duration("aws.idle_timeout"),
    }
}

fn region(reader: &mut Reader<'_>) -> Option<String> {
    const KEY: &str = "aws.region";
    let region = reader.optional(KEY)?;
    if let Err(what) = check_region(&region) {
        reader.mistake(KEY, what);
    }
    Some(region)
}

/// Whether `region` can be a region: it becomes a part of host names and signatures.
///
/// # Errors
/// What is wrong with it.
pub fn check_region(region: &str) -> Result<(), String> {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if region.len() <= 63 && region.split('-').all(is_part) {
        return Ok(());
    }
    Err(format!("expected a region like \"eu-west-1\", found {region:?}"))
}

/// The shared keys of the upstream whose section is `section`; its calls end before the request's `deadline`.
pub(super) fn calls(reader: &mut Reader<'_>, section: &str, deadline: Duration) -> Calls {
    let key = |name: &str| format!("{section}.{name}");
    let calls = Calls {
        attempt_timeout: reader.duration(&key("attempt_timeout")),
        timeout: reader.duration(&key("timeout")),
        attempts: u32::try_from(reader.count(&key("attempts"))).unwrap_or(u32::MAX),
        in_flight: reader.count(&key("in_flight")),
        waiting: reader.count(&key("waiting")),
        breaker_rate: reader.share(&key("breaker_rate")),
        breaker_calls: reader.count(&key("breaker_calls")),
        breaker_pause: reader.duration(&key("breaker_pause")),
    };
    if calls.attempt_timeout > calls.timeout {
        reader.mistake(&key("attempt_timeout"), format!("is longer than {section}.timeout"));
    }
    if calls.breaker_rate == 0.0 {
        reader.mistake(&key("breaker_rate"), "is 0: expected a share above it, up to 1".to_owned());
    }
    calls_end_in_time(reader, &key("timeout"), calls.timeout, deadline);
    calls
}

/// A call that outlives its request would be cut off before it can say why it failed.
fn calls_end_in_time(reader: &mut Reader<'_>, key: &str, timeout: Duration, deadline: Duration) {
    if timeout >= deadline && !deadline.is_zero() {
        reader.mistake(key, format!("is not shorter than server.deadline, {deadline:?}"));
    }
}

/// `None` when no endpoint is named; then the deadline is not compared with keys that nobody uses.
pub(super) fn sagemaker(reader: &mut Reader<'_>, deadline: Duration) -> Option<SageMaker> {
    const ENDPOINT: &str = "scorer.sagemaker.endpoint_name";
    const PASS: &str = "scorer.sagemaker.pass_headers";
    let endpoint_name = reader.optional(ENDPOINT);
    let used = if endpoint_name.is_some() { deadline } else { Duration::ZERO };
    let pass_headers: Vec<_> = reader.list(PASS).iter().map(|name| name.to_ascii_lowercase()).collect();
    for name in &pass_headers {
        if !PASSED.contains(&name.as_str()) {
            reader.mistake(PASS, format!("{name:?} is none of {}", PASSED.join(", ")));
        }
    }
    let mut text = |name: &str, longest: usize| {
        let key = format!("scorer.sagemaker.{name}");
        let value = reader.optional(&key);
        if let Some(what) = value.as_deref().and_then(|value| check_header(value, longest).err()) {
            reader.mistake(&key, what);
        }
        value
    };
    let target_variant = text("target_variant", 63);
    let target_model = text("target_model", 1024);
    let inference_component = text("inference_component", 63);
    let custom_attributes = text("custom_attributes", 1024);
    let outputs = reader.count("scorer.sagemaker.outputs");
    let payload_limit = reader.size("scorer.sagemaker.payload_limit");
    let batch_rows = reader.count("scorer.sagemaker.batch_rows");
    let calls = calls(reader, "scorer.sagemaker", used);
    let endpoint_name = endpoint_name?;
    let is_name = endpoint_name.len() <= 63
        && endpoint_name.split('-').next().is_some_and(|first| !first.is_empty())
        && !endpoint_name.ends_with('-')
        && endpoint_name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_name {
        let what = format!(
            "expected the name of an endpoint, up to 63 letters, digits and inner hyphens, found {endpoint_name:?}"
        );
        reader.mistake(ENDPOINT, what);
    }
    Some(SageMaker {
        endpoint_name,
        target_variant,
        target_model,
        inference_component,
        custom_attributes,
        pass_headers,
        outputs,
        payload_limit,
        batch_rows,
        calls,
    })
}

/// Whether SageMaker takes `value` as a header: visible ASCII, no more than `longest` characters.
///
/// # Errors
/// What is wrong with it.
pub fn check_header(value: &str, longest: usize) -> Result<(), String> {
    if value.len() > longest || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(format!("expected up to {longest} visible ASCII characters, found {value:?}"));
    }
    Ok(())
}
