//! What stands around every route, one job each; [`envelope`] says in which order and why.

mod alias;
mod cors;
mod deadline;
mod encoding;
mod envelope;
mod observe;
mod panic;
mod render;
mod request_id;
mod server_timing;

pub(super) use alias::Aliases;
pub(super) use cors::CorsPolicy;
pub(super) use encoding::Encode;
pub(super) use envelope::{Envelope, Surroundings};
pub(super) use render::{Rendered, Renderer};
pub(super) use request_id::RequestId;
