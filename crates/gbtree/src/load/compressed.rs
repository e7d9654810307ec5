//! Compressed files, as gzip, joblib and R write them.

use std::io::{self, Read};

use super::budget::Budget;
use crate::{Format, LoadError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zlib,
    Bzip2,
    Xz,
    /// The format before xz, without a signature of its own.
    Lzma,
    /// LZ4 frames.
    Lz4,
}

/// Memory that a dictionary of xz or lzma may take; their strongest preset has 64 MiB.
const MAX_DICTIONARY_KIB: u32 = 68 << 10;

pub(super) fn announces(bytes: &[u8]) -> Option<Compression> {
    match bytes {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        // Deflate with a 32 KiB window, and a check sum over these two bytes.
        [0x78, flags, ..] if (0x7800 + u16::from(*flags)).is_multiple_of(31) => Some(Compression::Zlib),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Compression::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Compression::Xz),
        // The usual lc, lp and pb; a dictionary of a power of two from 4 KiB on.
        [0x5d, 0, 0, ..] if bytes.len() > 13 => Some(Compression::Lzma),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Compression::Lz4),
        _ => None,
    }
}

pub(super) fn decode(
    compression: Compression,
    bytes: &[u8],
    budget: &mut Budget,
) -> Result<Vec<u8>, LoadError> {
    let (name, decoded) = match compression {
        Compression::Gzip => ("gzip", gunzip(bytes, budget)),
        Compression::Zlib => ("zlib", all(flate2::bufread::ZlibDecoder::new(bytes), budget)),
        Compression::Bzip2 => ("bzip2", all(bzip2::bufread::MultiBzDecoder::new(bytes), budget)),
        Compression::Xz => ("xz", xz(bytes, budget)),
        Compression::Lzma => ("lzma", lzma(bytes, budget)),
        Compression::Lz4 => ("lz4", all(lz4_flex::frame::FrameDecoder::new(bytes), budget)),
    };
    let plain = decoded.map_err(|error| match error.downcast::<LoadError>() {
        Ok(limit) => limit,
        Err(error) => fault(format!("{name}: {error}")),
    })?;
    Ok(plain)
}

pub(super) fn fault(what: String) -> LoadError {
    LoadError::Malformed { format: Format::Archive, at: "the compressed file".to_owned(), what }
}

/// Everything a reader gives, charged while it comes.
fn all(reader: impl Read, budget: &mut Budget) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    append(reader, &mut plain, budget)?;
    Ok(plain)
}

fn append(reader: impl Read, plain: &mut Vec<u8>, budget: &mut Budget) -> io::Result<()> {
    let before = plain.len();
    reader.take(budget.left() as u64 + 1).read_to_end(plain)?;
    budget.charge(plain.len() - before).map_err(io::Error::other)
}

/// Members one after the other, as `cat a.gz b.gz` makes them. What follows the last is ignored, as gzip does, unless it
/// starts another member.
fn gunzip(bytes: &[u8], budget: &mut Budget) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let mut rest = bytes;
    while rest.starts_with(b"\x1f\x8b") {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        append(&mut member, &mut plain, budget)?;
        rest = member.into_inner();
    }
    Ok(plain)
}

fn xz(bytes: &[u8], budget: &mut Budget) -> io::Result<Vec<u8>> {
    all(lzma_rust2::XzReader::new_mem_limit(bytes, true, dictionary(budget)), budget)
}

fn lzma(bytes: &[u8], budget: &mut Budget) -> io::Result<Vec<u8>> {
    all(lzma_rust2::LzmaReader::new_mem_limit(bytes, dictionary(budget), None)?, budget)
}

/// KiB that a dictionary may take.
fn dictionary(budget: &Budget) -> u32 {
    u32::try_from(budget.left() >> 10).unwrap_or(u32::MAX).min(MAX_DICTIONARY_KIB)
}
