//! `model.tar.gz` as `SageMaker` training writes it, also a bare tar or a gzipped model file.

use std::io::{Cursor, Read};
use std::path::Component;

use super::budget::Budget;
use crate::{Format, LoadError};

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b")
}

pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn fault(what: impl Into<String>) -> LoadError {
    LoadError::Malformed { format: Format::Archive, at: "the archive".to_owned(), what: what.into() }
}

pub(super) fn gunzip(bytes: &[u8], budget: &mut Budget) -> Result<Vec<u8>, LoadError> {
    let mut plain = Vec::new();
    let limit = budget.left() as u64 + 1;
    flate2::read::GzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|error| fault(format!("gzip: {error}")))?;
    budget.charge(plain.len())?;
    Ok(plain)
}

/// The model files of a tar: those named `xgboost-model*`, or else the only file.
pub(super) fn models(tar: &[u8]) -> Result<Vec<&[u8]>, LoadError> {
    let mut archive = tar::Archive::new(Cursor::new(tar));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(|error| fault(format!("tar: {error}")))? {
        let entry = entry.map_err(|error| fault(format!("tar: {error}")))?;
        let path = entry.path().map_err(|error| fault(format!("tar: {error}")))?.into_owned();
        if path.components().any(|part| matches!(part, Component::ParentDir | Component::RootDir)) {
            return Err(fault(format!(
                "the entry {:?} points outside the archive",
                path.display().to_string()
            )));
        }
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        if !entry.header().entry_type().is_file() || name.starts_with('.') {
            continue;
        }
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let Some(content) = start.checked_add(size).and_then(|end| tar.get(start..end)) else {
            return Err(fault(format!("the entry {name:?} is cut off")));
        };
        files.push((name, content));
    }
    let is_model = |name: &str| name.starts_with("xgboost-model");
    if files.iter().any(|(name, _)| is_model(name)) {
        files.retain(|(name, _)| is_model(name));
    } else if files.len() != 1 {
        let found: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).take(10).collect();
        let found = if found.is_empty() { "no files".to_owned() } else { found.join(", ") };
        return Err(LoadError::NotAModel(format!("the archive has no file `xgboost-model*`, but {found}")));
    }
    // `xgboost-model-2` before `xgboost-model-10`.
    files.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    Ok(files.into_iter().map(|(_, content)| content).collect())
}
