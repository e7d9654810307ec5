//! Routes by their patterns, so that metrics and logs name a route and never a path that a client made up.

use std::sync::Arc;

use crate::telemetry::metrics::RouteMetrics;

/// The patterns of all routes.
pub(super) struct RouteNames {
    routes: matchit::Router<Arc<RouteMetrics>>,
    other: Arc<RouteMetrics>,
}

/// What a path is called that is of no route.
pub(super) const OTHER: &str = "other";

impl RouteNames {
    /// # Panics
    /// If two patterns are alike, which the router of the API would refuse as well.
    pub(super) fn new(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        let mut routes = matchit::Router::new();
        for pattern in patterns {
            let route = Arc::new(RouteMetrics::new(pattern));
            routes.insert(pattern, route).expect("distinct patterns: this is a bug");
        }
        Self { routes, other: Arc::new(RouteMetrics::new(OTHER)) }
    }

    /// The route that `path` is of.
    pub(super) fn of(&self, path: &str) -> Arc<RouteMetrics> {
        Arc::clone(self.routes.at(path).map_or(&self.other, |found| found.value))
    }
}
