//! The legacy binary format as text: what 0.4 writes with `save_base64=1`, and to the standard output.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::budget::Budget;
use crate::{Format, LoadError};

const SIGNATURE: &[u8] = b"bs64";

pub(super) fn announces(bytes: &[u8]) -> bool {
    bytes.strip_prefix(SIGNATURE).and_then(<[u8]>::first).is_some_and(u8::is_ascii_whitespace)
}

/// The binary model behind the signature, which one tab and the text on one line follow.
pub(super) fn decode(bytes: &[u8], budget: &mut Budget) -> Result<Vec<u8>, LoadError> {
    let text = bytes[SIGNATURE.len()..].trim_ascii();
    budget.charge(text.len().div_ceil(4) * 3)?;
    STANDARD.decode(text).map_err(|error| LoadError::Malformed {
        format: Format::Binary,
        at: "the base64 text".to_owned(),
        what: error.to_string(),
    })
}
