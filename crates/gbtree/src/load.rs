//! Bytes to [`LearnerFile`]: tells the format by content and hands over to its loader.

#[cfg(feature = "archive")]
mod archive;
mod base64;
mod binary;
mod budget;
#[cfg(feature = "archive")]
mod compressed;
mod foreign;
mod format;
mod json;
mod learner;
#[cfg(feature = "pickle")]
mod pickle;
#[cfg(feature = "rds")]
mod rds;
mod schema;
mod spark;
mod trees;
mod ubjson;
mod value;

pub(crate) use budget::Budget;
pub use format::Format;
pub(crate) use learner::{BaseScore, Booster, Header, LearnerFile};

use crate::LoadError;
use value::At;

/// Compressions around each other.
#[cfg(feature = "archive")]
const MAX_LAYERS: usize = 3;

/// Reads a file of any format: one model, or the members of an ensemble.
pub(crate) fn read(bytes: &[u8], budget: &mut Budget) -> Result<(Format, Vec<LearnerFile>), LoadError> {
    #[cfg(feature = "archive")]
    {
        let unpacked = decompress(bytes, budget)?;
        let content = unpacked.as_deref().unwrap_or(bytes);
        if archive::is_tar(content) {
            let models = archive::models(content)?;
            let several = models.len() > 1;
            let members = models.into_iter().enumerate().map(|(index, model)| {
                read_member(model, budget)
                    .map_err(|error| if several { error.in_member(index) } else { error })
            });
            return Ok((Format::Archive, members.collect::<Result<_, _>>()?));
        }
        let file = read_stored(content, budget)?;
        Ok((file.header.format, vec![file]))
    }
    #[cfg(not(feature = "archive"))]
    {
        let file = read_stored(bytes, budget)?;
        Ok((file.header.format, vec![file]))
    }
}

/// What is left when all compressions are undone; `None` if there were none.
#[cfg(feature = "archive")]
fn decompress(bytes: &[u8], budget: &mut Budget) -> Result<Option<Vec<u8>>, LoadError> {
    let mut unpacked: Option<Vec<u8>> = None;
    for _ in 0..MAX_LAYERS {
        let content = unpacked.as_deref().unwrap_or(bytes);
        let Some(compression) = compressed::announces(content) else { break };
        unpacked = Some(compressed::decode(compression, content, budget)?);
    }
    Ok(unpacked)
}

/// One file of an archive.
#[cfg(feature = "archive")]
fn read_member(bytes: &[u8], budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    let unpacked = decompress(bytes, budget)?;
    read_stored(unpacked.as_deref().unwrap_or(bytes), budget)
}

/// One model, perhaps inside what Python or R stored.
fn read_stored(bytes: &[u8], budget: &mut Budget) -> Result<LearnerFile, LoadError> {
    #[cfg(feature = "pickle")]
    if pickle::announces(bytes) {
        let pickle = pickle::read(bytes, budget)?;
        let mut file = read_model(&pickle.model, budget)?;
        if let (Booster::Trees { parallel_trees, .. }, Some(told)) =
            (&mut file.booster, pickle.parallel_trees)
            && *parallel_trees == 0
        {
            *parallel_trees = told;
        }
        let header = &mut file.header;
        header.format = Format::Pickle;
        header.wrapper = pickle.wrapper;
        if header.feature_names.is_empty() {
            header.feature_names = pickle.feature_names;
        }
        if header.feature_types.is_empty() {
            header.feature_types = pickle.feature_types;
        }
        return Ok(file);
    }
    #[cfg(feature = "rds")]
    if rds::announces(bytes) {
        let stored = rds::read(bytes, budget)?;
        let mut file = read_model(&stored.model, budget)?;
        file.header.format = Format::Rds;
        if file.header.feature_names.is_empty() {
            file.header.feature_names = stored.feature_names;
        }
        return Ok(file);
    }
    read_model(bytes, budget)
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

/// Whether the bytes start as a model does, in any way it may be stored.
#[cfg(feature = "archive")]
fn looks_like_a_model(bytes: &[u8]) -> bool {
    /// `XGBoost` writes this key first, or after the version.
    const LEARNER: &[u8] = b"\"learner\"";
    let start = &bytes[..bytes.len().min(4096)];
    #[cfg(feature = "pickle")]
    if pickle::announces(bytes) {
        return true;
    }
    #[cfg(feature = "rds")]
    if rds::announces(bytes) {
        return true;
    }
    let json = start.trim_ascii_start().starts_with(b"{")
        && start.windows(LEARNER.len()).any(|window| window == LEARNER);
    json || start.starts_with(b"{L")
        || start.starts_with(b"{#")
        || base64::announces(bytes)
        || binary::announces(bytes)
        || compressed::announces(bytes).is_some()
}
