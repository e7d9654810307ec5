//! imba: will this customer buy this product again?
//!
//! Data flows one way: [`api`] translates a request, [`inference`] looks up and scores, the ports [`features`] and
//! [`scorer`] are answered by one adapter each, chosen in [`app`] by [`config`]. `docs/ARCHITECTURE.md` is the map.

mod cache;

pub mod access;
pub mod admission;
pub mod api;
pub mod app;
pub mod cause;
pub mod cli;
pub mod config;
pub mod demo;
pub mod features;
pub mod formats;
pub mod inference;
pub mod model;
pub mod products;
pub mod readiness;
pub mod row;
pub mod scorer;
pub mod server;
pub mod shutdown;
pub mod telemetry;
pub mod upstream;
