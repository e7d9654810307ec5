//! What the container makes of `Content-Type` and `Accept`, which is not what RFC 9110 does: no lists, no ranges, no weights.

use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::api::fault::{Code, Fault};
use crate::config::ACCEPTED;
use crate::row::excerpt;

/// How the rows of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Libsvm,
    Recordio,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Csv,
    Json,
    JsonLines,
    Recordio,
}

impl Form {
    /// Its name, as the container has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Libsvm => "libsvm",
            Self::Recordio => "recordio-protobuf",
        }
    }

    /// The form that the content type names; libsvm where there is none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let Some(value) = joined(headers, &CONTENT_TYPE) else { return Ok(Self::Libsvm) };
        let (essence, parameters) = parse(&value);
        let found = excerpt(&value);
        let refused = |what: String| Err(Fault::new(Code::UnsupportedMediaType, what));
        match essence.as_str() {
            "csv" | "text/csv" => match parameters.iter().rfind(|(name, _)| name == "label_size") {
                Some((_, size)) if size != "1" => refused(format!(
                    "{found:?} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
                )),
                _ => Ok(Self::Csv),
            },
            "libsvm" | "text/libsvm" | "text/x-libsvm" => Ok(Self::Libsvm),
            "recordio-protobuf" | "application/x-recordio-protobuf" => Ok(Self::Recordio),
            "parquet" | "application/x-parquet" => {
                refused(format!("Content-type {found:?} is not supported."))
            }
            _ => refused(format!(
                "{found:?} is not an accepted ContentType: csv, libsvm, recordio-protobuf, text/csv, text/libsvm, \
                 text/x-libsvm, application/x-recordio-protobuf."
            )),
        }
    }
}

impl Reply {
    /// The type that `Accept` names, or `default` where it names none.
    pub(super) fn of(headers: &HeaderMap, default: &str) -> Result<Self, Fault> {
        let value = joined(headers, &ACCEPT).unwrap_or_default();
        let (essence, _) = parse(&value);
        let wanted = if essence.is_empty() || essence == "*/*" { default } else { &essence };
        match wanted {
            "text/csv" => Ok(Self::Csv),
            "application/json" => Ok(Self::Json),
            "application/jsonlines" => Ok(Self::JsonLines),
            "application/x-recordio-protobuf" => Ok(Self::Recordio),
            other => Err(Fault::new(
                Code::NotAcceptable,
                format!(
                    "Accept type {:?} is not supported. Please use supported accept types: {}.",
                    excerpt(other),
                    ACCEPTED.join(", ")
                ),
            )),
        }
    }

    /// Its content type; Flask adds a charset to texts alone.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonlines",
            Self::Recordio => "application/x-recordio-protobuf",
        })
    }
}

/// The values of a header as one, as a gateway joins them; `None` where there is none.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let mut joined = String::from_utf8_lossy(values.next()?.as_bytes()).into_owned();
    for value in values {
        joined.push(',');
        joined.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    Some(joined)
}

/// A type in lower case and its parameters, which end at each `;`.
fn parse(value: &str) -> (String, Vec<(String, String)>) {
    let value = value.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    let parameters = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
        .collect();
    (essence, parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        let form = |value: &'static str| {
            Form::of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        for (value, expected) in [
            ("text/csv", Form::Csv),
            ("csv", Form::Csv),
            ("Text/CSV; charset=utf-8", Form::Csv),
            ("text/csv; label_size=1", Form::Csv),
            ("text/csv;label_size=\"1\";x", Form::Csv),
            ("text/csv; label_size=0; label_size=1", Form::Csv),
            ("libsvm", Form::Libsvm),
            ("text/libsvm ;charset=utf8", Form::Libsvm),
            ("text/x-libsvm", Form::Libsvm),
            ("application/x-recordio-protobuf", Form::Recordio),
            ("recordio-protobuf", Form::Recordio),
        ] {
            assert_eq!(form(value).ok(), Some(expected), "{value}");
        }
        for value in [
            "text/csv; label_size=0",
            "text/csv; label_size=2",
            "text/csv; label_size=1; label_size=0",
            "application/x-parquet",
            "application/json",
            "application/octet-stream",
            "",
            "text/csv, text/csv",
        ] {
            assert_eq!(form(value).unwrap_err().code, Code::UnsupportedMediaType, "{value}");
        }
        assert_eq!(Form::of(&HeaderMap::new()).ok(), Some(Form::Libsvm));
    }

    #[test]
    fn accepted_types() {
        let reply = |value: &'static str| {
            Reply::of(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]), "application/json")
                .ok()
        };
        for (value, expected) in [
            ("text/csv", Some(Reply::Csv)),
            ("TEXT/CSV; q=0.1", Some(Reply::Csv)),
            ("*/*", Some(Reply::Json)),
            ("*/*;q=0.8", Some(Reply::Json)),
            ("", Some(Reply::Json)),
            ("application/jsonlines", Some(Reply::JsonLines)),
            ("application/json, text/csv", None),
            ("text/plain", None),
            ("text/*", None),
        ] {
            assert_eq!(reply(value), expected, "{value}");
        }
    }
}
