//! What every request gets, whatever its protocol: an id, its time, a count and a line in the access log.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::Service;
use tracing::error;

use super::request_id::{REQUEST_ID, identify};
use super::server_timing::{SERVER_TIMING, server_timing};
use crate::api::fault::Fault;
use crate::api::routes::{OTHER, RouteNames};
use crate::api::state::ApiState;
use crate::cause::chain;
use crate::telemetry::Stages;
use crate::telemetry::access_log::{ClientAddress, Line, Path};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The layer around everything but compression: sees each request first and its answer last.
#[derive(Clone)]
pub(in crate::api) struct Observe<S> {
    state: ApiState,
    routes: Arc<RouteNames>,
    inner: S,
}

impl<S> Observe<S> {
    pub(in crate::api) fn new(state: ApiState, routes: Arc<RouteNames>, inner: S) -> Self {
        Self { state, routes, inner }
    }
}

impl<S, B> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let route = self.routes.of(request.uri().path());
        let seen = Some(Seen::begin(self.state.clone(), route, &mut request));
        Observed { answer: self.inner.call(request), seen }
    }
}

pin_project! {
    /// An answer under way. Named, so that it needs no box for itself: every request passes here.
    pub(in crate::api) struct Observed<F> {
        #[pin]
        answer: F,
        seen: Option<Seen>,
    }
}

impl<F, B> Future for Observed<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(answer) = ready!(this.answer.poll(context));
        let answer = answer.map(Body::new);
        Poll::Ready(Ok(match this.seen.take() {
            Some(seen) => seen.end(answer),
            None => answer,
        }))
    }
}

/// A request under way; counted and logged when dropped, so also when its client hangs up.
struct Seen {
    state: ApiState,
    id: HeaderValue,
    route: &'static str,
    started: Instant,
    status: StatusCode,
    code: Option<&'static str>,
    /// Whether the answer can say that it is the connection's last, as those of HTTP/1.1 can.
    closes: bool,
    /// What the access log says of the request, if there is one.
    line: Option<Line>,
}

impl Seen {
    fn begin(state: ApiState, route: &'static str, request: &mut Request) -> Self {
        state.metrics.http.begin();
        // 499: the client hung up. It stands until there is an answer.
        let status = StatusCode::from_u16(499).expect("a status: this is a bug");
        let line = state.access_log.is_some().then(|| Line {
            method: request.method().clone(),
            path: if route == OTHER { Path::Own(request.uri().clone()) } else { Path::Route(route) },
            client: request.extensions().get::<ClientAddress>().map(|client| Arc::clone(&client.0)),
        });
        let closes = request.version() < Version::HTTP_2;
        let id = identify(request);
        Self { state, id, route, started: Instant::now(), status, code: None, closes, line }
    }

    /// Adds to the answer what every answer has, and logs the cause of a fault.
    fn end(mut self, mut response: Response) -> Response {
        let mut failed_as = None;
        if let Some(fault) = response.extensions_mut().remove::<Fault>() {
            if let Some(cause) = &fault.cause {
                let id = self.id.to_str().unwrap_or_default();
                error!(request_id = id, error.cause = chain(cause.as_ref()), "{}", fault.detail);
            }
            self.code = Some(fault.code.word());
            // gRPC answers 200 and says in a header what is wrong.
            failed_as = Some(fault.code.status());
        }
        if let Some(stages) = response.extensions_mut().remove::<Stages>() {
            response.headers_mut().insert(SERVER_TIMING, server_timing(&stages));
            self.state.metrics.http.stages(&stages);
        }
        if self.closes && self.state.readiness.is_draining() {
            // The connection ends with this answer, so that its client sends the next request elsewhere.
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        response.headers_mut().insert(REQUEST_ID, self.id.clone());
        let status = response.status();
        self.status = failed_as.filter(|_| status == StatusCode::OK).unwrap_or(status);
        response
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let (elapsed, status) = (self.started.elapsed(), self.status.as_u16());
        self.state.metrics.http.end(self.route, status, elapsed);
        if let (Some(log), Some(line)) = (&self.state.access_log, &self.line) {
            log.write(line, status, self.code, &self.id, elapsed);
        }
    }
}
