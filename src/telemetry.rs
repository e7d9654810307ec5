//! Ground floor: what the service tells those who operate it. Knows nothing of what it is told about.

pub mod access_log;
pub mod log;
pub mod metrics;
mod stages;

pub use stages::Stages;
