//! Reads the golden archives.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// One model file with the arrays its release computed.
pub(crate) struct Case {
    /// Release and file, as `2.1.4/logistic.ubj`.
    pub(crate) name: String,
    pub(crate) model: Vec<u8>,
    arrays: Vec<Array>,
    /// What the refusal of a file that is no model must say.
    pub(crate) refused: Option<String>,
}

pub(crate) struct Array {
    name: String,
    pub(crate) values: Vec<f32>,
}

impl Case {
    pub(crate) fn find(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|array| array.name == name)
    }
}

/// Every model file of every release.
pub(crate) fn cases() -> Vec<Case> {
    cases_in("golden")
}

/// Every file of every archive in a folder.
pub(crate) fn cases_in(folder: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(release) = path.to_str().unwrap().strip_suffix(".tar.gz") else { continue };
        let release = Path::new(release).file_name().unwrap().to_str().unwrap();
        let files = unpack(&std::fs::read(&path).unwrap());
        for (name, content) in &files {
            let (stem, kind) = name.rsplit_once('.').unwrap();
            if kind == "expect" || kind == "refused" {
                continue;
            }
            let refused = files.get(&format!("{stem}.refused"));
            let refused = refused.map(|words| String::from_utf8(words.clone()).unwrap());
            let arrays = match &refused {
                Some(_) => Vec::new(),
                None => arrays(&files[&format!("{stem}.expect")]),
            };
            cases.push(Case { name: format!("{release}/{name}"), model: content.clone(), arrays, refused });
        }
    }
    cases
}

fn unpack(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(archive)).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let name = entry.path().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(name, content);
        }
    }
    files
}

/// `name d0 d1 …`, newline, then the float32 values.
fn arrays(mut bytes: &[u8]) -> Vec<Array> {
    let mut arrays = Vec::new();
    while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
        let header = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut words = header.split(' ');
        let name = words.next().unwrap().to_owned();
        let len: usize = words.map(|word| word.parse::<usize>().unwrap()).product();
        let (raw, rest) = bytes[end + 1..].split_at(len * 4);
        let values = raw.as_chunks().0.iter().map(|&raw| f32::from_le_bytes(raw)).collect();
        arrays.push(Array { name, values });
        bytes = rest;
    }
    arrays
}
