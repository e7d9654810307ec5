//! Headers by which a request says which of several models its rows are for, as the SageMaker API names them.
//!
//! Another model than the one that was asked for never answers: a choice that is not passed on is refused.

use std::sync::Arc;

use axum::http::header::AsHeaderName;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::name;
use crate::api::fault::{Code, Fault};
use crate::config::cloud::check_header;
use crate::scorer::InferenceTarget;

/// Headers that choose a model.
const CHOICES: [HeaderName; 4] = [
    name("x-amzn-sagemaker-target-variant"),
    name("x-amzn-sagemaker-target-model"),
    name("x-amzn-sagemaker-inference-component"),
    name("x-amzn-sagemaker-target-container-hostname"),
];

/// What the names of all of them begin with.
pub(super) const PREFIX: &str = "x-amzn-sagemaker-";

/// What the headers among `passed` ask for; `None` if there is none of them.
pub(super) fn target(headers: &HeaderMap, passed: &[String]) -> Result<Option<Arc<InferenceTarget>>, Fault> {
    // Hardly a request has one, and a look at the few names that it has is cheaper than to hash those that it has not.
    if !headers.keys().any(|name| name.as_str().starts_with(PREFIX)) {
        return Ok(None);
    }
    let is_refused = |name: &&HeaderName| {
        has(headers, *name).is_some() && !passed.iter().any(|passed| passed == name.as_str())
    };
    if let Some(name) = CHOICES.iter().find(is_refused) {
        let what = "one model answers here, and no other can be chosen (scorer.sagemaker.pass_headers)";
        return Err(Fault::new(Code::WrongParameter, format!("header {name}: {what}")));
    }
    let mut target = InferenceTarget::default();
    for name in passed {
        let Some(value) = has(headers, name.as_str()) else { continue };
        let (part, longest) = match name.trim_start_matches(PREFIX) {
            "target-variant" => (&mut target.variant, 63),
            "target-model" => (&mut target.model, 1024),
            "inference-component" => (&mut target.component, 63),
            "inference-id" => (&mut target.inference_id, 64),
            "custom-attributes" => (&mut target.custom_attributes, 1024),
            other => panic!("the configuration knows no header {other}: this is a bug"),
        };
        let wrong = |what: String| Fault::new(Code::WrongParameter, format!("header {name}: {what}"));
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        check_header(&value, longest).map_err(wrong)?;
        *part = Some(value);
    }
    Ok((target != InferenceTarget::default()).then(|| Arc::new(target)))
}

/// The header's value, unless it is empty, which chooses nothing.
fn has(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    headers.get(name).filter(|value| !value.is_empty())
}
