//! Answers that are remembered: a request that is alike is answered as the last one was, until there is a new model or table.

mod remembered;
mod request_key;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tower::Service;

use super::access::Asking;
use super::body::read_as_sent;
use super::name;
use super::routes::RouteNames;
use super::state::ApiState;
use crate::access::scope::Scope;
use crate::cache::Cache;
use crate::config;
use crate::telemetry::metrics::AnswerMetrics;
use remembered::{LARGEST, Remembered, Unkept, keep};
use request_key::{RequestKey, Versions, request_key};

pub(super) use remembered::Partial;

/// How an answer came about.
pub(super) const X_CACHE: HeaderName = name("x-cache");
const HIT: HeaderValue = HeaderValue::from_static("hit");
const MISS: HeaderValue = HeaderValue::from_static("miss");

/// Largest body of a request whose answer is remembered.
const LARGEST_REQUEST: u64 = 64 * 1024;
/// What an entry takes beside its key and its body, about: headers, the cache's own.
const OVERHEAD: usize = 1024;

/// The answers of one service.
pub struct AnswerCache {
    answers: Cache<RequestKey, Arc<Remembered>, Unkept>,
    config: config::Answers,
    metrics: AnswerMetrics,
}

impl AnswerCache {
    /// An empty one.
    #[must_use]
    pub fn new(config: config::Answers, metrics: AnswerMetrics) -> Self {
        let largest = LARGEST_REQUEST as usize + LARGEST + OVERHEAD;
        let answers = Cache::new(config.size, largest, |key: &RequestKey, answer: &Arc<Remembered>| {
            key.len() + answer.body.len() + OVERHEAD
        });
        Self { answers, config, metrics }
    }

    /// Whether answers of `route` to such requests are remembered.
    fn takes(&self, route: &str, request: &Request) -> bool {
        let is_ours = match *request.method() {
            Method::GET => matches!(route, "/predict/pair" | "/recommend/{user_id}"),
            Method::POST => match route {
                "/predict" | "/predict/pair" => true,
                "/explain" | "/explain/pair" => self.config.explain,
                _ => false,
            },
            _ => false,
        };
        is_ours && is_small(request)
    }

    /// What the caller may ask of the cache: nothing, a fresh answer, or one that is not kept either.
    fn bypass(&self, request: &Request) -> Option<Bypass> {
        let bypass = bypass(request.headers())?;
        let is_admin = || {
            let caller = request.extensions().get::<Asking>();
            caller.is_some_and(|caller| caller.0.scopes.has(Scope::Admin))
        };
        (!self.config.bypass_is_for_admins || is_admin()).then_some(bypass)
    }

    fn note_size(&self) {
        self.metrics.entries.set(i64::try_from(self.answers.len()).unwrap_or(i64::MAX));
        self.metrics.bytes.set(i64::try_from(self.answers.size()).unwrap_or(i64::MAX));
    }
}

/// A body whose size is told, and is small.
fn is_small(request: &Request) -> bool {
    use axum::body::HttpBody;
    request.body().size_hint().upper().is_some_and(|size| size <= LARGEST_REQUEST)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bypass {
    /// A fresh answer, which takes the place of the one that is kept.
    Fresh,
    /// One that is not kept.
    NoStore,
}

/// RFC 9111, 5.2.1.
fn bypass(headers: &HeaderMap) -> Option<Bypass> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let directives =
        lines.flat_map(|line| line.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    directives.fold(None, |found, directive| match directive.as_str() {
        "no-store" => Some(Bypass::NoStore),
        "no-cache" | "max-age=0" => found.or(Some(Bypass::Fresh)),
        _ => found,
    })
}

/// The layer before the routes.
#[derive(Clone)]
pub(super) struct Answers<S> {
    state: ApiState,
    routes: Arc<RouteNames>,
    inner: S,
}

impl<S> Answers<S> {
    pub(super) fn new(state: ApiState, routes: Arc<RouteNames>, inner: S) -> Self {
        Self { state, routes, inner }
    }
}

impl<S> Service<Request> for Answers<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(cache) = &self.state.answers {
            let route = self.routes.of(request.uri().path()).pattern;
            if cache.takes(route, &request) {
                // The one that was asked whether it is ready does the work.
                let other = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, other);
                return Answering::Kept { answer: Box::pin(answer(self.state.clone(), inner, request)) };
            }
        }
        Answering::Plain { answer: self.inner.call(request) }
    }
}

/// An answer that is remembered, or made for all who ask for it now.
async fn answer<S>(state: ApiState, mut inner: S, request: Request) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Send,
{
    let Some(cache) = &state.answers else { return inner.call(request).await };
    let bypass = cache.bypass(&request);
    let (parts, body) = request.into_parts();
    let body = match read_as_sent(&state, body).await {
        Ok(body) => body.bytes,
        Err(fault) => return Ok(fault.into_response()),
    };
    let versions = Versions::of(&state);
    let key = request_key(&parts, &body, &versions, &state.pass_headers);
    let request = Request::from_parts(parts, Body::from(body));
    let make = async {
        let Ok(response) = inner.call(request).await;
        keep(response, &state, &versions).await
    };
    let mut is_fresh = bypass.is_some();
    let kept = if let Some(bypass) = bypass {
        cache.metrics.bypassed.inc();
        let kept = make.await;
        if let (Ok(kept), Bypass::Fresh) = (&kept, bypass) {
            cache.answers.insert(key, Arc::clone(kept), cache.config.ttl);
        }
        kept
    } else {
        let make = async {
            is_fresh = true;
            make.await.map(|kept| (kept, cache.config.ttl))
        };
        let kept = cache.answers.get_or_make(&key, make).await;
        if is_fresh { &cache.metrics.misses } else { &cache.metrics.hits }.inc();
        kept
    };
    if is_fresh {
        cache.note_size();
    }
    let kept = kept.unwrap_or_else(|unkept| unkept.0);
    let mut response = kept.response(is_fresh);
    response.headers_mut().insert(X_CACHE, if is_fresh { MISS } else { HIT });
    Ok(response)
}

pin_project! {
    /// An answer under way. Named, so that those that are not remembered need no box.
    #[project = AnsweringProjection]
    pub(super) enum Answering<F> {
        Plain { #[pin] answer: F },
        Kept { answer: Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>> },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            AnsweringProjection::Plain { answer } => answer.poll(context),
            AnsweringProjection::Kept { answer } => answer.as_mut().poll(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_a_fresh_answer() {
        for (text, expected) in [
            ("", None),
            ("no-cache", Some(Bypass::Fresh)),
            ("No-Cache", Some(Bypass::Fresh)),
            ("max-age=0", Some(Bypass::Fresh)),
            ("max-age=0, no-cache", Some(Bypass::Fresh)),
            ("no-cache, no-store", Some(Bypass::NoStore)),
            ("max-age=60", None),
            ("max-age=00", None),
            ("only-if-cached", None),
        ] {
            let headers = HeaderMap::from_iter([(header::CACHE_CONTROL, text.parse().unwrap())]);
            assert_eq!(bypass(&headers), expected, "{text}");
        }
    }
}
