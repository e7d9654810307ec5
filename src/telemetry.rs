//! Ground floor: what the service tells those who operate it. Knows nothing of what it is told about.

pub mod access_log;
pub mod log;
pub mod metrics;
mod stages;
mod text;

pub use stages::Stages;
pub use text::write_milliseconds;
