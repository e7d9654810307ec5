//! What R's `saveRDS` and `save` write: finds the raw vector that holds the model.
//!
//! `xgb.Booster` keeps the model as raw bytes in a list (`raw`) or an attribute, beside a pointer that does not survive
//! saving.

mod kind;
mod reader;
mod stream;

use super::budget::Budget;
use crate::{Format, LoadError};

/// Serialized data of R behind the two headers: of `save`, and of the serialization (binary or text).
pub(super) fn announces(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"RDX2\n").or_else(|| bytes.strip_prefix(b"RDX3\n")).unwrap_or(bytes);
    start.starts_with(b"X\n\0\0\0") || start.starts_with(b"A\n2\n") || start.starts_with(b"A\n3\n")
}

#[derive(Debug)]
pub(super) struct Stored {
    pub(super) model: Vec<u8>,
    pub(super) feature_names: Vec<String>,
}

pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Result<Stored, LoadError> {
    let bytes = bytes.strip_prefix(b"RDX2\n").or_else(|| bytes.strip_prefix(b"RDX3\n")).unwrap_or(bytes);
    let reader::Content { raws, feature_names } = reader::read(bytes, budget)?;
    let mut models = raws.into_iter().filter(|raw| is_model(raw));
    match (models.next(), models.next()) {
        (Some(model), None) => Ok(Stored { model, feature_names }),
        (Some(_), Some(_)) => {
            Err(LoadError::Unsupported("the R file holds several models; save the one to use alone".to_owned()))
        }
        (None, _) => Err(LoadError::NotAModel(
            "this R file holds no XGBoost model, or only a pointer to one (xgb.Booster of xgboost 0.x to 1.0 before \
             `xgb.Booster.complete`); save it with `xgb.save`"
                .to_owned(),
        )),
    }
}

fn is_model(raw: &[u8]) -> bool {
    raw.starts_with(b"{L")
        || raw.starts_with(b"{#")
        || raw.starts_with(b"{\"")
        || raw.starts_with(b"CONFIG-offset:")
        || super::binary::announces(raw)
}

fn fault(at: usize, what: impl Into<String>) -> LoadError {
    LoadError::Malformed { format: Format::Rds, at: format!("byte {at}"), what: what.into() }
}
