//! What `imba --version` says: what this program was built from, for whom, and with what.

/// Of the whole program and its packages: there is one version number.
pub(super) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit    ",
    env!("IMBA_COMMIT"),
    "\nfeatures  ",
    env!("IMBA_FEATURES"),
    "\ntarget    ",
    env!("IMBA_TARGET"),
);
