//! What every exchange gets: an id, its time, a count, a line in the access log, and its problem in words.

use std::error::Error;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::{error, info};
use uuid::Uuid;

use super::problem::{Code, Problem};
use super::{HttpState, name};
use crate::inference::Stages;
use crate::metrics::Route;
use crate::telemetry::ACCESS;

pub(super) const REQUEST_ID: HeaderName = name("x-request-id");
pub(super) const SERVER_TIMING: HeaderName = name("server-timing");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Longest id that is taken over from a client.
const LONGEST_ID: usize = 128;

/// The address a request came from; the server adds it to each request.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub SocketAddr);

/// Outermost but for compression: sees each request first and its answer last.
pub(super) async fn observe(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let mut seen = Seen::begin(&state, &request, &id);

    let mut response = next.run(request).await;

    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let id = id.to_str().unwrap_or_default();
        *response.body_mut() = Body::from(problem.document(id));
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM);
        if let Some(cause) = &problem.cause {
            error!(request_id = id, error.cause = chain(cause.as_ref()), "{}", problem.detail);
        }
        seen.code = Some(problem.code);
    }
    if let Some(stages) = response.extensions_mut().remove::<Stages>() {
        response.headers_mut().insert(SERVER_TIMING, server_timing(&stages));
        state.0.metrics.stages(&stages);
    }
    if state.0.readiness.is_draining() {
        // The connection ends with this answer, so that its client sends the next request elsewhere.
        response.headers_mut().insert(header::CONNECTION, CLOSE);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    seen.status = response.status();
    response
}

/// Cuts an exchange short at the deadline.
pub(super) async fn deadline(State(state): State<HttpState>, request: Request, next: Next) -> Response {
    let deadline = state.0.deadline;
    tokio::time::timeout(deadline, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(Code::Deadline, format!("no answer within {deadline:?} (server.deadline)"))
            .into_response()
    })
}

/// Hands the times of the stages to [`observe`].
pub(super) fn with_stages(mut response: Response, stages: Stages) -> Response {
    response.extensions_mut().insert(stages);
    response
}

/// One exchange under way; counted and logged when dropped, so also when its client hangs up.
struct Seen<'s> {
    state: &'s HttpState,
    route: Route,
    started: Instant,
    status: StatusCode,
    code: Option<Code>,
    log: Option<(Method, Uri, Option<ClientAddress>, HeaderValue)>,
}

impl<'s> Seen<'s> {
    fn begin(state: &'s HttpState, request: &Request, id: &HeaderValue) -> Self {
        let route = Route::of(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
        state.0.metrics.begin();
        let log = state.0.access_log.then(|| {
            let client = request.extensions().get::<ClientAddress>().copied();
            (request.method().clone(), request.uri().clone(), client, id.clone())
        });
        // 499: the client hung up. It stands until there is an answer.
        let status = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
        Self { state, route, started: Instant::now(), status, code: None, log }
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        self.state.0.metrics.end(self.route, self.status.as_u16(), elapsed);
        let Some((method, uri, client, id)) = &self.log else { return };
        info!(
            target: ACCESS,
            request_id = id.to_str().unwrap_or_default(),
            client.address = client.map(|client| tracing::field::display(client.0)),
            duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3,
            code = self.code.map(tracing::field::debug),
            "{method} {} {}", uri.path(), self.status.as_u16(),
        );
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
        write!(text, "{separator}{name};dur={:.3}", time.as_secs_f64() * 1e3)
            .unwrap_or_else(|_| unreachable!("writing to a String does not fail"));
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| unreachable!("digits are visible ASCII"))
}

/// An error and its sources in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |line, source| format!("{line}: {source}"))
}
