//! Which pages may call.

use axum::http::{Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::{request_id::REQUEST_ID, server_timing::SERVER_TIMING};
use crate::api::native::MODEL_VERSION;
use crate::api::oip::HEADER_LENGTH;
use crate::config::{Cors, Origins};

/// Adds the headers that let pages of the configured origins call and read every answer.
pub(in crate::api) fn cors(cors: &Cors) -> CorsLayer {
    let origins = match &cors.origins {
        Origins::Any => AllowOrigin::any(),
        Origins::Only(list) => {
            let list = list.clone();
            AllowOrigin::predicate(move |origin, _| {
                origin.to_str().is_ok_and(|origin| list.iter().any(|pattern| pattern.matches(origin)))
            })
        }
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([MODEL_VERSION, HEADER_LENGTH, REQUEST_ID, SERVER_TIMING, header::RETRY_AFTER])
        .max_age(cors.max_age)
}
