//! The SageMaker Runtime API, `POST /endpoints/{name}/invocations` and its streaming sister: clients of an endpoint, boto3 and the
//! SDKs, work with `endpoint_url` set to this service and nothing else changed.
//!
//! Behind it is the container's contract, whose errors come back as `ModelError`. Signatures are not looked at here.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use utoipa::ToSchema;

use super::container::status_of;
use super::event_stream::payload_parts;
use crate::api::fault::{Code, Fault};
use crate::api::invocations::invoke;
use crate::api::json;
use crate::api::layers::Rendered;
use crate::api::layers::RequestId;
use crate::api::name;
use crate::api::state::ApiState;
use crate::config::cloud::check_header;
use crate::row::excerpt;

const AMZN_REQUEST_ID: HeaderName = name("x-amzn-requestid");
const ERROR_TYPE: HeaderName = name("x-amzn-errortype");
const INVOKED_VARIANT: HeaderName = name("x-amzn-invoked-production-variant");
const TARGET_VARIANT: HeaderName = name("x-amzn-sagemaker-target-variant");
const CUSTOM_ATTRIBUTES: HeaderName = name("x-amzn-sagemaker-custom-attributes");
const INFERENCE_ID: HeaderName = name("x-amzn-sagemaker-inference-id");
const STREAM_ACCEPT: HeaderName = name("x-amzn-sagemaker-accept");
const STREAM_CONTENT_TYPE: HeaderName = name("x-amzn-sagemaker-content-type");
/// What no model here can do, beside those choices that `api::target` knows.
const EXPLANATIONS: HeaderName = name("x-amzn-sagemaker-enable-explanations");
const SESSION: HeaderName = name("x-amzn-sagemaker-session-id");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("application/vnd.amazon.eventstream");
/// What SageMaker's SDK calls an endpoint's only variant.
const VARIANT: HeaderValue = HeaderValue::from_static("AllTraffic");

/// Longest name of an endpoint, and longest text of an error.
pub(super) const LONGEST_NAME: usize = 63;
const LONGEST_MESSAGE: usize = 2048;

type Endpoint = Result<Path<String>, PathRejection>;

/// The endpoint's name; one that is no text is none.
fn name_of(endpoint: Endpoint) -> String {
    endpoint.map_or_else(|_| String::new(), |Path(name)| name)
}

/// `InvokeEndpoint`
pub(in crate::api) async fn invocations(
    State(state): State<ApiState>,
    endpoint: Endpoint,
    request: Request,
) -> Response {
    let asked = Asked::of(&request);
    let answered = answer(&state, &name_of(endpoint), request).await;
    asked.complete(answered)
}

/// `InvokeEndpointWithResponseStream`: the answer as one part of a stream.
pub(in crate::api) async fn response_stream(
    State(state): State<ApiState>,
    endpoint: Endpoint,
    mut request: Request,
) -> Response {
    let asked = Asked::of(&request);
    let headers = request.headers_mut();
    match headers.remove(STREAM_ACCEPT) {
        Some(accept) => headers.insert(header::ACCEPT, accept),
        None => headers.remove(header::ACCEPT),
    };
    if let Some(content_type) = headers.remove(STREAM_CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    let answered = match answer(&state, &name_of(endpoint), request).await {
        Ok(answer) => streamed(answer).await,
        Err(fault) => Err(fault),
    };
    asked.complete(answered)
}

async fn answer(state: &ApiState, endpoint: &str, mut request: Request) -> Result<Response, Fault> {
    check(state, endpoint, request.headers_mut())?;
    let variant = request.headers().get(TARGET_VARIANT).cloned();
    let mut answer = invoke(state, request).await?;
    answer.headers_mut().insert(INVOKED_VARIANT, variant.unwrap_or(VARIANT));
    Ok(answer)
}

/// Refuses what is not here, or cannot be honoured.
fn check(state: &ApiState, endpoint: &str, headers: &mut HeaderMap) -> Result<(), Fault> {
    let wrong = |what: String| Err(Fault::new(Code::WrongParameter, what));
    let is_name = |name: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(is_inner)
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    if !is_name(endpoint) {
        return wrong(format!(
            "1 validation error detected: Value {:?} at 'endpointName' failed to satisfy constraint: Member must be up to \
             {LONGEST_NAME} letters, digits and inner hyphens",
            excerpt(endpoint)
        ));
    }
    if !state.endpoint_names.is_empty() && !state.endpoint_names.iter().any(|known| known == endpoint) {
        return wrong(format!("Endpoint {endpoint} of account 000000000000 not found."));
    }
    if headers.get(EXPLANATIONS).is_some_and(|asked| !asked.is_empty() && asked != "`false`") {
        return wrong(format!(
            "Endpoint {endpoint} is not configured with an explainer: EnableExplanations cannot be honoured"
        ));
    }
    if headers.get(SESSION).is_some_and(|session| !session.is_empty()) {
        return wrong(format!(
            "Endpoint {endpoint} does not support stateful sessions: SessionId cannot be honoured"
        ));
    }
    for (name, member, longest) in
        [(CUSTOM_ATTRIBUTES, "CustomAttributes", 1024), (INFERENCE_ID, "InferenceId", 64)]
    {
        if let Some(value) = headers.get(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            check_header(&value, longest).or_else(|what| wrong(format!("{member}: {what}")))?;
        }
    }
    // Our own variant is no choice of another.
    let is_passed = state.pass_headers.iter().any(|passed| *passed == TARGET_VARIANT.as_str());
    if !is_passed && headers.get(TARGET_VARIANT) == Some(&VARIANT) {
        headers.remove(TARGET_VARIANT);
    }
    Ok(())
}

async fn streamed(answer: Response) -> Result<Response, Fault> {
    let (mut head, body) = answer.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| Fault::new(Code::Internal, "the answer broke off").caused_by(error))?;
    if let Some(content_type) = head.headers.insert(header::CONTENT_TYPE, EVENT_STREAM) {
        head.headers.insert(STREAM_CONTENT_TYPE, content_type);
    }
    head.status = StatusCode::OK;
    Ok(Response::from_parts(head, Body::from(payload_parts(&body.to_bytes()))))
}

/// What of a request comes back with its answer.
struct Asked {
    id: Option<HeaderValue>,
    custom_attributes: Option<HeaderValue>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        Self {
            id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
            custom_attributes: request.headers().get(CUSTOM_ATTRIBUTES).cloned(),
        }
    }

    fn complete(self, answered: Result<Response, Fault>) -> Response {
        let mut response = match answered {
            Ok(mut response) => {
                if let Some(attributes) = self.custom_attributes {
                    response.headers_mut().insert(CUSTOM_ATTRIBUTES, attributes);
                }
                response
            }
            // Worded, with its status and its id, by `render`.
            Err(fault) => return fault.into_response(),
        };
        if let Some(id) = self.id {
            response.headers_mut().insert(AMZN_REQUEST_ID, id);
        }
        response
    }
}

/// The status and the name that the API has for a fault.
pub(super) fn kind(code: Code) -> (StatusCode, &'static str) {
    let status = |code: u16| StatusCode::from_u16(code).expect("a status: this is a bug");
    match code {
        Code::WrongParameter | Code::UnknownModel => (StatusCode::BAD_REQUEST, "ValidationError"),
        Code::BodyTooLarge | Code::RowsTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "ValidationError"),
        Code::Unavailable | Code::Overloaded | Code::NotReady => {
            (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
        }
        Code::Deadline => (StatusCode::GATEWAY_TIMEOUT, "ServiceUnavailable"),
        Code::UpstreamFailed => (status(530), "InternalDependencyException"),
        Code::Internal | Code::UnreadableRow => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
        Code::Unauthenticated => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
        Code::Forbidden => (StatusCode::FORBIDDEN, "AccessDeniedException"),
        Code::RateLimited | Code::QuotaExceeded => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
        Code::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "ValidationError"),
        Code::UnknownRoute => (StatusCode::NOT_FOUND, "UnknownOperationException"),
        Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "UnknownOperationException"),
        Code::Malformed
        | Code::UnknownPair
        | Code::UnknownUser
        | Code::NoStore
        | Code::NotAcceptable
        | Code::UnsupportedMediaType
        | Code::WrongWidth
        | Code::WrongName
        | Code::WrongValue
        | Code::WrongRow
        | Code::ModelRefused
        | Code::Unsupported => (StatusCode::FAILED_DEPENDENCY, MODEL_ERROR),
    }
}

const MODEL_ERROR: &str = "ModelError";

/// The body of an error. The name stands in it too, for faults that come about outside of the routes.
#[derive(Serialize, ToSchema)]
#[schema(as = InvokeEndpointError)]
pub(super) struct ErrorBody<'a> {
    code: &'static str,
    #[serde(rename = "Message")]
    message: &'a str,
    /// What the model itself said, of a `ModelError` alone.
    #[serde(rename = "OriginalStatusCode", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    original_status_code: Option<u16>,
    #[serde(rename = "OriginalMessage", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    original_message: Option<&'a str>,
    #[serde(rename = "LogStreamArn", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log_stream_arn: Option<&'static str>,
}

/// A fault in the API's own shape.
pub(in crate::api) fn render(fault: &Fault, request_id: &str) -> Rendered {
    let (status, code) = kind(fault.code);
    let detail = shortened(&fault.detail);
    let original = (code == MODEL_ERROR).then(|| status_of(fault.code).as_u16());
    let message = original.map(|status| {
        let side = if status < 500 { "client" } else { "server" };
        format!("Received {side} error ({status}) from primary with message \"{detail}\".")
    });
    let body = json::bytes(&ErrorBody {
        code,
        message: message.as_deref().map_or(detail, shortened),
        original_status_code: original,
        original_message: original.map(|_| detail),
        log_stream_arn: original.map(|_| ""),
    });
    let mut rendered = Rendered { status: Some(status), ..Rendered::new(JSON, body) };
    rendered.headers.insert(ERROR_TYPE, HeaderValue::from_static(code));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        rendered.headers.insert(AMZN_REQUEST_ID, id);
    }
    rendered
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(LONGEST_MESSAGE).map_or(text, |(end, _)| &text[..end])
}
