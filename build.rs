//! What is compiled in beside the code: the demo's files, compressed, and what this build is.

#![allow(clippy::print_stdout, reason = "it is how a build script talks to cargo")]

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

const DEMO: [&str; 3] = ["model.ubj", "features.csv", "products.csv"];

fn main() {
    let out = PathBuf::from(variable("OUT_DIR"));
    println!("cargo::rerun-if-changed=build.rs");
    for name in DEMO {
        let path = Path::new("demo").join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        let content = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file = File::create(out.join(format!("{name}.gz"))).expect("a file in OUT_DIR");
        let mut gzip = GzEncoder::new(file, Compression::default());
        gzip.write_all(&content).and_then(|()| gzip.finish()).expect("written to OUT_DIR");
    }
    println!("cargo::rustc-env=IMBA_COMMIT={}", commit());
    println!("cargo::rustc-env=IMBA_TARGET={}", text("TARGET"));
    let features = env::var_os("CARGO_CFG_FEATURE").filter(|features| !features.is_empty());
    let features =
        features.map_or_else(|| "none".to_owned(), |features| features.to_string_lossy().into_owned());
    println!("cargo::rustc-env=IMBA_FEATURES={features}");
}

/// The commit that the sources are of: as `IMBA_COMMIT` says, where there is no repository, or as git does. A debug build does not
/// ask: it would be built anew after every commit.
fn commit() -> String {
    println!("cargo::rerun-if-env-changed=IMBA_COMMIT");
    if let Some(given) = env::var_os("IMBA_COMMIT").filter(|given| !given.is_empty()) {
        return given.to_string_lossy().into_owned();
    }
    if text("PROFILE") != "release" {
        return "not recorded in a debug build".to_owned();
    }
    // The log of HEAD grows with every commit and checkout.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn text(name: &str) -> String {
    variable(name).to_string_lossy().into_owned()
}

fn variable(name: &str) -> OsString {
    env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}"))
}
