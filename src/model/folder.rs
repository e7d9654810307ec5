//! A folder of models, as SageMaker unpacks `model.tar.gz` into one: every file is a model unless its name begins with a dot.
//!
//! Several are an ensemble. They go on as the tar archive that they came from, which is what the engine reads as one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{read_one, revision};
use super::{ModelFile, Revision};

/// Most models of a folder.
const MOST: usize = 1000;
/// Files of an archive start at, and their headers have, a multiple of this.
const BLOCK: usize = 512;

/// The models in `folder`, of together at most `limit` bytes, or the first by name alone; `None` if their revision is `known`.
pub(super) fn read(
    folder: &Path,
    limit: usize,
    first_only: bool,
    known: Option<&Revision>,
) -> io::Result<Option<ModelFile>> {
    let mut paths = files(folder)?;
    if first_only {
        paths.truncate(1);
    }
    let each =
        paths.iter().map(|path| Ok(format!("{} {}", path.display(), revision(&fs::metadata(path)?).0)));
    let seen = Revision(each.collect::<io::Result<Vec<_>>>()?.join("\n"));
    if known == Some(&seen) {
        return Ok(None);
    }
    let of_file =
        |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut files = Vec::with_capacity(paths.len());
    let mut left = limit;
    for path in &paths {
        let file = read_one(path, left, None).map_err(|error| of_file(path, error))?;
        let bytes = file.expect("a file is read unless it is known: this is a bug").bytes;
        left -= bytes.len();
        files.push(bytes);
    }
    let bytes = match <[Vec<u8>; 1]>::try_from(files) {
        Ok([only]) => only,
        Err(several) => archive(&several),
    };
    Ok(Some(ModelFile { bytes, revision: seen }))
}

/// The model files of `folder`, by name; those below it are none.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') || entry.path().is_dir() {
            continue;
        }
        paths.push(entry.path());
    }
    paths.sort();
    match paths.len() {
        0 => Err(io::Error::other("the folder holds no model; expected one file, or several as an ensemble")),
        1..=MOST => Ok(paths),
        count => Err(io::Error::other(format!("the folder holds {count} files, more than {MOST} models"))),
    }
}

/// A tar archive of `files` (POSIX.1-1988, ustar), named so that each counts as a model and they stay in order.
fn archive(files: &[Vec<u8>]) -> Vec<u8> {
    let blocks: usize = files.iter().map(|file| 1 + file.len().div_ceil(BLOCK)).sum();
    let mut archive = Vec::with_capacity((blocks + 2) * BLOCK);
    for (index, file) in files.iter().enumerate() {
        archive.extend_from_slice(&header(index, file.len()));
        archive.extend_from_slice(file);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

fn header(index: usize, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &format!("xgboost-model-{index:06}"));
    put(100, "0000644");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_without_a_dot_counts_in_order_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let read =
            |limit, first_only, known: Option<&Revision>| read(folder.path(), limit, first_only, known);
        let empty = read(100, false, None).err().unwrap().to_string();
        assert!(empty.starts_with("the folder holds no model"), "{empty}");
        fs::write(folder.path().join("b"), "two").unwrap();
        fs::write(folder.path().join(".hidden"), "none").unwrap();
        fs::create_dir(folder.path().join("code")).unwrap();
        let only = read(3, false, None).unwrap().unwrap();
        assert_eq!(only.bytes, b"two");
        assert!(read(3, false, Some(&only.revision)).unwrap().is_none());
        assert!(
            read(2, false, None).err().unwrap().to_string().contains("more than the 2 of model.size_limit")
        );
        fs::write(folder.path().join("a"), "one").unwrap();
        assert_eq!(read(100, true, None).unwrap().unwrap().bytes, b"one");
        let both = read(100, false, Some(&only.revision)).unwrap().unwrap();
        assert_eq!((&both.bytes[512..515], &both.bytes[1536..1539]), (&b"one"[..], &b"two"[..]));
        assert!(read(5, false, None).is_err());
    }
}
