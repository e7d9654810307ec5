//! imba: will this customer buy this product again?
//!
//! Data flows one way: [`http`] decodes a request, [`inference`] looks up and scores, the ports [`features`] and
//! [`scorer`] are answered by one adapter each, chosen in [`app`] by [`config`]. `docs/ARCHITECTURE.md` is the map.

pub mod app;
pub mod aws;
pub mod cli;
pub mod coalesce;
pub mod config;
pub mod features;
pub mod http;
pub mod inference;
pub mod metrics;
pub mod model;
pub mod products;
pub mod readiness;
pub mod rows;
pub mod schema;
pub mod scorer;
pub mod server;
pub mod shutdown;
pub mod telemetry;
pub mod upstream;
