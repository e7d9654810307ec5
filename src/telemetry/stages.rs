//! Where the time of a scored request goes.

use std::time::Duration;

/// How long the stages of one request took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    /// Request body to rows or pairs.
    pub decode: Duration,
    /// Pairs to rows.
    pub lookup: Duration,
    /// Rows to scores.
    pub score: Duration,
}

impl Stages {
    /// Each stage with its name, in the order they happen.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Duration); 3] {
        [("decode", self.decode), ("lookup", self.lookup), ("score", self.score)]
    }
}
