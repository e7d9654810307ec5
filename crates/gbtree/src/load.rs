//! Bytes to [`LearnerFile`]: tells the format by content and hands over to its loader.

mod archive;
mod base64;
mod binary;
mod budget;
mod foreign;
mod json;
mod learner;
mod pickle;
mod schema;
mod spark;
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
    /// The binary format of 0.40 to 3.0, also called deprecated; 0.4 can write it as base64 text.
    Binary,
    /// A pickled `Booster` or sklearn wrapper.
    Pickle,
    /// `model.tar.gz`, with one model or an ensemble.
    Archive,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Json => "JSON",
            Format::Ubjson => "UBJSON",
            Format::Binary => "binary",
            Format::Pickle => "pickle",
            Format::Archive => "archive",
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

/// Reads a file of any format: one model, or the members of an ensemble.
pub(crate) fn read(bytes: &[u8], budget: &mut Budget) -> Result<(Format, Vec<LearnerFile>), LoadError> {
    let plain;
    let content = if archive::is_gzip(bytes) {
        plain = archive::gunzip(bytes, budget)?;
        &plain
    } else {
        bytes
    };
    if archive::is_tar(content) {
        let models = archive::models(content)?;
        let several = models.len() > 1;
        let members = models.into_iter().enumerate().map(|(index, model)| {
            read_pickled(model, budget).map_err(|error| if several { error.in_member(index) } else { error })
        });
        return Ok((Format::Archive, members.collect::<Result<_, _>>()?));
    }
    let file = read_pickled(content, budget)?;
    Ok((file.format, vec![file]))
}

/// One model, perhaps inside a pickle.
fn read_pickled(bytes: &[u8], budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    if !pickle::announces(bytes) {
        return read_model(bytes, budget);
    }
    let pickle = pickle::read(bytes, budget)?;
    let mut file = read_model(&pickle.model, budget)?;
    file.format = Format::Pickle;
    if file.feature_names.is_empty() {
        file.feature_names = pickle.feature_names;
    }
    if file.feature_types.is_empty() {
        file.feature_types = pickle.feature_types;
    }
    Ok(file)
}

fn read_model(bytes: &[u8], budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    // What `Booster.__getstate__` of 1.0 to 1.2 makes: the model's length, the model, the configuration.
    const CONFIG_OFFSET: &[u8] = b"CONFIG-offset:";
    let bytes = bytes.strip_prefix(CONFIG_OFFSET).and_then(|rest| rest.get(8..)).unwrap_or(bytes);
    let bytes = spark::model_start(bytes).map_or(bytes, |start| &bytes[start..]);
    if bytes.starts_with(b"{L") || bytes.starts_with(b"{#") {
        let document = ubjson::parse(bytes, budget)?;
        return schema::read(At::root(&document, Format::Ubjson), budget);
    }
    let decoded;
    let bytes = if base64::announces(bytes) {
        decoded = base64::decode(bytes, budget)?;
        &decoded
    } else {
        bytes
    };
    if binary::announces(bytes) {
        return binary::read(bytes, budget);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => {
            let document = json::parse(text, budget)?;
            schema::read(At::root(&document, Format::Json), budget)
        }
        _ => Err(LoadError::NotAModel(foreign::describe(bytes).to_owned())),
    }
}
