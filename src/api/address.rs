//! Paths as the routes know them: without the configured prefix, and without a slash at the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::response::Response;
use tower::Service;

/// The address that was asked for, where it is another one now.
#[derive(Clone)]
pub(super) struct Asked(pub(super) Uri);

/// The outermost layer.
#[derive(Clone)]
pub(super) struct Address<S> {
    base: Arc<str>,
    inner: S,
}

impl<S> Address<S> {
    pub(super) fn new(base: Arc<str>, inner: S) -> Self {
        Self { base, inner }
    }
}

impl<S> Service<Request> for Address<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if let Some(uri) = rewritten(request.uri(), &self.base) {
            let asked = std::mem::replace(request.uri_mut(), uri);
            request.extensions_mut().insert(Asked(asked));
        }
        self.inner.call(request)
    }
}

/// The address as the routes know it; `None` where it is that already.
fn rewritten(uri: &Uri, base: &str) -> Option<Uri> {
    let asked = uri.path();
    let path = asked.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let path = path.unwrap_or(asked);
    let path = match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    if path == asked || asked == "*" {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_and_slash_are_taken_off() {
        for (base, asked, known) in [
            ("", "/predict", None),
            ("", "/", None),
            ("", "/predict/", Some("/predict")),
            ("", "/predict//?a=/", Some("/predict?a=/")),
            ("", "//", Some("/")),
            ("/prod", "/prod", Some("/")),
            ("/prod", "/prod/", Some("/")),
            ("/prod", "/prod/predict?x", Some("/predict?x")),
            ("/prod", "/prod/predict/", Some("/predict")),
            ("/prod", "/predict", None),
            ("/prod", "/production", None),
            ("/prod", "/prod/prod", Some("/prod")),
            ("/a/b", "/a/b/livez", Some("/livez")),
            ("", "http://host:1/predict/?x", Some("http://host:1/predict?x")),
        ] {
            let uri = rewritten(&asked.parse().unwrap(), base).map(|uri| uri.to_string());
            assert_eq!(uri.as_deref(), known, "{base} {asked}");
        }
    }
}
