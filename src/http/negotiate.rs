//! Which form a body has and which form the answer shall have.

use axum::http::{HeaderMap, header};
use mime::Mime;

use super::problem::{Code, Problem};

/// The form of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Json,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Text,
    Json,
}

/// The form that the content type names; CSV when there is none, and for what `curl -d` says.
pub(super) fn body_form(headers: &HeaderMap) -> Result<Form, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Form::Csv) };
    let refused = || {
        let found = crate::schema::excerpt(&String::from_utf8_lossy(value.as_bytes()));
        Problem::new(
            Code::UnsupportedMediaType,
            format!(
                "the content type is {found:?}; expected text/csv, text/plain or application/json, in UTF-8"
            ),
        )
    };
    let text = value.to_str().map_err(|_| refused())?;
    if text.trim().is_empty() {
        return Ok(Form::Csv);
    }
    let mime: Mime = text.parse().map_err(|_| refused())?;
    if mime.get_param(mime::CHARSET).is_some_and(|charset| charset != mime::UTF_8 && charset != "us-ascii") {
        return Err(refused());
    }
    match mime.essence_str() {
        "text/csv" | "text/plain" | "application/x-www-form-urlencoded" => Ok(Form::Csv),
        "application/json" => Ok(Form::Json),
        _ => Err(refused()),
    }
}

/// The form that `Accept` prefers: text where it is liked as well as JSON.
pub(super) fn reply_form(headers: &HeaderMap) -> Result<Reply, Problem> {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Ok(Reply::Text);
    }
    let mut likes = Likes::default();
    for value in values {
        let text =
            value.to_str().map_err(|_| Problem::new(Code::Malformed, "the Accept header is not ASCII"))?;
        // What is no media range is passed over, as RFC 9110 leaves it to servers to do.
        for range in text.split(',').filter_map(|range| range.trim().parse::<Mime>().ok()) {
            likes.add(&range);
        }
    }
    let (text, json) = (likes.text.quality, likes.json.quality);
    if text > 0.0 && text >= json {
        Ok(Reply::Text)
    } else if json > 0.0 {
        Ok(Reply::Json)
    } else {
        Err(Problem::new(
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

/// How much a form is liked, by the most specific range that covers it (RFC 9110, 12.5.1).
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
            ("*/*", Some(Reply::Text)),
            ("text/plain", Some(Reply::Text)),
            ("text/csv", Some(Reply::Text)),
            ("text/*", Some(Reply::Text)),
            ("application/json", Some(Reply::Json)),
            ("application/*", Some(Reply::Json)),
            ("application/json, */*;q=0.5", Some(Reply::Json)),
            ("application/json, */*", Some(Reply::Text)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(Reply::Text)),
            ("application/json;q=0.2, text/plain;q=0.1", Some(Reply::Json)),
            ("text/plain;q=0, */*", Some(Reply::Json)),
            ("*/*;q=0", None),
            ("image/png", None),
            ("application/json;q=0", None),
            ("nonsense", None),
        ] {
            assert_eq!(reply_form(&headers(header::ACCEPT, accept)).ok(), reply, "{accept}");
        }
        assert_eq!(reply_form(&HeaderMap::new()).ok(), Some(Reply::Text));
    }

    #[test]
    fn content_type() {
        for (content_type, form) in [
            ("text/csv", Some(Form::Csv)),
            ("Text/CSV; charset=UTF-8", Some(Form::Csv)),
            ("text/plain;charset=utf-8", Some(Form::Csv)),
            ("application/x-www-form-urlencoded", Some(Form::Csv)),
            ("application/json", Some(Form::Json)),
            ("", Some(Form::Csv)),
            ("text/csv; charset=latin-1", None),
            ("application/xml", None),
            ("multipart/form-data; boundary=x", None),
            ("csv", None),
        ] {
            assert_eq!(body_form(&headers(header::CONTENT_TYPE, content_type)).ok(), form, "{content_type}");
        }
        assert_eq!(body_form(&HeaderMap::new()).ok(), Some(Form::Csv));
    }
}
