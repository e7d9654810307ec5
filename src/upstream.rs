//! The failures of calls to an upstream, a service behind one of our ports, and what stands before it.

pub mod aws;
pub mod batcher;
mod breaker;
mod budget;
mod bulkhead;
mod gate;

use std::time::Duration;

use crate::cause::Cause;

pub use bulkhead::{Bulkhead, WaitQueue};
pub use gate::Gate;

/// Why a call gave no answer, by what a caller can do about it. No text reveals internals of the upstream; those
/// are in the sources, for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be reached or says that it cannot answer now; a later try may succeed.
    #[error("it is unavailable")]
    Unavailable(#[source] Cause),
    /// It gave no answer in time.
    #[error("it did not answer in time")]
    TimedOut(#[source] Cause),
    /// It asks for fewer calls.
    #[error("it is throttling us")]
    Throttled(#[source] Cause),
    /// As many callers as may wait for it are waiting.
    #[error("too many requests are already waiting for it")]
    Overloaded,
    /// It failed so often that it is left alone for a while.
    #[error("it failed repeatedly and is left alone for {pause:?}")]
    Open {
        /// Time until the next call is let through.
        pause: Duration,
    },
    /// It refuses the call: permissions, credentials or names are wrong, and a later try will fail the same way.
    #[error("it refuses the call ({code})")]
    Refused {
        /// Its word for the reason, e.g. `AccessDeniedException`.
        code: String,
        /// The whole reason.
        source: Cause,
    },
    /// It no longer accepts our credentials; newer ones may work.
    #[error("it refuses the credentials ({code})")]
    Expired {
        /// Its word for the reason, e.g. `ExpiredTokenException`.
        code: String,
        /// The whole reason.
        source: Cause,
    },
    /// It failed.
    #[error("{what}")]
    Failed {
        /// What happened.
        what: String,
        /// Where it comes from.
        source: Cause,
    },
    /// Its answer makes no sense.
    #[error("it answered with {what}")]
    Garbled {
        /// What kind of thing it answered with, in our words.
        what: &'static str,
        /// What was found, in its own.
        source: Cause,
    },
}

impl UpstreamError {
    /// Whether it says that the upstream is unhealthy, rather than that it rejected this call.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::TimedOut(_) | Self::Throttled(_) | Self::Failed { .. } => true,
            Self::Overloaded
            | Self::Open { .. }
            | Self::Refused { .. }
            | Self::Expired { .. }
            | Self::Garbled { .. } => false,
        }
    }

    /// Whether it is the upstream's verdict on the call, so that a retry would not help.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Garbled { .. })
    }

    /// The word for it in metrics.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::TimedOut(_) => "timed_out",
            Self::Throttled(_) => "throttled",
            Self::Overloaded => "overloaded",
            Self::Open { .. } => "circuit_open",
            Self::Refused { .. } | Self::Expired { .. } => "refused",
            Self::Failed { .. } | Self::Garbled { .. } => "failed",
        }
    }
}
