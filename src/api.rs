//! The APIs: every route of every protocol on one screen, and the layers around them.
//!
//! An API translates: bytes and headers in, the use case's types out, and back. It decides nothing that another would have to
//! decide again.

mod access;
mod address;
mod answers;
mod body;
pub mod fault;
mod layers;
mod media;
mod native;
mod ops;
mod page;
mod routes;
mod state;

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

use crate::config::Config;
use access::{Guard, Hosts};
use address::Address;
use answers::Answers;
use fault::{Code, Fault};
use layers::{Encode, Observe, Render, Renderer, catch_panic, cors, deadline};
use routes::RouteNames;

pub use answers::AnswerCache;
pub use page::{PageError, PageFiles};
pub use state::{ApiState, Parts};

/// Every route of every protocol.
fn routes() -> [(&'static str, MethodRouter<ApiState>); 10] {
    [
        // Our own: for pages and programs.
        ("/predict", post(native::predict::predict)),
        ("/predict/pair", get(native::pair_link::predict_pair).post(native::predict::predict_pair)),
        ("/explain", post(native::explain::explain)),
        ("/explain/pair", post(native::explain::explain_pair)),
        ("/recommend/{user_id}", get(native::recommend::recommend)),
        ("/users", get(native::recommend::users)),
        ("/model", get(native::model::model)),
        // For those who operate the service.
        ("/livez", get(ops::livez)),
        ("/readyz", get(ops::readyz)),
        ("/metrics", get(ops::metrics)),
    ]
}

/// Whose words the faults of a path are told in, whatever route it is of.
fn renderer_of(_path: &str) -> Renderer {
    native::render
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
    let longest = state.deadline;
    let patterns = routes().into_iter().map(|(pattern, _)| pattern).filter(|pattern| face.has(pattern));
    let names = Arc::new(RouteNames::new(patterns));
    let listen = if face == Face::Admin { config.server.admin_listen } else { Some(config.server.listen) };
    // A name that points to a loopback address is a page's, unless we know it.
    let hosts = listen
        .filter(|listen| listen.ip().is_loopback())
        .map(|_| Arc::new(Hosts::new(config.server.hosts.clone())));
    let base = Arc::from(config.server.base_path.as_str());
    // The outermost layer comes first. They stand around the router, not inside it, so that a request passes them without
    // a box for each.
    ServiceBuilder::new()
        // Whatever stands further in knows the paths of the routes.
        .layer(layer_fn(|inner| Address::new(Arc::clone(&base), inner)))
        // Outside of everything that makes a body, faults included.
        .layer(layer_fn(Encode::new))
        // Sees every answer, preflights and panics included: gives it its id, counts it, logs it.
        .layer(layer_fn(|inner| Observe::new(state.clone(), Arc::clone(&names), inner)))
        // Before anything can fail, so that failures carry the headers too and pages can read them.
        .layer(cors(&config.cors))
        // Words every fault below in the protocol of the request.
        .layer(layer_fn(|inner| Render::new(renderer_of, inner)))
        // A panic below this line is a fault; above it there is nothing that could panic.
        .layer(catch_panic())
        // Cuts the reading of the body and the work of the handler alike.
        .layer(MapFutureLayer::new(move |answer| deadline(longest, answer)))
        // Within the deadline, as a signature covers the body, and tokens are signed by keys that may have to be fetched.
        .layer(layer_fn(|inner| Guard::new(state.clone(), Arc::clone(&names), hosts.clone(), inner)))
        // For those only who are let in.
        .layer(layer_fn(|inner| Answers::new(state.clone(), Arc::clone(&names), inner)))
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
    Fault::new(Code::MethodNotAllowed, "see the Allow header for the methods that this route takes")
}

/// Names of headers that the `http` crate does not know.
const fn name(lower_case: &'static str) -> HeaderName {
    HeaderName::from_static(lower_case)
}
