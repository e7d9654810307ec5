//! The reason behind an error, shared by all who hear of it.

use std::error::Error;
use std::sync::Arc;

/// What an error was caused by. Shared, so that an error of one call can be told to each of its callers.
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
