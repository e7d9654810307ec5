//! One line per request, in the form of the other log lines but without their machinery: it is on the way of every answer.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, Uri};

use super::log::Lines;

const WRITTEN: &str = "writing to a Vec does not fail: this is a bug";

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
    /// The pattern of its route: identifiers in a path are nobody's business but the client's.
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
}

impl AccessLog {
    /// A log of JSON objects, or of text, into `lines`.
    #[must_use]
    pub fn new(lines: Lines, json: bool) -> Self {
        Self { lines, json }
    }

    /// Writes the line of a request that is answered, or whose client is gone.
    pub fn write(
        &self,
        request: &Line,
        status: u16,
        code: Option<&'static str>,
        id: &HeaderValue,
        elapsed: Duration,
    ) {
        let Line { method, path, client } = request;
        let (path, id) = (path.text(), id.to_str().unwrap_or_default());
        let microseconds = elapsed.as_micros() as u64;
        let (milliseconds, microseconds) = (microseconds / 1000, microseconds % 1000);
        let time = humantime::format_rfc3339_micros(SystemTime::now());
        self.lines.gather(|out| {
            let written = if self.json {
                // The method is a token and the address a number: neither needs escaping.
                write!(out, r#"{{"timestamp":"{time}","level":"INFO","message":"{method} "#)
                    .and_then(|()| escaped(out, path))
                    .and_then(|()| write!(out, r#" {status}","request_id":""#))
                    .and_then(|()| escaped(out, id))
                    .and_then(|()| write!(out, r#"","duration_ms":{milliseconds}.{microseconds:03}"#))
                    .and_then(|()| client.as_ref().map_or(Ok(()), |client| write!(out, r#","client.address":"{client}""#)))
                    .and_then(|()| code.map_or(Ok(()), |code| write!(out, r#","code":"{code}""#)))
                    .and_then(|()| out.write_all(b",\"target\":\"imba::access\"}\n"))
            } else {
                write!(out, "{time}  INFO imba::access: {method} {path} {status} request_id={id} duration_ms={milliseconds}.{microseconds:03}")
                    .and_then(|()| client.as_ref().map_or(Ok(()), |client| write!(out, " client.address={client}")))
                    .and_then(|()| code.map_or(Ok(()), |code| write!(out, " code={code}")))
                    .and_then(|()| out.write_all(b"\n"))
            };
            written.expect(WRITTEN);
        });
    }
}

/// Writes the inside of a JSON string.
fn escaped(out: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        return out.write_all(text.as_bytes());
    }
    let quoted = serde_json::Value::from(text).to_string();
    out.write_all(&quoted.as_bytes()[1..quoted.len() - 1])
}
