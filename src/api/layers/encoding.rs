//! What `Accept-Encoding` may ask of answers.

use axum::extract::Request;
use axum::http::header;

/// Drops an `Accept-Encoding` that leaves no coding of ours, as RFC 9110 (12.5.3) lets servers do: an answer as it is helps
/// more than a refusal of one that is there already.
pub(in crate::api) fn lenient_encoding(mut request: Request) -> Request {
    let refuses = |text: &str| text.split(',').any(|one| is_refused(one, "identity") || is_refused(one, "*"));
    let offers = |text: &str| text.split(',').any(is_offered);
    let accepted = request.headers().get_all(header::ACCEPT_ENCODING);
    let values = || accepted.iter().filter_map(|value| value.to_str().ok());
    if values().any(refuses) && !values().any(offers) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    request
}

fn is_refused(one: &str, coding: &str) -> bool {
    let (name, quality) = parts(one);
    name.eq_ignore_ascii_case(coding) && quality == Some(0.0)
}

fn is_offered(one: &str) -> bool {
    let (name, quality) = parts(one);
    ["gzip", "br"].iter().any(|ours| name.eq_ignore_ascii_case(ours)) && quality != Some(0.0)
}

fn parts(one: &str) -> (&str, Option<f32>) {
    let (name, quality) = one.split_once(';').unwrap_or((one, ""));
    let quality = quality.trim().strip_prefix("q=").and_then(|quality| quality.trim().parse().ok());
    (name.trim(), quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_nothing_is_dropped() {
        for (accepted, stays) in [
            ("gzip", true),
            ("identity;q=0", false),
            ("*;q=0", false),
            ("identity;q=0, gzip", true),
            ("identity; q=0, deflate, gzip;q=0", false),
            ("", true),
        ] {
            let request = Request::builder().header(header::ACCEPT_ENCODING, accepted);
            let request = lenient_encoding(request.body(axum::body::Body::empty()).unwrap());
            assert_eq!(request.headers().contains_key(header::ACCEPT_ENCODING), stays, "{accepted}");
        }
    }
}
