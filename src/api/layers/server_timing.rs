//! Where the time of a request went, for the client.

use std::fmt::Write;

use axum::http::{HeaderName, HeaderValue};

use crate::api::name;
use crate::telemetry::Stages;

pub(super) const SERVER_TIMING: HeaderName = name("server-timing");

/// The W3C header (<https://www.w3.org/TR/server-timing>): stages in milliseconds.
pub(super) fn server_timing(stages: &Stages) -> HeaderValue {
    let mut text = String::with_capacity(64);
    for (name, time) in stages.named() {
        let separator = if text.is_empty() { "" } else { ", " };
        let microseconds = time.as_micros() as u64;
        write!(text, "{separator}{name};dur={}.{:03}", microseconds / 1000, microseconds % 1000)
            .expect("writing to a String does not fail: this is a bug");
    }
    HeaderValue::try_from(text).expect("digits are visible ASCII: this is a bug")
}
