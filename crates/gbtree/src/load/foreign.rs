//! Files people hand over by mistake, told by their first bytes.

use super::binary;

const TEXT_DUMP: &str =
    "this is a text dump, which cannot be evaluated exactly; save the model with `save_model`";
const HTML: &str = "this is an HTML page, perhaps an error or a login instead of the download";

/// First bytes, in lower case where they are letters, and what they are of.
const KNOWN: [(&[u8], &str); 33] = [
    (b"version https://git-lfs", "this is a Git LFS pointer; fetch the file itself with `git lfs pull`"),
    (b"tree\n", "this is a LightGBM model"),
    (b"cbm1", "this is a CatBoost model"),
    (b"booster[", TEXT_DUMP),
    (b"0:[", TEXT_DUMP),
    (b"0:leaf", TEXT_DUMP),
    (b"digraph", "this is a dump in Graphviz form; save the model with `save_model`"),
    (b"<!doctype html", HTML),
    (b"<html", HTML),
    (b"<?xml", "this is an XML document (PMML models are not read)"),
    (b"<pmml", "this is a PMML model"),
    (b"<error", "this is an XML error message, perhaps of S3, instead of the file"),
    (b"pk\x03\x04", "this is a zip archive; unpack it first"),
    (b"pk\x05\x06", "this is an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "this is a 7z archive; unpack it first"),
    (b"rar!", "this is a RAR archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "this is zstd-compressed; decompress it first"),
    (b"\x89hdf", "this is an HDF5 file"),
    (b"\x89png", "this is an image"),
    (b"\x93numpy", "this is a numpy array"),
    (b"par1", "this is a Parquet table"),
    (b"arrow1", "this is an Arrow table"),
    (b"sqlite format 3", "this is an SQLite database"),
    (b"%pdf", "this is a PDF document"),
    (b"\x7felf", "this is a program or library"),
    (b"-----begin", "this is a key or certificate"),
    (b"zf0x", "this is a file of joblib before 0.10; load it there and save the model with `save_model`"),
    (b"rdx", "this is an R workspace in a form that is not read; save the model with `xgb.save`"),
    (b"import ", "this is a Python script"),
    (b"from ", "this is a Python script"),
    (b"\x00\x00\x00\x00\x00\x00\x00\x00", "the file starts with zeros: it was not written to the end"),
    (
        b"b\n\x02\x00\x00\x00",
        "this is R's data in a machine's own byte order; save it with `saveRDS` as it is",
    ),
    (
        b"b\n\x03\x00\x00\x00",
        "this is R's data in a machine's own byte order; save it with `saveRDS` as it is",
    ),
];

/// What the bytes are, if not a model.
pub(super) fn describe(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        return "the file is empty";
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let starts = |start: &[u8]| {
        let found = if start[0].is_ascii_graphic() { text } else { bytes };
        found.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    if let Some((_, what)) = KNOWN.iter().find(|(start, _)| starts(start)) {
        return what;
    }
    if is_base64(bytes) {
        return "this is base64 text of a model or another file; decode it first";
    }
    if let Some(what) = without_feature(bytes) {
        return what;
    }
    "the first bytes are those of no known model format"
}

/// Base64 of something that starts as models or compressed files do.
fn is_base64(bytes: &[u8]) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(512).collect();
    let whole = &text[..text.len() / 4 * 4];
    let quoted = text.strip_prefix(b"\"").or_else(|| text.strip_prefix(b"b'"));
    let candidates = [Some(whole), quoted.map(|text| &text[..text.len() / 4 * 4])];
    candidates.into_iter().flatten().any(|text| {
        let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
        decoded.is_ok_and(|decoded| {
            let starts: [&[u8]; 7] = [b"{", b"binf", b"\x80", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"X\n\0\0"];
            decoded.len() >= 16
                && (starts.iter().any(|start| decoded.starts_with(start)) || binary::announces(&decoded))
        })
    })
}

/// What this build leaves out.
fn without_feature(bytes: &[u8]) -> Option<&'static str> {
    let archive = bytes.starts_with(b"\x1f\x8b")
        || bytes.starts_with(b"BZh")
        || bytes.starts_with(b"\xfd7zXZ")
        || bytes.starts_with(b"\x04\x22\x4d\x18")
        || bytes.get(257..262) == Some(b"ustar");
    if archive && cfg!(not(feature = "archive")) {
        return Some("this is compressed or an archive, and gbtree was built without the feature `archive`");
    }
    if matches!(bytes, [0x80, 2..=5, ..]) && cfg!(not(feature = "pickle")) {
        return Some("this is a pickle, and gbtree was built without the feature `pickle`");
    }
    if bytes.starts_with(b"X\n\0\0\0") && cfg!(not(feature = "rds")) {
        return Some("this is a file of R, and gbtree was built without the feature `rds`");
    }
    None
}
