//! Which media type a body has and which the answer shall have.

use axum::http::{HeaderMap, header};

use crate::api::fault::{Code, Fault};
use crate::api::media::{MediaType, is_utf8, quality, ranges};
use crate::row::excerpt;

/// The type of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyType {
    Csv,
    Json,
}

/// The type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyType {
    Text,
    Json,
}

/// The type that the content type names; CSV when there is none, and for what `curl -d` says.
pub(super) fn body_type(headers: &HeaderMap) -> Result<BodyType, Fault> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(BodyType::Csv) };
    let refused = || {
        let found = excerpt(&String::from_utf8_lossy(value.as_bytes()));
        Fault::new(
            Code::UnsupportedMediaType,
            format!(
                "the content type is {found:?}; expected text/csv, text/plain or application/json, in UTF-8"
            ),
        )
    };
    let text = value.to_str().map_err(|_| refused())?;
    if text.trim().is_empty() {
        return Ok(BodyType::Csv);
    }
    let found = MediaType::parse(text).ok_or_else(refused)?;
    if !found.parameter("charset").is_none_or(is_utf8) {
        return Err(refused());
    }
    match found.essence.as_str() {
        "text/csv" | "text/plain" | "application/x-www-form-urlencoded" => Ok(BodyType::Csv),
        "application/json" => Ok(BodyType::Json),
        _ => Err(refused()),
    }
}

/// The type that `Accept` prefers: text where it is liked as well as JSON, and where nothing is said.
pub(super) fn reply_type(headers: &HeaderMap) -> Result<ReplyType, Fault> {
    let mut liked = Vec::new();
    let mut is_silent = true;
    for value in headers.get_all(header::ACCEPT) {
        let text =
            value.to_str().map_err(|_| Fault::new(Code::Malformed, "the Accept header is not ASCII"))?;
        is_silent &= text.trim().is_empty();
        liked.extend(ranges(text));
    }
    if is_silent {
        return Ok(ReplyType::Text);
    }
    let text = quality(&liked, &["text/plain", "text/csv"]);
    let json = quality(&liked, &["application/json"]);
    if text > 0.0 && text >= json {
        Ok(ReplyType::Text)
    } else if json > 0.0 {
        Ok(ReplyType::Json)
    } else {
        Err(Fault::new(
            Code::NotAcceptable,
            "no type that the Accept header allows is available; expected text/plain, text/csv, application/json or */*",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn accept() {
        for (accept, reply) in [
            ("*/*", Some(ReplyType::Text)),
            ("text/plain", Some(ReplyType::Text)),
            ("text/csv", Some(ReplyType::Text)),
            ("text/*", Some(ReplyType::Text)),
            ("application/json", Some(ReplyType::Json)),
            ("application/*", Some(ReplyType::Json)),
            ("application/json, */*;q=0.5", Some(ReplyType::Json)),
            ("application/json, */*", Some(ReplyType::Text)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(ReplyType::Text)),
            ("application/json;q=0.2, text/plain;q=0.1", Some(ReplyType::Json)),
            ("text/plain;q=0, */*", Some(ReplyType::Json)),
            ("*/*;q=0", None),
            ("image/png", None),
            ("application/json;q=0", None),
            ("", Some(ReplyType::Text)),
            (" ", Some(ReplyType::Text)),
            ("application/json ; q=0.9", Some(ReplyType::Json)),
            ("nonsense", None),
        ] {
            assert_eq!(reply_type(&headers(header::ACCEPT, accept)).ok(), reply, "{accept}");
        }
        assert_eq!(reply_type(&HeaderMap::new()).ok(), Some(ReplyType::Text));
    }

    #[test]
    fn content_type() {
        for (content_type, form) in [
            ("text/csv", Some(BodyType::Csv)),
            ("Text/CSV; charset=UTF-8", Some(BodyType::Csv)),
            ("text/plain;charset=utf-8", Some(BodyType::Csv)),
            ("application/x-www-form-urlencoded", Some(BodyType::Csv)),
            ("application/json", Some(BodyType::Json)),
            ("", Some(BodyType::Csv)),
            ("text/csv; charset=utf8", Some(BodyType::Csv)),
            ("text/plain; charset=ascii", Some(BodyType::Csv)),
            ("application/json ; charset=\"UTF-8\"", Some(BodyType::Json)),
            ("text/csv; charset=latin-1", None),
            ("application/xml", None),
            ("multipart/form-data; boundary=x", None),
            ("csv", None),
        ] {
            assert_eq!(body_type(&headers(header::CONTENT_TYPE, content_type)).ok(), form, "{content_type}");
        }
        assert_eq!(body_type(&HeaderMap::new()).ok(), Some(BodyType::Csv));
    }
}
