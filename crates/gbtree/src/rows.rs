mod adapt;
mod strided;

pub(crate) use adapt::Adapter;
pub(crate) use strided::Strided;

use crate::PredictError;

/// A batch of feature vectors in float32, NaN = missing: dense in either order, or sparse.
///
/// A plain slice is taken as row-major: `[row 0's features, row 1's features, …]`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) order: Order,
    /// A part of the batch: its first row, its rows, and the rows of the whole.
    part: Option<(usize, usize, usize)>,
    sparse: Option<Sparse<'a>>,
    base_margin: Option<&'a [f32]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    RowMajor,
    ColumnMajor,
}

/// Where sparse rows begin, and the feature of each value.
#[derive(Debug, Clone, Copy)]
struct Sparse<'a> {
    starts: &'a [usize],
    features: &'a [u32],
}

impl<'a> Rows<'a> {
    /// `values[row * features + feature]`: C order, as a numpy array has it by default.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// use gbtree::Rows;
    ///
    /// let rows = [0.5, 2.4, 0.5, 2.6];
    /// assert_eq!(model.predict_vec(Rows::row_major(&rows))?, model.predict_vec(&rows)?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn row_major(values: &'a [f32]) -> Self {
        Self { values, order: Order::RowMajor, part: None, sparse: None, base_margin: None }
    }

    /// `values[feature * rows + row]`: Fortran order, as a table kept by columns has it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// use gbtree::Rows;
    ///
    /// let (rows, columns) = ([0.5, 2.4, 0.5, 2.6], [0.5, 0.5, 2.4, 2.6]);
    /// assert_eq!(model.predict_vec(Rows::column_major(&columns))?, model.predict_vec(&rows)?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn column_major(values: &'a [f32]) -> Self {
        Self { order: Order::ColumnMajor, ..Self::row_major(values) }
    }

    /// Compressed sparse rows, as `scipy.sparse.csr_matrix` has them: row `i` has the value `values[j]` for the feature
    /// `features[j]`, for each `j` in `starts[i]..starts[i + 1]`. What is not listed is missing. A feature may be listed
    /// twice in a row if both say the same (hashed features do).
    ///
    /// What this costs depends on the values listed and on the features that trees ask for, not on the width of the
    /// model.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// use gbtree::Rows;
    ///
    /// let dense = [0.5, f32::NAN, f32::NAN, 2.6, f32::NAN, f32::NAN];
    /// let sparse = Rows::sparse(&[0, 1, 2, 2], &[0, 1], &[0.5, 2.6]);
    /// assert_eq!(model.predict_vec(sparse)?, model.predict_vec(&dense)?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sparse(starts: &'a [usize], features: &'a [u32], values: &'a [f32]) -> Self {
        Self { sparse: Some(Sparse { starts, features }), ..Self::row_major(values) }
    }

    /// The same rows, each with margins to start from in place of the model's base score, row after row
    /// ([`Model::num_margins`](crate::Model::num_margins) each): `base_margin` of the library's `DMatrix`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../tests/stump.json"))?;
    /// use gbtree::Rows;
    ///
    /// let rows = Rows::row_major(&[0.5, 2.4, 0.5, 2.4]).with_base_margin(&[0.0, 10.0]);
    /// assert_eq!(model.margin_vec(rows)?, [-1.0, 9.0]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_base_margin(self, margins: &'a [f32]) -> Self {
        Self { base_margin: Some(margins), ..self }
    }
}

impl<'a> From<&'a [f32]> for Rows<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self::row_major(values)
    }
}

impl<'a, const N: usize> From<&'a [f32; N]> for Rows<'a> {
    fn from(values: &'a [f32; N]) -> Self {
        Self::row_major(values)
    }
}

impl<'a> From<&'a Vec<f32>> for Rows<'a> {
    fn from(values: &'a Vec<f32>) -> Self {
        Self::row_major(values)
    }
}

impl Rows<'_> {
    /// The rows of a batch for a model of so many features.
    pub(crate) fn len(&self, features: usize) -> Result<usize, PredictError> {
        if let Some((_, rows, _)) = self.part {
            return Ok(rows);
        }
        if let Some(Sparse { starts, .. }) = self.sparse {
            return Ok(starts.len().saturating_sub(1));
        }
        let len = self.values.len();
        match len.checked_div(features) {
            Some(rows) if len.is_multiple_of(features) => Ok(rows),
            _ => Err(PredictError::Rows { len, features }),
        }
    }

    pub(crate) fn is_sparse(&self) -> bool {
        self.sparse.is_some()
    }

    /// The number of rows, once batch and output are seen to fit a model.
    pub(crate) fn count(&self, features: usize, out: usize, width: usize) -> Result<usize, PredictError> {
        let rows = self.len(features)?;
        let expected = rows.saturating_mul(width);
        if out != expected {
            return Err(PredictError::Output { len: out, rows, expected });
        }
        Ok(rows)
    }

    /// `rows` rows from `first` on, of a batch that was counted to have `count`.
    pub(crate) fn part(&self, first: usize, rows: usize, count: usize) -> Self {
        // Of a part, a part again.
        let (before, _, count) = self.part.unwrap_or((0, count, count));
        Self { part: Some((before + first, rows, count)), ..*self }
    }

    /// One row's features, gathered into `buffer` unless they lie side by side. Not of sparse rows, which an
    /// [`Adapter`] makes dense.
    pub(crate) fn row<'b>(
        &'b self,
        index: usize,
        count: usize,
        features: usize,
        buffer: &'b mut Vec<f32>,
    ) -> &'b [f32] {
        let (first, _, count) = self.part.unwrap_or((0, count, count));
        let index = first + index;
        match self.order {
            Order::RowMajor => &self.values[index * features..][..features],
            Order::ColumnMajor => {
                buffer.clear();
                buffer.extend(self.values.iter().skip(index).step_by(count));
                buffer
            }
        }
    }
}
