use crate::ShapeError;

/// A batch of feature vectors, dense float32, NaN = missing.
///
/// A plain slice is taken as row-major: `[row 0's features, row 1's features, …]`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) order: Order,
    /// A part of the batch: its first row, its rows, and the rows of the whole.
    part: Option<(usize, usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    RowMajor,
    ColumnMajor,
}

impl<'a> Rows<'a> {
    /// `values[row * features + feature]`: C order, as a numpy array has it by default.
    #[must_use]
    pub fn row_major(values: &'a [f32]) -> Self {
        Self { values, order: Order::RowMajor, part: None }
    }

    /// `values[feature * rows + row]`: Fortran order, as a table kept by columns has it.
    #[must_use]
    pub fn column_major(values: &'a [f32]) -> Self {
        Self { values, order: Order::ColumnMajor, part: None }
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
    /// The number of rows, once batch and output are seen to fit a model.
    pub(crate) fn count(&self, features: usize, out: usize, width: usize) -> Result<usize, ShapeError> {
        let len = self.values.len();
        if let Some((_, rows, _)) = self.part {
            return Ok(rows);
        }
        let rows = match len.checked_div(features) {
            Some(rows) if len.is_multiple_of(features) => rows,
            // A model without features scores as many empty rows as the caller has room for.
            None if len == 0 => out.checked_div(width).unwrap_or(0),
            _ => return Err(ShapeError::Rows { len, features }),
        };
        let expected = rows.saturating_mul(width);
        if out != expected {
            return Err(ShapeError::Output { len: out, rows, expected });
        }
        Ok(rows)
    }

    /// `rows` rows from `first` on, of a batch that was counted to have `count`.
    pub(crate) fn part(&self, first: usize, rows: usize, count: usize) -> Self {
        Self { part: Some((first, rows, count)), ..*self }
    }

    /// One row's features, gathered into `buffer` unless they lie side by side.
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

/// A few rows of a batch, whose features are read one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strided<'b> {
    /// From the first row's first feature on.
    values: &'b [f32],
    row_step: usize,
    feature_step: usize,
    rows: usize,
}

impl Rows<'_> {
    /// `rows` rows from `index` on.
    pub(crate) fn strided(&self, index: usize, rows: usize, count: usize, features: usize) -> Strided<'_> {
        let (first, _, count) = self.part.unwrap_or((0, count, count));
        let index = first + index;
        match self.order {
            Order::RowMajor => Strided {
                values: &self.values[index * features..],
                row_step: features,
                feature_step: 1,
                rows,
            },
            Order::ColumnMajor => {
                Strided { values: &self.values[index..], row_step: 1, feature_step: count, rows }
            }
        }
    }
}

impl Strided<'_> {
    /// One feature of each row, as far as there is room.
    #[inline]
    pub(crate) fn feature(&self, feature: usize, out: &mut [f32]) {
        let values = &self.values[feature * self.feature_step..];
        let out = &mut out[..self.rows];
        if self.row_step == 1 {
            out.copy_from_slice(&values[..self.rows]);
        } else {
            // The last row may end before a whole step.
            let (out, last) = out.split_at_mut(self.rows.saturating_sub(1));
            for (out, row) in out.iter_mut().zip(values.chunks_exact(self.row_step)) {
                *out = row[0];
            }
            for last in last {
                *last = values[(self.rows - 1) * self.row_step];
            }
        }
    }
}
