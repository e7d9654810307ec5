//! The reason behind an error, shared by everyone it is reported to.

use std::error::Error;
use std::sync::Arc;

/// What caused an error. Shared, so that the failure of one call can be reported to each of its callers.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// `error` as a cause.
pub fn cause(error: impl Into<Box<dyn Error + Send + Sync>>) -> Cause {
    Arc::from(error.into())
}

/// An error and its sources in one line; a source that its error already quotes is not repeated.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |line, source| match source.to_string() {
        source if line.contains(&source) => line,
        source => format!("{line}: {source}"),
    })
}
