//! One line per request, in the form of the other log lines but without their machinery: every answer waits for it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Uri};

use super::log::Lines;
use super::text::{write_integer, write_milliseconds, write_now};

/// Where the lines go, and their form.
#[derive(Clone)]
pub struct AccessLog {
    lines: Lines,
    json: bool,
}

/// The address a request came from, as text; the server adds it to each request of a connection.
#[derive(Debug, Clone)]
pub struct ClientAddress(pub Arc<str>);

/// What a request asked for, as far as the log may know.
pub enum Path {
    /// The pattern of its route: identifiers in a path do not belong in the log.
    Route(&'static str),
    /// The address, of no route.
    Own(Uri),
}

impl Path {
    fn text(&self) -> &str {
        match self {
            Self::Route(pattern) => pattern,
            Self::Own(uri) => uri.path(),
        }
    }
}

/// What a line says of the request.
pub struct Line {
    /// Its method.
    pub method: Method,
    /// What it asked for.
    pub path: Path,
    /// Where it came from.
    pub client: Option<Arc<str>>,
    /// Its id.
    pub id: HeaderValue,
}

impl AccessLog {
    /// A log of JSON objects, or of text, into `lines`.
    #[must_use]
    pub fn new(lines: Lines, json: bool) -> Self {
        Self { lines, json }
    }

    /// Writes the line of a request that is answered, or whose client is gone.
    pub fn write(&self, request: &Line, status: u16, code: Option<&'static str>, elapsed: Duration) {
        self.lines.gather(|out| {
            if self.json {
                json(out, request, status, code, elapsed);
            } else {
                text(out, request, status, code, elapsed);
            }
        });
    }
}

/// Neither methods, which are tokens, nor addresses and codes need escaping.
fn json(out: &mut Vec<u8>, request: &Line, status: u16, code: Option<&'static str>, elapsed: Duration) {
    out.extend_from_slice(br#"{"timestamp":""#);
    write_now(out);
    out.extend_from_slice(br#"","level":"INFO","message":""#);
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    escaped(out, request.path.text());
    out.push(b' ');
    write_integer(out, status.into());
    out.extend_from_slice(br#"","request_id":""#);
    escaped(out, request.id.to_str().unwrap_or_default());
    out.extend_from_slice(br#"","duration_ms":"#);
    write_milliseconds(out, elapsed);
    for (name, value) in [("client.address", request.client.as_deref()), ("code", code)] {
        if let Some(value) = value {
            for part in [",\"", name, "\":\"", value, "\""] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    out.extend_from_slice(b",\"target\":\"imba::access\"}\n");
}

fn text(out: &mut Vec<u8>, request: &Line, status: u16, code: Option<&'static str>, elapsed: Duration) {
    write_now(out);
    out.extend_from_slice(b"  INFO imba::access: ");
    for part in [request.method.as_str(), " ", request.path.text(), " "] {
        out.extend_from_slice(part.as_bytes());
    }
    write_integer(out, status.into());
    out.extend_from_slice(b" request_id=");
    out.extend_from_slice(request.id.as_bytes());
    out.extend_from_slice(b" duration_ms=");
    write_milliseconds(out, elapsed);
    for (name, value) in [(" client.address=", request.client.as_deref()), (" code=", code)] {
        if let Some(value) = value {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value.as_bytes());
        }
    }
    out.push(b'\n');
}

/// Writes the inside of a JSON string.
fn escaped(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    // Without a way out in the middle, so that sixteen bytes are looked at in one step.
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.extend_from_slice(text.as_bytes());
    } else {
        let quoted = serde_json::Value::from(text).to_string();
        out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
}
