use std::fmt;

/// The `XGBoost` release that saved a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The 3 of 3.2.0.
    pub major: u32,
    /// The 2 of 3.2.0.
    pub minor: u32,
    /// The 0 of 3.2.0.
    pub patch: u32,
}

impl Version {
    /// `Version::new(3, 2, 0)` is 3.2.0.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
