use super::{Order, Rows};

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
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// One feature of one row.
    pub(crate) fn value(&self, row: usize, feature: usize) -> f32 {
        self.values[row * self.row_step + feature * self.feature_step]
    }

    /// One feature of each row, as far as there is room.
    #[cfg(target_arch = "x86_64")]
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
