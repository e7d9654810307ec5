//! Where the page's files come from.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderValue;
use bytes::Bytes;
use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::PAGE;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/static");

/// Largest file that is served.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The files of the page.
#[derive(Clone)]
pub enum PageFiles {
    /// Those that the program was built with.
    BuiltIn,
    /// Those of a folder, as they are when they are asked for.
    Folder(Arc<Path>),
}

/// A folder cannot be the page's. The text names the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct PageError {
    path: PathBuf,
    source: io::Error,
}

/// A file as it is served.
pub(super) struct PageFile {
    pub(super) bytes: Bytes,
    pub(super) content_type: HeaderValue,
    pub(super) etag: HeaderValue,
}

impl PageFiles {
    /// The files of `folder`, or those that are built in.
    ///
    /// # Errors
    /// The folder is not there, or lacks the page itself.
    pub fn open(folder: Option<&Path>) -> Result<Self, PageError> {
        let Some(folder) = folder else { return Ok(Self::BuiltIn) };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PageError { path, source }
        };
        // Links are followed once, here: none of those inside leads out of it.
        let folder = folder.canonicalize().map_err(failed(&folder.join(PAGE)))?;
        let page = folder.join(PAGE);
        fs::File::open(&page).map_err(failed(&page))?;
        Ok(Self::Folder(folder.into()))
    }

    /// The file at `path`, if there is one.
    pub(super) async fn read(&self, path: &str) -> Option<PageFile> {
        let content_type = content_type(path)?;
        let bytes = match self {
            Self::BuiltIn => Bytes::from_static(BUILT_IN.get_file(path)?.contents()),
            Self::Folder(folder) => {
                let (folder, path) = (Arc::clone(folder), path.to_owned());
                tokio::task::spawn_blocking(move || read(&folder, &path)).await.ok()??.into()
            }
        };
        let digest = Sha256::digest(&bytes);
        let etag = format!("\"{:x}\"", Bytes::copy_from_slice(&digest[..16]));
        let etag = HeaderValue::try_from(etag).expect("hexadecimal digits are visible ASCII: this is a bug");
        Some(PageFile { bytes, content_type: HeaderValue::from_static(content_type), etag })
    }
}

fn read(folder: &Path, path: &str) -> Option<Vec<u8>> {
    let path = Path::new(path);
    let is_plain = path.components().all(|part| match part {
        Component::Normal(name) => !name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    });
    let found = folder.join(path).canonicalize().ok()?;
    if !is_plain || !found.starts_with(folder) || !found.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(found).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The type of a file by its name; others are not served.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}
