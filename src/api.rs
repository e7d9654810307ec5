//! The APIs: every route of every protocol on one screen, and the layers around them.
//!
//! An API translates: bytes and headers in, the use case's types out, and back. It decides nothing that another would have to
//! decide again.

mod body;
pub mod fault;
mod invocations;
mod layers;
mod media;
mod native;
pub mod openapi;
mod ops;
mod page;
mod routes;
mod sagemaker;
mod state;
mod target;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tower::Service;

use crate::config::Cors;
use fault::{Code, Fault};
use layers::{CorsPolicy, Encode, Envelope, Renderer, Surroundings};
use routes::RouteNames;

pub use page::{PageError, PageFiles};
pub use state::{ApiState, Parts};

/// Every route of every protocol.
fn routes() -> Vec<(&'static str, MethodRouter<ApiState>)> {
    vec![
        // Our own: for pages and programs.
        ("/predict", post(native::predict::predict)),
        ("/predict/pair", post(native::predict::predict_pair)),
        ("/explain", post(native::explain::explain)),
        ("/explain/pair", post(native::explain::explain_pair)),
        ("/recommend/{user_id}", get(native::recommend::recommend)),
        ("/users", get(native::recommend::users)),
        ("/model", get(native::model::model)),
        // SageMaker's: the service as an endpoint's container, and as the endpoint itself. MLflow's servers have an /invocations too.
        ("/ping", get(sagemaker::container::ping)),
        ("/execution-parameters", get(sagemaker::container::execution_parameters)),
        ("/invocations", post(invocations::invocations)),
        ("/endpoints/{name}/invocations", post(sagemaker::runtime::invocations)),
        ("/endpoints/{name}/invocations-response-stream", post(sagemaker::runtime::response_stream)),
        // For those who operate the service.
        ("/livez", get(ops::livez)),
        ("/readyz", get(ops::readyz)),
        ("/metrics", get(ops::metrics)),
        ("/openapi.json", get(openapi::openapi)),
    ]
}

/// Whose words the faults of a path are told in, whatever route it is of.
fn renderer_of(path: &str) -> Renderer {
    match path {
        "/ping" | "/execution-parameters" | "/invocations" => sagemaker::container::render,
        _ if path.starts_with("/endpoints/") => sagemaker::runtime::render,
        _ => native::render,
    }
}

/// The whole edge: every route, inside what stands around them.
pub fn edge(
    state: &ApiState,
    cors: &Cors,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let surroundings = Arc::new(Surroundings {
        state: state.clone(),
        routes: RouteNames::new(routes().into_iter().map(|(pattern, _)| pattern)),
        cors: CorsPolicy::new(cors),
        renderer_of,
    });
    // Around the router, not inside of it, so that a request passes without a box for each. Content codings come outermost:
    // faults are compressed too.
    Encode::new(Envelope::new(surroundings, router(state.clone())))
}

fn router(state: ApiState) -> Router {
    let router = Router::new();
    routes()
        .into_iter()
        .fold(router, |router, (pattern, methods)| router.route(pattern, methods))
        // For people: the page and its files; whatever is none of them is an unknown route.
        .fallback(page::file)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

async fn method_not_allowed() -> Fault {
    Fault::new(Code::MethodNotAllowed, "see the Allow header for the methods that this route takes")
}

/// Names of headers that the `http` crate does not know.
const fn name(lower_case: &'static str) -> HeaderName {
    HeaderName::from_static(lower_case)
}
