//! Content codings of request bodies (RFC 9110, 8.4).

use std::io::{self, Read};

use axum::http::{HeaderMap, header};
use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::api::fault::{Code, Fault};
use crate::row::excerpt;

/// Memory for one decoder.
const BUFFER: usize = 16 * 1024;

/// A coding that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

impl Coding {
    /// The coding that `headers` name; `None` for a body as it is.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Fault> {
        for value in headers.get_all(header::TRANSFER_ENCODING) {
            if !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(unsupported("transfer-encoding", value.as_bytes()));
            }
        }
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if let Some(second) = values.next() {
            return Err(unsupported("content-encoding", second.as_bytes()));
        }
        match value.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
            b"" | b"identity" => Ok(None),
            b"gzip" | b"x-gzip" => Ok(Some(Self::Gzip)),
            b"deflate" => Ok(Some(Self::Deflate)),
            b"br" => Ok(Some(Self::Brotli)),
            other => Err(unsupported("content-encoding", other)),
        }
    }

    /// What is inside of `coded`; `None` if that is more than `limit` bytes.
    pub(super) fn decode(self, coded: &[u8], limit: usize) -> Result<Option<Vec<u8>>, Fault> {
        let read = match self {
            Self::Gzip => take(MultiGzDecoder::new(coded), limit),
            Self::Deflate => take(ZlibDecoder::new(coded), limit),
            Self::Brotli => take(brotli::Decompressor::new(coded, BUFFER), limit),
        };
        read.map_err(|error| {
            Fault::new(Code::Malformed, format!("the body does not match its content-encoding: {self:?}"))
                .caused_by(error)
        })
    }
}

fn take(decoder: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut decoded = Vec::new();
    decoder.take(limit as u64 + 1).read_to_end(&mut decoded)?;
    Ok((decoded.len() <= limit).then_some(decoded))
}

fn unsupported(header: &str, coding: &[u8]) -> Fault {
    let coding = excerpt(&String::from_utf8_lossy(coding));
    Fault::new(
        Code::UnsupportedMediaType,
        format!("{header} is {coding:?}; expected one of gzip, deflate, br, or none"),
    )
}
