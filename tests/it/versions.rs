use std::fs;
use std::path::Path;

/// The first part of `file` between `before` and `after`.
fn part(file: &str, before: &str, after: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("{file} has no {before}…{after}")).0.to_owned()
}

/// The wheel takes its version from Cargo.toml, as the image and the Debian package do.
#[test]
fn one_version_number_for_all() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(part("training/imba_training/__init__.py", "__version__ = \"", "\""), version, "training");
    assert_eq!(part("deploy/python/pyproject.toml", "imba-training==", "\""), version, "imba[training]");
    assert_eq!(part("crates/gbtree/Cargo.toml", "version.", "\n"), "workspace = true", "the engine");
    assert_eq!(part("deploy/python/pyproject.toml", "dynamic = [\"", "\"]"), "version", "the wheel");
}
