//! The HTTP edge: every route on one screen, and the layers around them.

mod access_log;
mod answer;
mod body;
mod explain;
mod model;
mod negotiate;
mod observe;
mod operations;
mod page;
mod predict;
mod problem;
mod python_float;
mod recommend;
mod target;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::time::timeout;
use tower::layer::layer_fn;
use tower::util::MapFutureLayer;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionBody, CompressionLayer};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::services::ServeDir;

use crate::config::{Cors, Origins, Server};
use crate::inference::Inference;
use crate::metrics::Metrics;
use crate::products::ProductNames;
use crate::readiness::Readiness;

use observe::Observe;

pub use access_log::AccessLog;
pub use observe::ClientAddress;
pub(crate) use page::PAGE;
pub use python_float::python_float;

/// What handlers reach; cheap to clone.
#[derive(Clone)]
pub struct HttpState(Arc<Shared>);

struct Shared {
    inference: Arc<Inference>,
    readiness: Arc<Readiness>,
    metrics: Metrics,
    product_names: ProductNames,
    body_limit: usize,
    deadline: Duration,
    access_log: Option<AccessLog>,
    files: ServeDir,
    /// Headers that go on to the scorer.
    passed: Vec<String>,
}

impl HttpState {
    /// The state of one service.
    #[must_use]
    pub fn new(
        inference: Arc<Inference>,
        readiness: Arc<Readiness>,
        metrics: Metrics,
        product_names: ProductNames,
        server: &Server,
        access_log: Option<AccessLog>,
        passed: Vec<String>,
    ) -> Self {
        let Server { body_limit, deadline, .. } = *server;
        let files = ServeDir::new(&server.static_dir).append_index_html_on_directories(false);
        Self(Arc::new(Shared {
            inference,
            readiness,
            metrics,
            product_names,
            body_limit,
            deadline,
            access_log,
            files,
            passed,
        }))
    }
}

/// An answer as it leaves the edge.
pub type Answer = Response<CompressionBody<Body>>;

/// The whole edge: every route, inside the layers.
pub fn edge(
    state: &HttpState,
    cors: &Cors,
) -> impl Service<Request, Response = Answer, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let deadline = state.0.deadline;
    // The outermost layer comes first. They stand around the router, not inside it, so that a request passes them without
    // a box for each.
    ServiceBuilder::new()
        // Outside of everything that makes a body, problems included.
        .layer(CompressionLayer::new())
        // Sees every answer, preflights and panics included: gives it its id, counts it, logs it, words its problem.
        .layer(layer_fn(|inner| Observe::new(state.clone(), inner)))
        // Before anything can fail, so that failures carry the headers too and pages can read them.
        .layer(cors_layer(cors))
        // A panic below this line is a 500; above it there is nothing that could panic.
        .layer(CatchPanicLayer::custom(problem::from_panic))
        // Cuts the reading of the body and the work of the handler alike.
        .layer(MapFutureLayer::new(move |answer| async move {
            timeout(deadline, answer).await.unwrap_or_else(|_| Ok(problem::deadline(deadline)))
        }))
        .service(router(state.clone()))
}

/// Every route of the service.
fn router(state: HttpState) -> Router {
    Router::new()
        // For pages and programs.
        .route("/predict", post(predict::predict))
        .route("/predict/pair", post(predict::predict_pair))
        .route("/explain", post(explain::explain))
        .route("/explain/pair", post(explain::explain_pair))
        .route("/recommend/{user_id}", get(recommend::recommend))
        .route("/users", get(recommend::users))
        .route("/model", get(model::model))
        // For those who operate the service.
        .route("/livez", get(operations::livez))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        // For people: the page and its files; whatever is none of them is an unknown route.
        .fallback(page::file)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(state)
}

fn cors_layer(cors: &Cors) -> CorsLayer {
    let origins = match &cors.origins {
        Origins::Any => AllowOrigin::any(),
        Origins::Only(list) => {
            AllowOrigin::list(list.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
        }
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            answer::MODEL_VERSION,
            observe::REQUEST_ID,
            observe::SERVER_TIMING,
            header::RETRY_AFTER,
        ])
        .max_age(cors.max_age)
}

/// Names of headers that the `http` crate does not know.
const fn name(lower_case: &'static str) -> HeaderName {
    HeaderName::from_static(lower_case)
}
