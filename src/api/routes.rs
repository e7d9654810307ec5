//! Routes by their patterns, so that metrics and logs name a route and never a path that a client made up.

/// The patterns of all routes.
pub(super) struct RouteNames(matchit::Router<&'static str>);

/// What a path is called that is of no route.
pub(super) const OTHER: &str = "other";

impl RouteNames {
    /// # Panics
    /// If two patterns are alike, which the router of the API would refuse as well.
    pub(super) fn new(patterns: impl IntoIterator<Item = &'static str>) -> Self {
        let mut names = matchit::Router::new();
        for pattern in patterns {
            names.insert(pattern, pattern).expect("distinct patterns: this is a bug");
        }
        Self(names)
    }

    /// The pattern that `path` is of.
    pub(super) fn of(&self, path: &str) -> &'static str {
        self.0.at(path).map_or(OTHER, |found| *found.value)
    }
}
