/// What loading a model may cost.
///
/// ```
/// use gbtree::{LoadError, Limits, Model};
///
/// let limits = Limits::new().decoded(1 << 10);
/// let refused = Model::from_bytes_with(include_bytes!("../tests/stump.json"), &limits);
/// assert_eq!(refused.unwrap_err(), LoadError::TooLarge { limit: 1 << 10 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    decoded: usize,
}

impl Limits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { decoded: 512 << 20 }
    }

    /// Memory for everything decoded from the file, in bytes, not counting the file itself. 512 MiB by default.
    ///
    /// A plain file needs about half its size; a compressed one needs its unpacked size on top of that.
    ///
    /// ```
    /// # use gbtree::Limits;
    /// let limits = Limits::new().decoded(2 << 30);
    /// assert_eq!(limits.max_decoded(), 2 << 30);
    /// ```
    #[must_use]
    pub const fn decoded(mut self, bytes: usize) -> Self {
        self.decoded = bytes;
        self
    }

    /// The limit that [`Limits::decoded`] sets.
    #[must_use]
    pub const fn max_decoded(&self) -> usize {
        self.decoded
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
