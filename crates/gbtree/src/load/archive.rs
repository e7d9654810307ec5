//! `model.tar.gz` as `SageMaker` training writes it and people pack it, also a bare tar.

use std::io::Cursor;
use std::path::Component;

use super::looks_like_a_model;
use crate::{Format, LoadError};

pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn fault(what: impl Into<String>) -> LoadError {
    LoadError::Malformed { format: Format::Archive, at: "the archive".to_owned(), what: what.into() }
}

/// The model files of a tar: all those named `xgboost-model*`; or else the one named `model`, whatever its ending; or
/// else the only one that looks like a model. A folder `code` holds none.
pub(super) fn models(tar: &[u8]) -> Result<Vec<&[u8]>, LoadError> {
    let mut files = files(tar)?;
    let is_member = |name: &str| name.starts_with("xgboost-model");
    if files.iter().any(|(name, _)| is_member(name)) {
        files.retain(|(name, _)| is_member(name));
        // `xgboost-model-2` before `xgboost-model-10`.
        files.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        return Ok(files.into_iter().map(|(_, content)| content).collect());
    }
    if let [(_, only)] = &files[..] {
        return Ok(vec![*only]);
    }
    let found = names(&files);
    files.retain(|(_, content)| looks_like_a_model(content));
    let is_model = |name: &str| name == "model" || name.starts_with("model.");
    if files.iter().any(|(name, _)| is_model(name)) {
        files.retain(|(name, _)| is_model(name));
    }
    match &files[..] {
        [(_, model)] => Ok(vec![*model]),
        [] => Err(LoadError::NotAModel(format!("the archive has no file `xgboost-model*`, but {found}"))),
        several => Err(LoadError::Unsupported(format!(
            "the archive has several models: {}; name the one to use `xgboost-model`",
            names(several)
        ))),
    }
}

fn names(files: &[(String, &[u8])]) -> String {
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).take(10).collect();
    if names.is_empty() { "no files".to_owned() } else { names.join(", ") }
}

/// The files outside of `code`, hidden ones left out: names and contents.
fn files(tar: &[u8]) -> Result<Vec<(String, &[u8])>, LoadError> {
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
        let is_code = path.parent().is_some_and(|folder| {
            folder.components().any(|part| matches!(part, Component::Normal(name) if name == "code"))
        });
        if !entry.header().entry_type().is_file() || name.starts_with('.') || is_code {
            continue;
        }
        let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let Some(content) = start.checked_add(size).and_then(|end| tar.get(start..end)) else {
            return Err(fault(format!("the entry {name:?} is cut off")));
        };
        files.push((name, content));
    }
    Ok(files)
}
