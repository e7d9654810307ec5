//! What those hear who are not let in, and what is left to those who are.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::access::meter::{Allowance, Exceeded, Left};
use crate::access::{Caller, Denied, Plan};
use crate::api::fault::{Code, Fault};
use crate::api::name;

/// draft-ietf-httpapi-ratelimit-headers-10.
pub(in crate::api) const RATE_LIMIT: HeaderName = name("ratelimit");
pub(in crate::api) const RATE_LIMIT_POLICY: HeaderName = name("ratelimit-policy");

const ASCII: &str = "names and digits are visible ASCII: this is a bug";

/// An answer without a challenge.
pub(super) fn plainly(fault: Fault) -> Response {
    fault.into_response()
}

/// Nobody is known, or not for this: with the challenge of RFC 6750 (3).
pub(super) fn denied(denied: Denied) -> Response {
    const HOW: &str = "send a key as x-api-key or as Authorization: Bearer";
    let (code, detail, challenge) = match denied {
        Denied::Missing => {
            (Code::Unauthenticated, format!("{denied}; {HOW}"), "Bearer realm=\"imba\"".to_owned())
        }
        Denied::Scope(scope) => (
            Code::Forbidden,
            denied.to_string(),
            format!("Bearer realm=\"imba\", error=\"insufficient_scope\", scope=\"{}\"", scope.word()),
        ),
        Denied::Malformed(_) => (
            Code::Unauthenticated,
            format!("{denied}; {HOW}"),
            "Bearer realm=\"imba\", error=\"invalid_request\"".to_owned(),
        ),
        Denied::Key | Denied::Token(_) | Denied::Signature(_) => (
            Code::Unauthenticated,
            denied.to_string(),
            format!("Bearer realm=\"imba\", error=\"invalid_token\", error_description=\"{denied}\""),
        ),
    };
    let mut response = Fault::new(code, detail).into_response();
    let challenge = HeaderValue::try_from(challenge).expect(ASCII);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// The plan allows no more for now.
pub(super) fn exceeded(caller: &Caller, exceeded: Exceeded) -> Response {
    let plan = caller.plan.as_ref();
    let name = plan.map_or("", |plan| &plan.name);
    let (code, key, retry_after, left) = match exceeded {
        Exceeded::Rate { retry_after, left } => (Code::RateLimited, "rate", retry_after, left),
        Exceeded::Quota { retry_after, left } => (Code::QuotaExceeded, "quota", retry_after, left),
    };
    let mut fault =
        Fault::new(code, format!("the {key} of plan {name:?} is used up (access.plans.{name}.{key})"));
    // Nobody is told to come back at once.
    fault.retry_after = Some(retry_after.max(Duration::from_millis(1)));
    let mut response = fault.into_response();
    if let Some(plan) = plan {
        tell(response.headers_mut(), plan, &left);
    }
    response
}

/// Adds to an answer what its caller may ask, and what is left of it.
pub(super) fn tell(headers: &mut HeaderMap, plan: &Plan, left: &Allowance) {
    let (mut text, mut number) = (Vec::with_capacity(64), itoa::Buffer::new());
    let limits = [("rate", left.rate), ("quota", left.quota)];
    for (limit, Left { requests, reset }) in limits.iter().filter_map(|(limit, left)| Some((limit, (*left)?)))
    {
        let seconds = reset.as_secs() + u64::from(reset.subsec_nanos() > 0);
        let separator = if text.is_empty() { "\"" } else { ", \"" };
        for part in [separator, &*plan.name, ".", *limit, "\";r=", number.format(requests), ";t="] {
            text.extend_from_slice(part.as_bytes());
        }
        text.extend_from_slice(number.format(seconds).as_bytes());
    }
    if text.is_empty() {
        return;
    }
    let shared = |text: Bytes| HeaderValue::from_maybe_shared(text).expect(ASCII);
    headers.insert(RATE_LIMIT, shared(text.into()));
    headers.insert(RATE_LIMIT_POLICY, shared(plan.policy.clone()));
}
