//! The contract of SageMaker's containers: `GET /ping`, `GET /execution-parameters`, `POST /invocations`.
//!
//! The order of the checks is the container's: an empty body is 204; what cannot be read is 415; what the model does not take is
//! 400; a type that cannot be given is 406, told after the rows. Errors are plain text and say so, where the container
//! labels them HTML.

use std::sync::Arc;
use std::thread::available_parallelism;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::media::{Form, Reply};
use super::rows::{self, Wanted, not_scored};
use super::{answer, selected};
use crate::api::body::{RequestBody, read_body_within};
use crate::api::fault::{Code, Fault};
use crate::api::json;
use crate::api::layers::{self, Rendered};
use crate::api::state::ApiState;
use crate::api::target::target;
use crate::api::work::{SMALL_ANSWER, Work};
use crate::inference::{InferenceRequest, Input};
use crate::row::{Batch, Decoded};
use crate::scorer::Output;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// `GET /ping`: the model is loaded and requests should be sent.
pub(in crate::api) async fn ping(State(state): State<ApiState>) -> Result<Response, Fault> {
    state.readiness.check().await?;
    Ok(response(HTML, Body::empty()))
}

/// `GET /execution-parameters`: how a batch transform should send its rows.
pub(in crate::api) async fn execution_parameters(State(state): State<ApiState>) -> Response {
    let cores = || available_parallelism().map_or(1, usize::from);
    let workers = state.container.workers.unwrap_or_else(cores);
    let megabytes = body_limit(&state) / (1 << 20);
    let body = format!(
        "{{\"MaxConcurrentTransforms\": {workers}, \"BatchStrategy\": \"MULTI_RECORD\", \"MaxPayloadInMB\": {megabytes}}}"
    );
    response(json::JSON, body)
}

/// `POST /invocations`: rows to scores.
pub(in crate::api) async fn invoke(state: &ApiState, request: Request) -> Result<Response, Fault> {
    let container = &state.container;
    let form = Form::of(request.headers());
    let reply = Reply::of(request.headers(), &container.default_accept);
    let target = target(request.headers(), &state.pass_headers)?;
    let body = read_body_within(body_limit(state), state, request).await?;
    if body.bytes.is_empty() {
        let mut response = response(HTML, Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let form = form?;
    let mut wanted = Wanted {
        width: state.inference.schema().width(),
        rows: state.rows_limit,
        is_exact: container.is_exact,
        memory: state.admission.body(),
    };
    let size = body.bytes.len();
    let likely_rows = |body: &RequestBody| rows::likely_count(form, &body.bytes);
    let decode = move |body: RequestBody| {
        rows::read(form, &body.bytes, &mut wanted).map(|rows| (Decoded::good(rows, Batch::len), wanted))
    };
    let ((rows, wanted), work) = Work::decode(&state.admission, body, size, likely_rows, decode).await?;
    let input = Input::Rows(rows);
    let asked = InferenceRequest { input, target, output: Output::Score, all_or_nothing: true };
    let mut answer = state.inference.predict(asked).await.map_err(|error| refused(error.into()))?;
    answer.stages.decode = work.decoding;
    let (reply, stages) = (reply?, answer.stages);
    let is_small = answer.count() <= SMALL_ANSWER;
    let settings = Arc::clone(container);
    let encode = move || match &settings.output {
        Some(keys) => selected::columns(reply, &answer.results, keys, settings.is_batch),
        None if settings.is_batch => Ok(answer::batch(&answer.results)),
        None => Ok(answer::scores(reply, &answer.results)),
    };
    let body = state.admission.run(is_small, encode).await?;
    drop((work, wanted));
    let mut response = response(reply.content_type(), body);
    response.extensions_mut().insert(stages);
    Ok(response)
}

fn body_limit(state: &ApiState) -> usize {
    state.container.body_limit.unwrap_or(state.body_limit)
}

/// What the model has against the rows, in the container's words.
fn refused(fault: Fault) -> Fault {
    match fault.code.status() {
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => {
            Fault { cause: fault.cause, row: fault.row, ..not_scored(fault.detail) }
        }
        _ => fault,
    }
}

fn response(content_type: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = layers::response(body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// The status that the container gives to a fault.
pub(in crate::api) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Unsupported => StatusCode::INTERNAL_SERVER_ERROR,
        code => code.status(),
    }
}

/// A fault in the container's words: its text.
pub(in crate::api) fn render(fault: &Fault, _request_id: &str) -> Rendered {
    Rendered::new(TEXT, fault.detail.clone().into_owned().into_bytes())
}
