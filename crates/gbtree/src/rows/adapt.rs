use super::{Order, Rows};
use crate::PredictError;

/// Values of adapted rows that are held at a time.
const HELD: usize = 1 << 18;

/// What stands between rows as a caller has them and rows as trees take them: dense, only the features that trees ask
/// for, NaN for missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adapter<'m> {
    /// Features of the model.
    pub(crate) features: usize,
    /// Those that trees ask for, ascending, unless they take whole rows.
    pub(crate) used: Option<&'m [u32]>,
    /// The value besides NaN that means a missing one.
    pub(crate) missing: Option<f32>,
    /// Margins per row.
    pub(crate) margins: usize,
}

impl Adapter<'_> {
    /// Hands `out` (`width` per row) to `evaluate` in parts: with the part's rows as trees take them, the number of
    /// rows, and their base margins if the caller gave any.
    pub(crate) fn each_part<T>(
        &self,
        rows: &Rows,
        out: &mut [T],
        width: usize,
        mut evaluate: impl FnMut(&Rows, usize, Option<&[f32]>, &mut [T]),
    ) -> Result<(), PredictError> {
        let (count, first, base) = self.fit(rows, out.len(), width)?;
        if rows.sparse.is_none() && self.used.is_none() && self.missing.is_none() {
            evaluate(rows, count, base, out);
            return Ok(());
        }
        if rows.sparse.is_some() {
            for index in first..first + count {
                self.check_sparse(rows, index)?;
            }
        }
        let whole = rows.part.map_or(count, |(_, _, whole)| whole);
        let features = self.used.map_or(self.features, <[u32]>::len);
        let held = (HELD / features.max(1)).clamp(1, count.max(1));
        let mut values = Vec::with_capacity(held * features);
        for (part, out) in out.chunks_mut(held * width.max(1)).enumerate() {
            let start = part * held;
            let held = held.min(count - start);
            values.clear();
            for index in start..start + held {
                self.append(rows, first + index, whole, &mut values);
            }
            let base = base.map(|base| &base[start * self.margins..][..held * self.margins]);
            // Rows without features are counted by their place in the whole.
            evaluate(&Rows::row_major(&values).part(0, held, held), held, base, out);
        }
        Ok(())
    }

    /// Appends a row of the whole batch as trees take it.
    fn append(&self, rows: &Rows, index: usize, whole: usize, values: &mut Vec<f32>) {
        let known = |value: f32| if Some(value) == self.missing { f32::NAN } else { value };
        let Some(sparse) = rows.sparse else {
            let at = |feature: usize| match rows.order {
                Order::RowMajor => known(rows.values[index * self.features + feature]),
                Order::ColumnMajor => known(rows.values[feature * whole + index]),
            };
            match self.used {
                Some(used) => values.extend(used.iter().map(|&feature| at(feature as usize))),
                None => values.extend((0..self.features).map(at)),
            }
            return;
        };
        let start = values.len();
        let width = self.used.map_or(self.features, <[u32]>::len);
        values.resize(start + width, f32::NAN);
        let listed = sparse.starts[index]..sparse.starts[index + 1];
        for (&feature, &value) in sparse.features[listed.clone()].iter().zip(&rows.values[listed]) {
            let place = match self.used {
                Some(used) => used.binary_search(&feature).ok(),
                None => Some(feature as usize),
            };
            if let Some(place) = place {
                values[start + place] = known(value);
            }
        }
    }

    /// Hands the margins of each sparse row to `evaluate`: with what the row lists, ascending by feature, each feature
    /// once and none missing, and its base margins if the caller gave any.
    pub(crate) fn each_sparse(
        &self,
        rows: &Rows,
        out: &mut [f32],
        mut evaluate: impl FnMut(&[(u32, f32)], Option<&[f32]>, &mut [f32]),
    ) -> Result<(), PredictError> {
        let Some(sparse) = rows.sparse else { return Ok(()) };
        let (count, first, base) = self.fit(rows, out.len(), self.margins)?;
        for index in first..first + count {
            self.check_sparse(rows, index)?;
        }
        let mut row = Vec::new();
        for (index, out) in out.chunks_exact_mut(self.margins).enumerate() {
            let listed = sparse.starts[first + index]..sparse.starts[first + index + 1];
            let values = rows.values[listed.clone()].iter().copied();
            let pairs = sparse.features[listed].iter().copied().zip(values);
            row.clear();
            row.extend(pairs.filter(|&(_, value)| !value.is_nan() && Some(value) != self.missing));
            row.sort_unstable_by_key(|&(feature, _)| feature);
            row.dedup_by_key(|&mut (feature, _)| feature);
            evaluate(&row, base.map(|base| &base[index * self.margins..][..self.margins]), out);
        }
        Ok(())
    }

    /// The number of rows, the place of the first in the whole batch, and the base margins of all of them.
    fn fit<'r>(
        &self,
        rows: &Rows<'r>,
        out: usize,
        width: usize,
    ) -> Result<(usize, usize, Option<&'r [f32]>), PredictError> {
        let count = rows.count(self.features, out, width)?;
        let (first, _, whole) = rows.part.unwrap_or((0, count, count));
        let base = match rows.base_margin {
            Some(base) if base.len() != whole * self.margins => {
                return Err(PredictError::BaseMargin { len: base.len(), rows: whole, margins: self.margins });
            }
            base => base.map(|base| &base[first * self.margins..][..count * self.margins]),
        };
        Ok((count, first, base))
    }

    fn check_sparse(&self, rows: &Rows, row: usize) -> Result<(), PredictError> {
        let Some(sparse) = rows.sparse else { return Ok(()) };
        let fault = |what| PredictError::Sparse { row, what };
        let (start, end) = (sparse.starts[row], sparse.starts[row + 1]);
        let len = rows.values.len();
        if start > end || end > len || sparse.features.len() != len {
            let listed = sparse.features.len();
            return Err(fault(format!("it is {start}..{end} of {listed} features and {len} values")));
        }
        let (features, values) = (&sparse.features[start..end], &rows.values[start..end]);
        if let Some(feature) = features.iter().find(|&&feature| feature as usize >= self.features) {
            return Err(fault(format!("it lists feature {feature}, the model has {}", self.features)));
        }
        if features.is_sorted_by(|a, b| a < b) {
            return Ok(());
        }
        let mut pairs: Vec<(u32, f32)> = features.iter().copied().zip(values.iter().copied()).collect();
        pairs.sort_unstable_by_key(|&(feature, _)| feature);
        let differ = |a: f32, b: f32| a != b && !(a.is_nan() && b.is_nan());
        match pairs.windows(2).find(|pair| pair[0].0 == pair[1].0 && differ(pair[0].1, pair[1].1)) {
            Some(pair) => Err(fault(format!("it lists feature {} twice, with two values", pair[0].0))),
            None => Ok(()),
        }
    }
}
