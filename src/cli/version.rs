//! What `imba --version` says: version, commit, features and target of this build.

/// One version number covers the program and its packages.
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit    ",
    env!("IMBA_COMMIT"),
    "\nfeatures  ",
    env!("IMBA_FEATURES"),
    "\ntarget    ",
    env!("IMBA_TARGET"),
);
