//! Where the time of a request went, for the client.

use axum::http::{HeaderName, HeaderValue};

use crate::api::name;
use crate::telemetry::{Stages, write_milliseconds};

pub(super) const SERVER_TIMING: HeaderName = name("server-timing");

/// The W3C header (<https://www.w3.org/TR/server-timing>): stages in milliseconds.
pub(super) fn server_timing(stages: &Stages) -> HeaderValue {
    let mut text = Vec::with_capacity(64);
    for (name, time) in stages.named() {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b";dur=");
        write_milliseconds(&mut text, time);
    }
    HeaderValue::try_from(text).expect("digits are visible ASCII: this is a bug")
}
