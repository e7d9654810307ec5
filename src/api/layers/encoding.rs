//! Content codings of answers, for those who ask for one.
//!
//! The state of an encoder is kilobytes, and part of a compressed body; an answer that nobody wants compressed goes around it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::Service;
use tower_http::compression::predicate::DefaultPredicate;
use tower_http::compression::{Compression, ResponseFuture};

/// Answers depend on the header whether they are compressed or not.
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Compresses the answers of those who accept it.
#[derive(Clone)]
pub(in crate::api) struct Encode<S> {
    plain: S,
    compressed: Compression<S>,
}

impl<S: Clone> Encode<S> {
    pub(in crate::api) fn new(inner: S) -> Self {
        Self { plain: inner.clone(), compressed: Compression::new(inner) }
    }
}

impl<S> Service<Request> for Encode<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Encoding<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.plain.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if offers_a_coding(request.headers()) {
            Encoding::Compressed { answer: Box::pin(self.compressed.call(request)) }
        } else {
            Encoding::Plain { answer: self.plain.call(request) }
        }
    }
}

pin_project! {
    /// An answer under way, compressed or not.
    #[project = EncodingProjection]
    pub(in crate::api) enum Encoding<F> {
        Plain { #[pin] answer: F },
        Compressed { answer: Pin<Box<ResponseFuture<F, DefaultPredicate>>> },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Encoding<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project() {
            EncodingProjection::Plain { answer } => {
                let Ok(mut response) = ready!(answer.poll(context));
                vary(response.headers_mut());
                response
            }
            EncodingProjection::Compressed { answer } => {
                let Ok(response) = ready!(answer.as_mut().poll(context));
                response.map(Body::new)
            }
        }))
    }
}

/// Answers that are negotiated say so themselves.
fn vary(headers: &mut HeaderMap) {
    let is_said = headers.get_all(header::VARY).iter().any(|by| by.as_bytes().ends_with(VARY.as_bytes()));
    if !is_said {
        headers.append(header::VARY, VARY);
    }
}

/// Whether a coding of ours is accepted. Where none is and the plain form is refused too, the answer goes out as it is, as RFC
/// 9110 (12.5.3) lets servers do: it helps more than a refusal of what is there already.
fn offers_a_coding(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    accepted.filter_map(|value| value.to_str().ok()).any(|value| value.split(',').any(is_ours))
}

fn is_ours(one: &str) -> bool {
    let (name, quality) = one.split_once(';').unwrap_or((one, ""));
    let quality: Option<f32> =
        quality.trim().strip_prefix("q=").and_then(|quality| quality.trim().parse().ok());
    ["gzip", "br", "*"].iter().any(|ours| name.trim().eq_ignore_ascii_case(ours)) && quality != Some(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_of_ours() {
        for (accepted, is_offered) in [
            ("gzip", true),
            ("identity;q=0", false),
            ("*;q=0", false),
            ("*", true),
            ("identity;q=0, br", true),
            ("identity; q=0, deflate, gzip;q=0", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().unwrap())]);
            assert_eq!(offers_a_coding(&headers), is_offered, "{accepted}");
        }
        assert!(!offers_a_coding(&HeaderMap::new()));
    }
}
