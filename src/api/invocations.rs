//! `POST /invocations`: two protocols have a route of this name, told apart by the media type of the body.

pub(super) mod openapi;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use super::media::MediaType;
use super::mlflow;
use super::sagemaker::container;
use super::state::ApiState;

/// The route itself: JSON is `MLflow`'s, what else there is the container's.
pub(super) async fn invocations(State(state): State<ApiState>, request: Request) -> Response {
    if is_json(request.headers()) {
        return mlflow::invocations(State(state), request).await;
    }
    invoke(&state, request).await.unwrap_or_else(|fault| {
        let status = container::status_of(fault.code);
        let mut response = fault.into_response();
        *response.status_mut() = status;
        response
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    MediaType::parse(text).is_some_and(|media| media.essence == "application/json")
}

/// What the model answers to `request`, also for those who wrap it in a protocol of their own.
pub(super) async fn invoke(state: &ApiState, request: Request) -> Result<Response, Fault> {
    // The container takes rows as CSV, libsvm or recordio, and no JSON.
    container::invoke(state, request).await
}
