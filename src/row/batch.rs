//! Feature rows side by side.

use std::ops::Range;

/// One row in model order; NaN is a missing value.
pub type FeatureRow = Box<[f32]>;

/// Feature rows, row-major; NaN is a missing value. All are dense, or all are sparse: then each lists some of its values, and
/// the others are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    width: usize,
    values: Vec<f32>,
    listed: Option<Listed>,
}

/// Where the values of sparse rows belong.
#[derive(Debug, Clone, PartialEq)]
struct Listed {
    /// Where each row begins among the values, and where the last one ends.
    starts: Vec<usize>,
    /// The place of each value in its row.
    places: Vec<u32>,
}

/// Some rows of a batch.
#[derive(Debug, Clone, Copy)]
pub enum BatchRows<'b> {
    /// All their values, one row after the other.
    Dense(&'b [f32]),
    /// The values that they list.
    Sparse {
        /// Where each row begins among `places` and `values`, and where the last one ends.
        starts: &'b [usize],
        /// The place of each value in its row.
        places: &'b [u32],
        /// The values.
        values: &'b [f32],
    },
}

impl Batch {
    /// No rows yet, each to be `width` values wide.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { width, values: Vec::with_capacity(width), listed: None }
    }

    /// No rows yet, each to list some of its `width` values.
    #[must_use]
    pub fn sparse(width: usize) -> Self {
        let listed = Listed { starts: vec![0], places: Vec::new() };
        Self { width, values: Vec::new(), listed: Some(listed) }
    }

    /// Appends one row of a sparse batch: the values of `row` at `places`.
    ///
    /// # Panics
    /// If the batch is dense, or `row` has no such place.
    pub fn push_listed(&mut self, row: &[f32], places: &[u32]) {
        let listed = self.listed.as_mut().expect("a sparse batch: this is a bug");
        self.values.extend(places.iter().map(|at| row[*at as usize]));
        listed.places.extend_from_slice(places);
        listed.starts.push(self.values.len());
    }

    /// The rows that `values` hold, one after the other.
    ///
    /// # Panics
    /// If the last one is not whole.
    #[must_use]
    pub fn from_values(width: usize, values: Vec<f32>) -> Self {
        assert!(values.len().is_multiple_of(width), "a row of another width: this is a bug");
        Self { width, values, listed: None }
    }

    /// Appends all of `rows`.
    ///
    /// # Panics
    /// If they are not as wide as the others.
    pub fn append(&mut self, rows: &Self) {
        assert_eq!(rows.width, self.width, "rows of another width: this is a bug");
        assert!(self.listed.is_none() && rows.listed.is_none(), "sparse rows: this is a bug");
        self.values.extend_from_slice(&rows.values);
    }

    /// Appends one row.
    ///
    /// # Panics
    /// If `row` is not as wide as the others: decoders check the width first.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.width, "row of another width: this is a bug");
        debug_assert!(self.listed.is_none(), "a dense row among sparse ones: this is a bug");
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
        match &self.listed {
            Some(listed) => listed.starts.len() - 1,
            None => self.values.len() / self.width,
        }
    }

    /// Values that are held: of sparse rows, those that they list.
    #[must_use]
    pub fn held(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of a dense batch, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values().chunks_exact(self.width)
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// If there are no such rows.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> BatchRows<'_> {
        match &self.listed {
            Some(listed) => BatchRows::Sparse {
                starts: &listed.starts[rows.start..=rows.end],
                places: &listed.places,
                values: &self.values,
            },
            None => BatchRows::Dense(&self.values[rows.start * self.width..rows.end * self.width]),
        }
    }

    /// All values of a dense batch, one row after the other.
    ///
    /// # Panics
    /// If the batch is sparse.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        assert!(self.listed.is_none(), "sparse rows: this is a bug");
        &self.values
    }
}

impl BatchRows<'_> {
    /// Number of rows, of so many values each.
    #[must_use]
    pub fn len(&self, width: usize) -> usize {
        match self {
            Self::Dense(values) => values.len() / width,
            Self::Sparse { starts, .. } => starts.len() - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_rows_hold_what_they_list() {
        let mut batch = Batch::sparse(1 << 20);
        assert!(batch.is_empty());
        let mut row = vec![f32::NAN; 1 << 20];
        (row[7], row[1000]) = (1.0, 2.0);
        batch.push_listed(&row, &[7, 1000]);
        batch.push_listed(&row, &[]);
        batch.push_listed(&row, &[1000]);
        assert_eq!((batch.len(), batch.held()), (3, 3));
        let BatchRows::Sparse { starts, places, values } = batch.slice(1..3) else { panic!("sparse") };
        assert_eq!((starts, places, values), (&[2, 2, 3][..], &[7, 1000, 1000][..], &[1.0, 2.0, 2.0][..]));
        assert_eq!(batch.slice(1..3).len(batch.width()), 2);
    }
}
