//! Which media type a body has and which the answer shall have.

use axum::http::{HeaderMap, header};
use mime::Mime;

use crate::api::fault::{Code, Fault};

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
        let found = crate::row::excerpt(&String::from_utf8_lossy(value.as_bytes()));
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
    let mime: Mime = text.parse().map_err(|_| refused())?;
    if mime.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8 && charset != "us-ascii") {
        return Err(refused());
    }
    match mime.essence_str() {
        "text/csv" | "text/plain" | "application/x-www-form-urlencoded" => Ok(BodyType::Csv),
        "application/json" => Ok(BodyType::Json),
        _ => Err(refused()),
    }
}

/// The type that `Accept` prefers: text where it is liked as well as JSON.
pub(super) fn reply_type(headers: &HeaderMap) -> Result<ReplyType, Fault> {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Ok(ReplyType::Text);
    }
    let mut likes = Likes::default();
    for value in values {
        let text =
            value.to_str().map_err(|_| Fault::new(Code::Malformed, "the Accept header is not ASCII"))?;
        // What is no media range is skipped, as RFC 9110 leaves it to servers to do.
        for range in text.split(',').filter_map(|range| range.trim().parse::<Mime>().ok()) {
            likes.add(&range);
        }
    }
    let (text, json) = (likes.text.quality, likes.json.quality);
    if text > 0.0 && text >= json {
        Ok(ReplyType::Text)
    } else if json > 0.0 {
        Ok(ReplyType::Json)
    } else {
        Err(Fault::new(
            Code::NotAcceptable,
            "the Accept header leaves nothing that can be given; expected text/plain, text/csv, application/json or */*",
        ))
    }
}

#[derive(Default)]
struct Likes {
    text: Like,
    json: Like,
}

/// How much a type is liked, by the most specific range that covers it (RFC 9110, 12.5.1).
#[derive(Default)]
struct Like {
    specificity: u8,
    quality: f32,
}

impl Like {
    fn hear(&mut self, specificity: u8, quality: f32) {
        let better = specificity == self.specificity && quality > self.quality;
        if specificity > self.specificity || better {
            *self = Self { specificity, quality };
        }
    }
}

impl Likes {
    fn add(&mut self, range: &Mime) {
        let quality = range.get_param("q").map_or(Some(1.0), |q| q.as_str().parse().ok());
        let quality: f32 = quality.filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(0.0);
        match (range.type_().as_str(), range.subtype().as_str()) {
            ("*", "*") => {
                self.text.hear(1, quality);
                self.json.hear(1, quality);
            }
            ("text", "*") => self.text.hear(2, quality),
            ("application", "*") => self.json.hear(2, quality),
            ("text", "plain" | "csv") => self.text.hear(3, quality),
            ("application", "json") => self.json.hear(3, quality),
            _ => {}
        }
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
