//! What stands around every answer, whatever its protocol, in one service: every request passes here, and pays for no box, no
//! second body and no header map of its own. Each job has a file of its own; the order of them is here.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use pin_project_lite::pin_project;
use tokio::time::{Timeout, timeout};
use tower::Service;

use super::cors::{CorsPolicy, Origin};
use super::deadline::too_late;
use super::observe::Seen;
use super::panic::panicked;
use super::render::{Renderer, render};
use super::request_id::{RequestId, request_id};
use crate::api::routes::RouteNames;
use crate::api::state::ApiState;

/// What every request of one service meets.
pub(in crate::api) struct Surroundings {
    pub(in crate::api) state: ApiState,
    pub(in crate::api) routes: Arc<RouteNames>,
    pub(in crate::api) cors: CorsPolicy,
    pub(in crate::api) renderer_of: fn(&str) -> Renderer,
}

/// The layer around everything but compression: sees each request first and its answer last.
#[derive(Clone)]
pub(in crate::api) struct Envelope<S> {
    surroundings: Arc<Surroundings>,
    inner: S,
}

impl<S> Envelope<S> {
    pub(in crate::api) fn new(surroundings: Arc<Surroundings>, inner: S) -> Self {
        Self { surroundings, inner }
    }
}

impl<S> Service<Request> for Envelope<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let Surroundings { state, routes, cors, renderer_of } = &*self.surroundings;
        let id = request_id(request.headers());
        request.extensions_mut().insert(RequestId(id.clone()));
        let seen = Some(Seen::begin(state.clone(), routes.of(request.uri().path()), &id, &request));
        let renderer = renderer_of(request.uri().path());
        let origin = cors.allowed(request.headers());
        let answer = match cors.preflight(&request) {
            Some(response) => Pending::Settled { response: Some(response) },
            None => match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
                Ok(answer) => Pending::Inner { answer: timeout(state.deadline, answer) },
                Err(_) => Pending::Settled { response: Some(panicked()) },
            },
        };
        Answering { answer, surroundings: Arc::clone(&self.surroundings), renderer, origin, id, seen }
    }
}

pin_project! {
    /// An answer under way.
    pub(in crate::api) struct Answering<F> {
        #[pin]
        answer: Pending<F>,
        surroundings: Arc<Surroundings>,
        renderer: Renderer,
        origin: Origin,
        id: HeaderValue,
        seen: Option<Seen>,
    }
}

pin_project! {
    #[project = PendingProjection]
    enum Pending<F> {
        // Without the router.
        Settled { response: Option<Response> },
        Inner { #[pin] answer: Timeout<F> },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let surroundings = &**this.surroundings;
        let mut response = match this.answer.project() {
            PendingProjection::Settled { response } => response.take().expect("polled once: this is a bug"),
            // A panic below this line is a fault; above it there is nothing that could panic. The deadline cuts the reading
            // of the body and the work of the handler alike.
            PendingProjection::Inner { answer } => {
                match catch_unwind(AssertUnwindSafe(|| answer.poll(context))) {
                    Ok(polled) => match ready!(polled) {
                        Ok(Ok(response)) => response,
                        Err(_) => too_late(surroundings.state.deadline),
                    },
                    Err(_) => panicked(),
                }
            }
        };
        // Failures are worded in the protocol of the request, and carry the headers by which pages may read them.
        render(&mut response, *this.renderer, this.id);
        surroundings.cors.allow(&mut response, this.origin);
        if let Some(seen) = this.seen.take() {
            seen.end(&mut response, this.id);
        }
        Poll::Ready(Ok(response))
    }
}
