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
use tower::layer::layer_fn;
use tower::util::MapFutureLayer;
use tower::{Service, ServiceBuilder};

use crate::config::Cors;
use fault::{Code, Fault};
use layers::{Encode, Observe, Render, Renderer, catch_panic, cors, deadline};
use routes::RouteNames;

pub use page::{PageError, PageFiles};
pub use state::{ApiState, Parts};

/// Every route of every protocol.
fn routes() -> [(&'static str, MethodRouter<ApiState>); 15] {
    [
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

/// The whole edge: every route, inside the layers.
pub fn edge(
    state: &ApiState,
    origins: &Cors,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let longest = state.deadline;
    let names = Arc::new(RouteNames::new(routes().into_iter().map(|(pattern, _)| pattern)));
    // The outermost layer comes first. They stand around the router, not inside it, so that a request passes them without
    // a box for each.
    ServiceBuilder::new()
        // Outside of everything that makes a body, faults included.
        .layer(layer_fn(Encode::new))
        // Sees every answer, preflights and panics included: gives it its id, counts it, logs it.
        .layer(layer_fn(|inner| Observe::new(state.clone(), Arc::clone(&names), inner)))
        // Before anything can fail, so that failures carry the headers too and pages can read them.
        .layer(cors(origins))
        // Words every fault below in the protocol of the request.
        .layer(layer_fn(|inner| Render::new(renderer_of, inner)))
        // A panic below this line is a fault; above it there is nothing that could panic.
        .layer(catch_panic())
        // Cuts the reading of the body and the work of the handler alike.
        .layer(MapFutureLayer::new(move |answer| deadline(longest, answer)))
        .service(router(state.clone()))
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
