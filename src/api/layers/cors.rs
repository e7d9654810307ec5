//! Which pages may call, as the Fetch standard has them ask (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::Response;

use crate::api::name;
use crate::config::{Cors, OriginPattern, Origins};

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,POST");
/// Headers of answers that pages may read beside the few that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-model-version,x-request-id,server-timing,retry-after,www-authenticate,age,x-cache,ratelimit,ratelimit-policy,\
     inference-header-content-length",
);
const TRUE: HeaderValue = HeaderValue::from_static("true");
/// Private Network Access (<https://wicg.github.io/private-network-access>): a page of the internet asks for an address at home.
const REQUEST_PRIVATE_NETWORK: HeaderName = name("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = name("access-control-allow-private-network");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");
const BY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// Where a request comes from.
pub(super) struct Origin {
    /// Whose page may read the answer: any, the one that asks, or none.
    allowed: Option<HeaderValue>,
    /// Whether a page of another origin asks. Others need not hear what they may read, which is the longest of all headers.
    is_another: bool,
}

/// The configured origins, and how long browsers remember what they were told.
pub(in crate::api) struct CorsPolicy {
    origins: Origins,
    max_age: HeaderValue,
    credentials: bool,
    private_network: bool,
}

impl CorsPolicy {
    pub(in crate::api) fn new(cors: &Cors) -> Self {
        Self {
            origins: cors.origins.clone(),
            max_age: cors.max_age.as_secs().into(),
            credentials: cors.credentials,
            private_network: cors.private_network,
        }
    }

    /// Where a request with these headers comes from, and whether that is allowed.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Origin {
        let origin = headers.get(header::ORIGIN);
        let is_listed = |patterns: &[OriginPattern], origin: &HeaderValue| {
            origin.to_str().is_ok_and(|origin| patterns.iter().any(|pattern| pattern.matches(origin)))
        };
        let allowed = match &self.origins {
            Origins::Any => Some(ANY),
            Origins::Only(patterns) => origin.filter(|origin| is_listed(patterns, origin)).cloned(),
        };
        Origin { allowed, is_another: origin.is_some() }
    }

    /// The answer to a browser that asks before it sends the request itself.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        if request.method() != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        if let Some(asked) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        if self.private_network && request.headers().get(REQUEST_PRIVATE_NETWORK) == Some(&TRUE) {
            headers.insert(ALLOW_PRIVATE_NETWORK, TRUE);
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        headers.insert(header::VARY, BY_PREFLIGHT);
        Some(response)
    }

    /// Tells browsers whose pages may read `response`.
    pub(super) fn allow(&self, response: &mut Response, origin: &Origin) {
        let headers = response.headers_mut();
        if let Some(allowed) = &origin.allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
            if origin.is_another {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            }
        }
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if matches!(self.origins, Origins::Only(_)) {
            headers.append(header::VARY, BY_ORIGIN);
        }
    }
}
