//! Faults in the words of the request's protocol.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::Service;

use super::request_id::REQUEST_ID;
use crate::api::fault::Fault;

/// A fault as a protocol words it.
pub(in crate::api) struct Rendered {
    pub(in crate::api) content_type: HeaderValue,
    pub(in crate::api) body: Vec<u8>,
    /// In place of the status that the table of faults has.
    pub(in crate::api) status: Option<StatusCode>,
    /// Beside the content type.
    pub(in crate::api) headers: HeaderMap,
}

impl Rendered {
    /// The fault in `body`, with the status that the table has.
    pub(in crate::api) fn new(content_type: HeaderValue, body: Vec<u8>) -> Self {
        Self { content_type, body, status: None, headers: HeaderMap::new() }
    }
}

/// What words the faults of one protocol; it is given the request's id.
pub(in crate::api) type Renderer = fn(&Fault, &str) -> Rendered;

/// Finds the renderer for a request by its path, before the request is answered or fails.
#[derive(Clone)]
pub(in crate::api) struct Render<S> {
    renderer_of: fn(&str) -> Renderer,
    inner: S,
}

impl<S> Render<S> {
    pub(in crate::api) fn new(renderer_of: fn(&str) -> Renderer, inner: S) -> Self {
        Self { renderer_of, inner }
    }
}

impl<S, B> Service<Request> for Render<S>
where
    S: Service<Request, Response = Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Rendering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let renderer = (self.renderer_of)(request.uri().path());
        let id = request.headers().get(REQUEST_ID).cloned();
        Rendering { answer: self.inner.call(request), renderer, id }
    }
}

pin_project! {
    /// An answer under way. Named, so that it needs no box: every request passes here.
    pub(in crate::api) struct Rendering<F> {
        #[pin]
        answer: F,
        renderer: Renderer,
        id: Option<HeaderValue>,
    }
}

impl<F, B> Future for Rendering<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(response) = ready!(this.answer.poll(context));
        let mut response = response.map(Body::new);
        if let Some(fault) = response.extensions().get::<Fault>() {
            let id = this.id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
            // A handler that serves several protocols at one path says whose words its fault is told in.
            let renderer = response.extensions().get::<Renderer>().unwrap_or(this.renderer);
            let rendered = renderer(fault, id);
            *response.body_mut() = Body::from(rendered.body);
            if let Some(status) = rendered.status {
                *response.status_mut() = status;
            }
            response.headers_mut().extend(rendered.headers);
            response.headers_mut().insert(header::CONTENT_TYPE, rendered.content_type);
            // The router has counted the empty body that stood here.
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        Poll::Ready(Ok(response))
    }
}
