//! Bytes to [`LearnerFile`]: tells the format by content and hands over to its loader.

mod budget;
mod json;
mod learner;
mod schema;
mod trees;
mod ubjson;
mod value;

use std::fmt;

pub(crate) use budget::Budget;
pub(crate) use learner::{BaseScore, Booster, LearnerFile};

use crate::LoadError;
use value::At;

/// How a model was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JSON text, since 1.0.
    Json,
    /// UBJSON, since 1.6.
    Ubjson,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Json => "JSON",
            Format::Ubjson => "UBJSON",
        })
    }
}

/// What loading may cost.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Memory for everything decoded from the file, in bytes. 512 MiB by default.
    pub max_decoded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_decoded_bytes: 512 << 20 }
    }
}

/// Reads one model of any format.
pub(crate) fn read(bytes: &[u8], budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::NotAModel("the file is empty".to_owned()));
    }
    if bytes.starts_with(b"{L") || bytes.starts_with(b"{#") {
        let document = ubjson::parse(bytes, budget)?;
        return schema::read(At::root(&document, Format::Ubjson), budget);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => {
            let document = json::parse(text, budget)?;
            schema::read(At::root(&document, Format::Json), budget)
        }
        _ => Err(LoadError::NotAModel("the first bytes are those of no known model format".to_owned())),
    }
}
