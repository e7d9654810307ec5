//! What is known of every request: its time, a count and a line in the access log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use tracing::error;

use super::request_id::REQUEST_ID;
use super::server_timing::{SERVER_TIMING, server_timing};
use crate::api::fault::Fault;
use crate::api::routes::OTHER;
use crate::api::state::ApiState;
use crate::cause::chain;
use crate::telemetry::Stages;
use crate::telemetry::access_log::{ClientAddress, Line, Path};
use crate::telemetry::metrics::RouteMetrics;

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// A request under way; counted and logged when dropped, so also when its client hangs up.
pub(super) struct Seen {
    state: ApiState,
    route: Arc<RouteMetrics>,
    started: Instant,
    status: StatusCode,
    code: Option<&'static str>,
    /// Whether the answer can say that it is the connection's last, as those of HTTP/1.1 can.
    closes: bool,
    /// What the access log says of the request, if there is one.
    line: Option<Line>,
}

impl Seen {
    pub(super) fn begin(
        state: ApiState,
        route: Arc<RouteMetrics>,
        id: &HeaderValue,
        request: &Request,
    ) -> Self {
        state.metrics.http.begin();
        // 499: the client hung up. It stands until there is an answer.
        let status = StatusCode::from_u16(499).expect("a status: this is a bug");
        let line = state.access_log.is_some().then(|| Line {
            method: request.method().clone(),
            path: match route.pattern {
                OTHER => Path::Own(request.uri().clone()),
                pattern => Path::Route(pattern),
            },
            client: request.extensions().get::<ClientAddress>().map(|client| Arc::clone(&client.0)),
            id: id.clone(),
        });
        let closes = request.version() < Version::HTTP_2;
        Self { state, route, started: Instant::now(), status, code: None, closes, line }
    }

    /// Adds to the answer what every answer has, and logs the cause of a fault.
    pub(super) fn end(mut self, response: &mut Response, id: &HeaderValue) {
        let mut failed_as = None;
        if let Some(fault) = response.extensions_mut().remove::<Fault>() {
            if let Some(cause) = &fault.cause {
                let id = id.to_str().unwrap_or_default();
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
        let headers = response.headers_mut();
        if self.closes && self.state.readiness.is_draining() {
            // The connection ends with this answer, so that its client sends the next request elsewhere.
            headers.insert(header::CONNECTION, CLOSE);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        headers.insert(REQUEST_ID, id.clone());
        let status = response.status();
        self.status = failed_as.filter(|_| status == StatusCode::OK).unwrap_or(status);
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let (elapsed, status) = (self.started.elapsed(), self.status.as_u16());
        self.state.metrics.http.end(&self.route, status, elapsed);
        if let (Some(log), Some(line)) = (&self.state.access_log, &self.line) {
            log.write(line, status, self.code, elapsed);
        }
    }
}
