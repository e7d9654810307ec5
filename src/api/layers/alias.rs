//! Paths that a platform chooses for routes of ours.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use crate::config::Vertex;

/// Each chosen path, and the one that answers.
#[derive(Clone, Default)]
pub(in crate::api) struct Aliases(Vec<(String, PathAndQuery)>);

impl Aliases {
    pub(in crate::api) fn new(vertex: &Vertex, model_name: &str) -> Self {
        let path = |path: String| PathAndQuery::try_from(path).expect("a path of ours: this is a bug");
        let predict = vertex
            .predict_route
            .clone()
            .map(|route| (route, path(format!("/v1/models/{model_name}:predict"))));
        let health = vertex.health_route.clone().map(|route| (route, path("/health".to_owned())));
        Self(predict.into_iter().chain(health).collect())
    }

    /// The same request, at the path that answers.
    pub(in crate::api) fn resolve(&self, mut request: Request) -> Request {
        let found = self.0.iter().find(|(chosen, _)| chosen == request.uri().path());
        if let Some((_, path)) = found {
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(path.clone());
            *request.uri_mut() = Uri::from_parts(parts).expect("a path in place of a path: this is a bug");
        }
        request
    }
}
