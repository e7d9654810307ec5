//! Ground floor: logs and metrics for operators. Knows nothing of what it reports on.

pub mod access_log;
pub mod log;
pub mod metrics;
mod stages;
mod text;

pub use stages::Stages;
pub use text::write_milliseconds;
