//! The APIs: every route of every protocol on one screen, and the layers around them.
//!
//! An API translates: bytes and headers in, the use case's types out, and back. It decides nothing that another would have to
//! decide again.

mod body;
pub mod fault;
mod layers;
mod media;
mod mlflow;
mod native;
mod oip;
mod ops;
mod page;
mod routes;
mod rows;
mod state;
mod v1;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tower::layer::layer_fn;
use tower::util::{MapFutureLayer, MapRequestLayer};
use tower::{Service, ServiceBuilder};

use crate::config::{Cors, Vertex};
use fault::{Code, Fault};
use layers::{Aliases, Encode, Observe, Render, Renderer, catch_panic, cors, deadline};
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
        // The Open Inference Protocol.
        ("/v2", get(oip::rest::server)),
        ("/v2/health/live", get(oip::rest::live)),
        ("/v2/health/ready", get(oip::rest::ready)),
        ("/v2/models/{name}", get(oip::rest::model)),
        ("/v2/models/{name}/ready", get(oip::rest::model_ready)),
        ("/v2/models/{name}/infer", post(oip::rest::infer)),
        ("/v2/models/{name}/versions/{version}", get(oip::rest::model)),
        ("/v2/models/{name}/versions/{version}/ready", get(oip::rest::model_ready)),
        ("/v2/models/{name}/versions/{version}/infer", post(oip::rest::infer)),
        ("/v2/repository/index", post(oip::rest::index)),
        ("/inference.GRPCInferenceService/ServerLive", post(oip::grpc::server_live)),
        ("/inference.GRPCInferenceService/ServerReady", post(oip::grpc::server_ready)),
        ("/inference.GRPCInferenceService/ModelReady", post(oip::grpc::model_ready)),
        ("/inference.GRPCInferenceService/ServerMetadata", post(oip::grpc::server_metadata)),
        ("/inference.GRPCInferenceService/ModelMetadata", post(oip::grpc::model_metadata)),
        ("/inference.GRPCInferenceService/ModelInfer", post(oip::grpc::model_infer)),
        ("/grpc.health.v1.Health/{method}", post(oip::grpc::health)),
        ("/grpc.reflection.v1.ServerReflection/{method}", post(oip::grpc::reflection)),
        ("/grpc.reflection.v1alpha.ServerReflection/{method}", post(oip::grpc::reflection)),
        // KServe's version 1, TensorFlow Serving, Vertex AI. The last part of a POST ends with a verb: `imba:predict`.
        ("/v1/models", get(v1::models)),
        ("/v1/models/{name}", get(v1::model).post(v1::act)),
        ("/v1/models/{name}/versions/{version}", get(v1::model).post(v1::act)),
        // MLflow's scoring server.
        ("/invocations", post(mlflow::invocations)),
        ("/health", get(mlflow::health)),
        ("/version", get(mlflow::version)),
        // For those who operate the service.
        ("/livez", get(ops::livez)),
        ("/readyz", get(ops::readyz)),
        ("/metrics", get(ops::metrics)),
    ]
}

/// Whose words the faults of a path are told in, whatever route it is of.
fn renderer_of(path: &str) -> Renderer {
    // The first part of a path, without a look at the others: every request passes here.
    match path.get(1..).and_then(|path| path.split('/').next()).unwrap_or_default() {
        "v2" => oip::render,
        "v1" => v1::render,
        "inference.GRPCInferenceService" => oip::grpc::render,
        "invocations" | "health" | "version" => mlflow::render,
        service if service.starts_with("grpc.") => oip::grpc::render,
        _ => native::render,
    }
}

/// The whole edge: every route, inside the layers.
pub fn edge(
    state: &ApiState,
    origins: &Cors,
    vertex: &Vertex,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let longest = state.deadline;
    let aliases = Aliases::new(vertex, &state.model_name);
    let names = Arc::new(RouteNames::new(routes().into_iter().map(|(pattern, _)| pattern)));
    // The outermost layer comes first. They stand around the router, not inside it, so that a request passes them without
    // a box for each.
    ServiceBuilder::new()
        // Before anything looks at the path.
        .layer(MapRequestLayer::new(move |request| aliases.resolve(request)))
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
