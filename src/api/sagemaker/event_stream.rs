//! Messages of `application/vnd.amazon.eventstream`, which is how AWS's APIs stream.
//!
//! A message is its length and that of its headers, a CRC-32 of these eight bytes, the headers, the payload, and a CRC-32 of all
//! before; numbers are in big-endian order. A header is the length of its name in one byte, the name, a 7 for text, the length of
//! the text in two bytes, and the text (smithy.io, "Amazon Event Stream Specification").

use crc32fast::hash;

/// Most bytes of an answer in one message; the format allows 16 MiB with headers.
const LONGEST: usize = 8 * 1024 * 1024;

/// `answer` as `PayloadPart` events: one, unless it is very large.
pub(super) fn payload_parts(answer: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(answer.len() + 128);
    for part in answer.chunks(LONGEST) {
        message(part, &mut stream);
    }
    stream
}

fn message(payload: &[u8], out: &mut Vec<u8>) {
    let mut headers = Vec::new();
    for (name, value) in [
        (":event-type", "PayloadPart"),
        (":content-type", "application/octet-stream"),
        (":message-type", "event"),
    ] {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let start = out.len();
    let total = 12 + headers.len() + payload.len() + 4;
    for length in [total, headers.len()] {
        out.extend_from_slice(&(length as u32).to_be_bytes());
    }
    let prelude = hash(&out[start..]);
    out.extend_from_slice(&prelude.to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload);
    let all = hash(&out[start..]);
    out.extend_from_slice(&all.to_be_bytes());
}
