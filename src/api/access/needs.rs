//! What a caller must be allowed for a route. What is not listed is for those who may predict.

use axum::http::Method;

use crate::access::scope::Scope;
use crate::api::routes::OTHER;

/// What a request needs of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// No caller: health, the page's files, the description of the API.
    Nobody,
    /// Any caller.
    Caller,
    /// One with this scope.
    Scope(Scope),
}

/// Of a request for `route`, a pattern.
pub(super) fn need(route: &str, method: &Method) -> Need {
    // A path of no route is a file of the page, or nothing.
    if route == OTHER && matches!(*method, Method::GET | Method::HEAD) {
        return Need::Nobody;
    }
    let first = route.split('/').nth(1).unwrap_or_default();
    match first {
        "livez" | "readyz" | "ping" | "health" | "docs" | "openapi.json" | "grpc.health.v1.Health" => {
            Need::Nobody
        }
        "v2" if route.starts_with("/v2/health/") => Need::Nobody,
        "model" | "version" => Need::Caller,
        "explain" => Need::Scope(Scope::Explain),
        "recommend" => Need::Scope(Scope::Recommend),
        "users" => Need::Scope(Scope::Users),
        "metrics" | "admin" => Need::Scope(Scope::Admin),
        _ => Need::Scope(Scope::Predict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_needs_a_caller() {
        for (method, route, expected) in [
            (Method::GET, "/livez", Need::Nobody),
            (Method::GET, OTHER, Need::Nobody),
            (Method::HEAD, OTHER, Need::Nobody),
            (Method::POST, OTHER, Need::Scope(Scope::Predict)),
            (Method::DELETE, OTHER, Need::Scope(Scope::Predict)),
            (Method::POST, "/predict", Need::Scope(Scope::Predict)),
            (Method::GET, "/predict/pair", Need::Scope(Scope::Predict)),
            (Method::POST, "/explain/pair", Need::Scope(Scope::Explain)),
            (Method::GET, "/recommend/{user_id}", Need::Scope(Scope::Recommend)),
            (Method::GET, "/users", Need::Scope(Scope::Users)),
            (Method::GET, "/metrics", Need::Scope(Scope::Admin)),
            (Method::POST, "/admin/reload", Need::Scope(Scope::Admin)),
            (Method::GET, "/model", Need::Caller),
            (Method::GET, "/v2/health/ready", Need::Nobody),
            (Method::GET, "/v2/models/{name}/ready", Need::Scope(Scope::Predict)),
            (Method::POST, "/invocations", Need::Scope(Scope::Predict)),
            (Method::POST, "/inference.GRPCInferenceService/ModelInfer", Need::Scope(Scope::Predict)),
        ] {
            assert_eq!(need(route, &method), expected, "{method} {route}");
        }
    }
}
