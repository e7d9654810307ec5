//! A unary call of gRPC as HTTP carries it: one message each way, five bytes before it, the status after it.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>. A library would read the message past the bounds on bodies and
//! word its own failures; here a call is read as every body is, and fails as every request does.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::api::body::{Coding, RequestBody, decompress, read_body};
use crate::api::fault::{Code, Fault};
use crate::api::state::ApiState;
use crate::api::{layers, name};
use crate::row::excerpt;

pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODING: HeaderName = name("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = name("grpc-accept-encoding");
const STATUS: HeaderName = name("grpc-status");
const TIMEOUT: HeaderName = name("grpc-timeout");
const OK: HeaderValue = HeaderValue::from_static("0");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// A flag and the length of the message.
const PREFIX: usize = 5;
/// Most parts of a message: inputs, outputs, contents and parameters.
const MOST_PARTS: usize = 16 * 1024;
/// The tag of `inputs` in a request, and of `contents` in an input.
const LARGE_PART: u32 = 5;
/// How far down there are more of them.
const DEEPEST: usize = 2;

/// The one message of a request, not yet decoded.
pub(super) struct Received {
    pub(super) message: RequestBody,
    /// Whether it came in gzip, and so is the answer wanted.
    pub(super) gzip: bool,
}

/// Reads the one message of `request`.
pub(super) async fn receive(state: &ApiState, request: Request) -> Result<Received, Fault> {
    check_content_type(request.headers())?;
    let coding = coding(request.headers())?;
    let mut body = read_body(state, request).await?;
    if body.bytes.len() < PREFIX {
        return Err(malformed(format!("the call has {} bytes; expected one message", body.bytes.len())));
    }
    let prefix = body.bytes.split_to(PREFIX);
    let announced = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    let there = body.bytes.len();
    if announced != there {
        let more = if there > announced { "; expected one message" } else { "" };
        return Err(malformed(format!("the message says {announced} bytes, and {there} follow{more}")));
    }
    let gzip = coding == Some(Coding::Gzip);
    let message = match (prefix[0], coding) {
        (0, _) => body,
        (1, Some(coding)) => decompress(state, coding, body).await?,
        (1, None) => {
            return Err(malformed("the message is compressed, and grpc-encoding says not how".to_owned()));
        }
        (flag, _) => return Err(malformed(format!("the message begins with flag {flag}; expected 0 or 1"))),
    };
    Ok(Received { message, gzip })
}

/// Decodes a message, which may hold slices of `bytes`.
pub(super) fn decode<M: Message + Default>(bytes: Bytes) -> Result<M, Fault> {
    count_parts(&bytes, DEEPEST, &mut 0)?;
    M::decode(bytes).map_err(|error| malformed(format!("the message cannot be read: {error}")))
}

fn malformed(what: String) -> Fault {
    Fault::new(Code::Malformed, what)
}

/// An empty part takes two bytes, and a hundred times as much when it is decoded. Inputs and their contents are looked into.
fn count_parts(mut message: &[u8], depth: usize, count: &mut usize) -> Result<(), Fault> {
    // What cannot be read is told by the decoder.
    while let Ok((tag, wire_type)) = decode_key(&mut message) {
        if wire_type != WireType::LengthDelimited {
            if skip_field(wire_type, tag, &mut message, DecodeContext::default()).is_err() {
                break;
            }
            continue;
        }
        *count += 1;
        if *count > MOST_PARTS {
            let what = format!("the message has more than {MOST_PARTS} inputs, outputs and other parts");
            return Err(malformed(what));
        }
        let length = decode_varint(&mut message).ok().and_then(|length| usize::try_from(length).ok());
        let Some((part, rest)) = length.and_then(|length| message.split_at_checked(length)) else { break };
        if tag == LARGE_PART && depth > 0 {
            count_parts(part, depth - 1, count)?;
        }
        message = rest;
    }
    Ok(())
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Fault> {
    let found = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if matches!(found.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..])) {
        return Ok(());
    }
    let found = excerpt(&String::from_utf8_lossy(found));
    Err(Fault::new(
        Code::UnsupportedMediaType,
        format!("the content type is {found:?}; expected application/grpc"),
    ))
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Fault> {
    match headers.get(ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(None),
        Some(b"gzip") => Ok(Some(Coding::Gzip)),
        Some(b"deflate") => Ok(Some(Coding::Deflate)),
        Some(other) => {
            let other = excerpt(&String::from_utf8_lossy(other));
            Err(Fault::new(
                Code::Unsupported,
                format!("grpc-encoding is {other:?}; expected identity, gzip or deflate"),
            ))
        }
    }
}

/// The time that the caller waits (`grpc-timeout`), if it says.
pub(super) fn patience(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let read = |text: &str| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
        match unit {
            "H" => Some(Duration::from_secs(amount * 3600)),
            "M" => Some(Duration::from_secs(amount * 60)),
            "S" => Some(Duration::from_secs(amount)),
            "m" => Some(Duration::from_millis(amount)),
            "u" => Some(Duration::from_micros(amount)),
            "n" => Some(Duration::from_nanos(amount)),
            _ => None,
        }
    };
    value.to_str().ok().and_then(read).map(Some).ok_or_else(|| {
        let found = excerpt(&String::from_utf8_lossy(value.as_bytes()));
        Fault::new(
            Code::WrongParameter,
            format!("grpc-timeout is {found:?}; expected digits and a unit, like 250m"),
        )
    })
}

/// A good answer of one message.
pub(super) fn reply(message: &impl Message, gzip: bool) -> Response {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(STATUS, OK);
    let framed = Full::new(frame(message, gzip));
    let body = framed.with_trailers(std::future::ready(Some(Ok::<_, Infallible>(trailers))));
    let mut response = layers::response(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,deflate,gzip"));
    if gzip {
        response.headers_mut().insert(ENCODING, GZIP);
    }
    response
}

fn frame(message: &impl Message, gzip: bool) -> Bytes {
    let size = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX + size);
    framed.put_bytes(0, PREFIX);
    message.encode(&mut framed).expect("there is room for it: this is a bug");
    if gzip {
        let plain = framed.split_off(PREFIX);
        framed[0] = 1;
        let mut encoder = GzEncoder::new((&mut framed).writer(), Compression::fast());
        let written = encoder.write_all(&plain).and_then(|()| encoder.finish().map(drop));
        written.expect("memory takes all: this is a bug");
    }
    let length = u32::try_from(framed.len() - PREFIX).expect("an answer of less than 4 GiB: this is a bug");
    framed[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    framed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::oip::grpc::messages::ModelInferRequest;

    #[test]
    fn timeouts() {
        let read =
            |text: &str| patience(&HeaderMap::from_iter([(TIMEOUT, text.parse().unwrap())])).ok().flatten();
        for (text, nanoseconds) in
            [("1H", 3600 * 1_000_000_000), ("2M", 120 * 1_000_000_000), ("3S", 3_000_000_000)]
        {
            assert_eq!(read(text), Some(Duration::from_nanos(nanoseconds)));
        }
        for (text, nanoseconds) in [("4m", 4_000_000), ("5u", 5_000), ("6n", 6)] {
            assert_eq!(read(text), Some(Duration::from_nanos(nanoseconds)));
        }
        for wrong in ["", "S", "1", "1s", "-1S", "123456789S", "1.5S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(patience(&HeaderMap::new()).is_ok_and(|patience| patience.is_none()));
    }

    /// Wherever the parts stand.
    #[test]
    fn a_message_has_so_many_parts() {
        let within = |tag: u8, inner: Vec<u8>| {
            let mut bytes = vec![tag << 3 | 2];
            prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
            bytes.extend(inner);
            bytes
        };
        let parts = |tag: u8, count: usize| [tag << 3 | 2, 0].repeat(count);
        let read = |bytes: Vec<u8>| decode::<ModelInferRequest>(bytes.into()).map(drop);
        let wrapped: [&dyn Fn(Vec<u8>) -> Vec<u8>; 3] =
            [&|bytes| bytes, &|bytes| within(5, bytes), &|bytes| within(5, within(5, bytes))];
        for (around, wrapped) in wrapped.into_iter().enumerate() {
            let tag = if around == 2 { 8 } else { 4 };
            assert!(read(wrapped(parts(tag, MOST_PARTS - around))).is_ok(), "{around}");
            let refused = read(wrapped(parts(tag, MOST_PARTS - around + 1))).unwrap_err();
            assert!(refused.detail.contains("more than 16384"), "{around}: {}", refused.detail);
        }
        // Values that are not packed are no parts.
        let values = [6 << 3 | 5, 0, 0, 0, 0].repeat(20_000);
        assert!(read(within(5, within(5, values))).is_ok());
        for cut in [&[0x2a_u8][..], &[0x2a, 9, 1], &[0x2a, 0xff, 0xff, 0xff, 0xff, 0xff], &[0xff]] {
            assert!(read(cut.to_vec()).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn content_types() {
        let check = |text: &str| {
            check_content_type(&HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().unwrap())])).is_ok()
        };
        assert!(
            check("application/grpc") && check("application/grpc+proto") && check("application/grpc;x=y")
        );
        assert!(!check("application/grpc-web") && !check("application/json"));
    }
}
