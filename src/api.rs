//! The APIs: every route of every protocol on one screen, and the layers around them.
//!
//! An API translates: bytes and headers in, the use case's types out, and back. It decides nothing that another would have to
//! decide again.

mod access;
mod address;
mod answers;
mod body;
pub mod fault;
mod invocations;
mod json;
mod kserve;
mod layers;
mod media;
mod mlflow;
mod native;
mod oip;
pub mod openapi;
mod ops;
mod page;
mod routes;
mod rows;
mod sagemaker;
mod state;
mod target;
mod v1;
mod work;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tower::layer::layer_fn;
use tower::util::MapRequestLayer;
use tower::{Service, ServiceBuilder};

use crate::config::Config;
use access::{Guard, Hosts};
use address::Address;
use answers::Answers;
use fault::{Code, Fault};
use layers::{Aliases, CorsPolicy, Encode, Envelope, Renderer, Surroundings};
use routes::RouteNames;

pub use answers::AnswerCache;
pub use page::{PageError, PageFiles};
pub use state::{ApiState, Parts};

/// Every route of every protocol.
fn routes() -> Vec<(&'static str, MethodRouter<ApiState>)> {
    vec![
        // Our own: for pages and programs.
        ("/predict", post(native::predict::predict)),
        ("/predict/pair", get(native::pair_link::predict_pair).post(native::predict::predict_pair)),
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
        // MLflow's scoring server, beside /invocations.
        ("/health", get(mlflow::health)),
        ("/version", get(mlflow::version)),
        // For those who operate the service.
        ("/livez", get(ops::livez)),
        ("/readyz", get(ops::readyz)),
        ("/metrics", get(ops::metrics)),
        ("/openapi.json", get(openapi::openapi)),
    ]
}

/// Whose words the faults of a path are told in, whatever route it is of.
fn renderer_of(path: &str) -> Renderer {
    // The first part of a path, without a look at the others: every request passes here.
    match path.get(1..).and_then(|path| path.split('/').next()).unwrap_or_default() {
        "ping" | "execution-parameters" | "invocations" => sagemaker::container::render,
        "endpoints" => sagemaker::runtime::render,
        "v1" | "v2" => kserve::render,
        "inference.GRPCInferenceService" => oip::grpc::render,
        "health" | "version" => mlflow::render,
        service if service.starts_with("grpc.") => oip::grpc::render,
        _ => native::render,
    }
}

/// Which routes a listener has: those for operators may be on one of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// All of them.
    Whole,
    /// All but those for operators.
    Public,
    /// Those for operators, and health.
    Admin,
}

impl Face {
    fn has(self, pattern: &str) -> bool {
        let is_admins = pattern == "/metrics" || pattern.starts_with("/admin/");
        match self {
            Self::Whole => true,
            Self::Public => !is_admins,
            Self::Admin => is_admins || matches!(pattern, "/livez" | "/readyz"),
        }
    }
}

/// The routes of `face`, inside the layers.
pub fn edge(
    state: &ApiState,
    config: &Config,
    face: Face,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let patterns = routes().into_iter().map(|(pattern, _)| pattern).filter(|pattern| face.has(pattern));
    let routes = Arc::new(RouteNames::new(patterns));
    let listen = if face == Face::Admin { config.server.admin_listen } else { Some(config.server.listen) };
    // A name that points to a loopback address is a page's, unless we know it.
    let hosts = listen
        .filter(|listen| listen.ip().is_loopback())
        .map(|_| Arc::new(Hosts::new(config.server.hosts.clone())));
    let aliases = Aliases::new(&config.vertex, &state.model_name);
    let base = Arc::from(config.server.base_path.as_str());
    let surroundings = Arc::new(Surroundings {
        state: state.clone(),
        routes: Arc::clone(&routes),
        cors: CorsPolicy::new(&config.cors),
        renderer_of,
    });
    // The outermost layer comes first. They stand around the router, not inside of it, so that a request passes them without
    // a box for each.
    ServiceBuilder::new()
        // Whatever stands further in knows the paths of the routes.
        .layer(layer_fn(|inner| Address::new(Arc::clone(&base), inner)))
        // Paths that a platform has chosen.
        .layer(MapRequestLayer::new(move |request| aliases.resolve(request)))
        // Outside of everything that makes a body, faults included.
        .layer(layer_fn(Encode::new))
        // Id, log, metrics, CORS, the words of faults, panics, the deadline.
        .layer(layer_fn(|inner| Envelope::new(Arc::clone(&surroundings), inner)))
        // Within the deadline, as a signature covers the body, and tokens are signed by keys that may have to be fetched.
        .layer(layer_fn(|inner| Guard::new(state.clone(), Arc::clone(&routes), hosts.clone(), inner)))
        // For those only who are let in.
        .layer(layer_fn(|inner| Answers::new(state.clone(), Arc::clone(&routes), inner)))
        .service(router(state.clone(), face))
}

fn router(state: ApiState, face: Face) -> Router {
    let router = Router::new();
    let router = routes()
        .into_iter()
        .filter(|(pattern, _)| face.has(pattern))
        .fold(router, |router, (pattern, methods)| router.route(pattern, methods));
    // For people: the page and its files; whatever is none of them is an unknown route.
    let router =
        if face == Face::Admin { router.fallback(unknown_route) } else { router.fallback(page::file) };
    router.method_not_allowed_fallback(method_not_allowed).with_state(state)
}

async fn unknown_route() -> Fault {
    Fault::new(Code::UnknownRoute, "here are /metrics, /livez and /readyz (server.admin_listen)")
}

async fn method_not_allowed() -> Fault {
    Fault::new(Code::MethodNotAllowed, "see the Allow header for the methods that this route allows")
}

/// Names of headers that the `http` crate does not know.
const fn name(lower_case: &'static str) -> HeaderName {
    HeaderName::from_static(lower_case)
}
