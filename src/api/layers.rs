//! The layers around every route, one job each; [`super::edge`] says in which order they stand and why.

mod alias;
mod cors;
mod deadline;
mod encoding;
mod observe;
mod panic;
mod render;
mod request_id;
mod server_timing;

pub(super) use alias::Aliases;
pub(super) use cors::cors;
pub(super) use deadline::deadline;
pub(super) use encoding::Encode;
pub(super) use observe::Observe;
pub(super) use panic::catch_panic;
pub(super) use render::{Render, Rendered, Renderer};
