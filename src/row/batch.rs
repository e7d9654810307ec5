//! Feature rows side by side.

use std::ops::Range;

/// One row in model order; NaN is a missing value.
pub type FeatureRow = Box<[f32]>;

/// Feature rows, row-major; NaN is a missing value.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    width: usize,
    values: Vec<f32>,
}

impl Batch {
    /// No rows yet, each to be `width` values wide.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::with_capacity(width) }
    }

    /// The rows that `values` hold, one after the other.
    ///
    /// # Panics
    /// If the last one is not whole.
    #[must_use]
    pub fn from_values(width: usize, values: Vec<f32>) -> Self {
        assert!(values.len().is_multiple_of(width), "a row of another width: this is a bug");
        Self { width, values }
    }

    /// Appends all of `rows`.
    ///
    /// # Panics
    /// If they are not as wide as the others.
    pub fn append(&mut self, rows: &Self) {
        assert_eq!(rows.width, self.width, "rows of another width: this is a bug");
        self.values.extend_from_slice(&rows.values);
    }

    /// Appends one row.
    ///
    /// # Panics
    /// If `row` is not as wide as the others: decoders check the width first.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.width, "row of another width: this is a bug");
        self.values.extend_from_slice(row);
    }

    /// Values per row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// The values of some of the rows.
    ///
    /// # Panics
    /// If there are no such rows.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> &[f32] {
        &self.values[rows.start * self.width..rows.end * self.width]
    }

    /// All values, one row after the other.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}
