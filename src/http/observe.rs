//! What every exchange gets: an id, its time, a count, a line in the access log, and its problem in words.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use pin_project_lite::pin_project;
use tower::Service;
use tracing::error;
use uuid::Uuid;

use super::access_log::Line;
use super::problem::{Code, Problem};
use super::{HttpState, name};
use crate::inference::Stages;
use crate::metrics::Route;

pub(super) const REQUEST_ID: HeaderName = name("x-request-id");
pub(super) const SERVER_TIMING: HeaderName = name("server-timing");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Longest id that is taken over from a client.
const LONGEST_ID: usize = 128;

/// The address a request came from, as text; the server adds it to each request of a connection.
#[derive(Debug, Clone)]
pub struct ClientAddress(pub Arc<str>);

/// The layer around everything but compression: sees each request first and its answer last.
#[derive(Clone)]
pub(super) struct Observe<S> {
    state: HttpState,
    inner: S,
}

impl<S> Observe<S> {
    pub(super) fn new(state: HttpState, inner: S) -> Self {
        Self { state, inner }
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

    fn call(&mut self, request: Request) -> Self::Future {
        let seen = Some(Seen::begin(self.state.clone(), &request));
        Observed { answer: self.inner.call(request), seen }
    }
}

pin_project! {
    /// An answer under way. Named, so that it needs no box for itself: every request passes here.
    pub(super) struct Observed<F> {
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

/// Hands the times of the stages to [`Observe`].
pub(super) fn with_stages(mut response: Response, stages: Stages) -> Response {
    response.extensions_mut().insert(stages);
    response
}

/// One exchange under way; counted and logged when dropped, so also when its client hangs up.
struct Seen {
    state: HttpState,
    id: HeaderValue,
    route: Route,
    started: Instant,
    status: StatusCode,
    code: Option<Code>,
    /// What the access log says of the request, if there is one.
    line: Option<Line>,
}

impl Seen {
    fn begin(state: HttpState, request: &Request) -> Self {
        state.0.metrics.begin();
        // 499: the client hung up. It stands until there is an answer.
        let status = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
        let line = state.0.access_log.is_some().then(|| Line {
            method: request.method().clone(),
            uri: request.uri().clone(),
            client: request.extensions().get::<ClientAddress>().map(|client| Arc::clone(&client.0)),
        });
        let (id, route) = (request_id(request), Route::of(request.uri().path()));
        Self { state, id, route, started: Instant::now(), status, code: None, line }
    }

    /// Adds to the answer what every answer has, and words its problem.
    fn end(mut self, mut response: Response) -> Response {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            let id = self.id.to_str().unwrap_or_default();
            *response.body_mut() = Body::from(problem.document(id));
            response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM);
            // The router has counted the empty body that stood here.
            response.headers_mut().remove(header::CONTENT_LENGTH);
            if let Some(cause) = &problem.cause {
                error!(request_id = id, error.cause = chain(cause.as_ref()), "{}", problem.detail);
            }
            self.code = Some(problem.code);
        }
        if let Some(stages) = response.extensions_mut().remove::<Stages>() {
            response.headers_mut().insert(SERVER_TIMING, server_timing(&stages));
            self.state.0.metrics.stages(&stages);
        }
        if self.state.0.readiness.is_draining() {
            // The connection ends with this answer, so that its client sends the next request elsewhere.
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        response.headers_mut().insert(REQUEST_ID, self.id.clone());
        self.status = response.status();
        response
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let (elapsed, status) = (self.started.elapsed(), self.status.as_u16());
        self.state.0.metrics.end(self.route, status, elapsed);
        if let (Some(log), Some(line)) = (&self.state.0.access_log, &self.line) {
            log.write(line, status, self.code, &self.id, elapsed);
        }
    }
}

/// The client's own id where it is short and plain, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic));
    given.cloned().unwrap_or_else(|| {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(text).unwrap_or_else(|_| unreachable!("hexadecimal digits are visible ASCII"))
    })
}

/// The W3C header: stages in milliseconds.
fn server_timing(stages: &Stages) -> HeaderValue {
    let mut text = String::with_capacity(64);
    for (name, time) in stages.named() {
        let separator = if text.is_empty() { "" } else { ", " };
        let microseconds = time.as_micros() as u64;
        write!(text, "{separator}{name};dur={}.{:03}", microseconds / 1000, microseconds % 1000)
            .unwrap_or_else(|_| unreachable!("writing to a String does not fail"));
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| unreachable!("digits are visible ASCII"))
}

/// An error and its sources in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |line, source| format!("{line}: {source}"))
}
