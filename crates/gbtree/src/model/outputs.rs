use super::Model;
use crate::explain::ROWS;
use crate::learner::{Body, Learner};
use crate::objective::Transform;
use crate::{PredictError, Rows};

/// Everything a model computes from rows. `rows` is a slice in row-major order, or a [`Rows`]; every output goes to the
/// caller's buffer, row after row. The methods in `_vec` allocate that buffer.
impl Model {
    /// Scores: the margins after the objective's transform, as `Booster.predict` gives them.
    ///
    /// `out` takes [`Model::num_outputs`] numbers per row. An ensemble answers with the mean of its members'
    /// scores, or for `multi:softmax` and `binary:hinge` with the score most of them give (the lowest of a tie).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// let mut scores = [0.0; 2];
    /// model.predict(&[0.5, 2.4, 0.5, 2.6], &mut scores)?;
    /// assert!(scores[0] < 0.5 && scores[1] > 0.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PredictError`] if the lengths do not fit.
    pub fn predict<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        let rows = rows.into();
        match &self.members[..] {
            [learner] => learner.scores(&rows, out, self.num_outputs()),
            members => {
                rows.count(self.num_features(), out.len(), self.num_outputs())?;
                let mut scores = vec![0.0; out.len() * members.len()];
                for (learner, scores) in members.iter().zip(scores.chunks_exact_mut(out.len().max(1))) {
                    learner.scores(&rows, scores, self.num_outputs())?;
                }
                let vote =
                    matches!(self.members[0].objective.transform, Transform::Argmax | Transform::Hinge);
                for (index, score) in out.iter_mut().enumerate() {
                    let given = scores[index..].iter().step_by(scores.len() / members.len()).copied();
                    *score =
                        if vote { most_frequent(&given) } else { given.sum::<f32>() / members.len() as f32 };
                }
                Ok(())
            }
        }
    }

    /// Margins: the sum of the trees, before the objective's transform (`output_margin=True`).
    ///
    /// `out` takes [`Model::num_margins`] numbers per row.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// let mut margins = [0.0; 2];
    /// model.margin(&[0.5, 2.4, 0.5, 2.6], &mut margins)?;
    /// assert_eq!(margins, [-1.0, 1.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PredictError`] if the lengths do not fit, or for an ensemble.
    pub fn margin<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        self.single()?.all_margins(&rows.into(), out)
    }

    /// Leaves: the node of each tree that the row ends in, numbered as in the file (`pred_leaf=True`).
    ///
    /// `out` takes [`Model::num_trees`] numbers per row.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// let mut leaves = [0; 2];
    /// model.leaves(&[0.5, 2.4, 0.5, 2.6], &mut leaves)?;
    /// assert_eq!(leaves, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PredictError`] if the lengths do not fit, or for an ensemble or a linear model.
    pub fn leaves<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [u32]) -> Result<(), PredictError> {
        let learner = self.single()?;
        let trees = learner.trees().ok_or(PredictError::Undefined("a linear model has no leaves"))?;
        learner.each_row(&rows.into(), out, self.num_trees(), |row, _, out| trees.leaves(row, out))
    }

    /// Contributions: what each feature adds to each margin, by exact `TreeSHAP` (`pred_contribs=True`).
    ///
    /// `out` takes [`Model::num_contributions`] numbers per row: for each margin one per feature and, last, the
    /// bias; together they sum to the margin.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// let mut shares = [0.0; 3];
    /// model.contributions(&[0.5, 2.4], &mut shares)?;
    /// assert_eq!(shares, [0.0, -1.5, 0.5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PredictError`] if the lengths do not fit, for an ensemble, or for vector leaves of a file
    /// before 3.2, which lacks what it takes.
    pub fn contributions<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        let learner = self.single()?;
        learner.check_contributions()?;
        let rows = rows.into();
        let (narrow, width) = (learner.groups() * (learner.width() + 1), self.num_contributions());
        let mut sums = vec![0.0; narrow.saturating_mul(ROWS).min(out.len())];
        learner.adapter().each_part(&rows, out, width, |rows, count, base, out| {
            for (index, out) in out.chunks_mut(ROWS * width).enumerate() {
                let sums = &mut sums[..out.len() / width * narrow];
                sums.fill(0.0);
                learner.contributions_of_rows(rows, index * ROWS, count, base, sums);
                for (sums, out) in sums.chunks_exact(narrow).zip(out.chunks_exact_mut(width)) {
                    learner.widen(1, sums, out);
                }
            }
        })
    }

    /// Interactions: contributions split by pairs of features (`pred_interactions=True`).
    ///
    /// `out` takes [`Model::num_interactions`] numbers per row: for each margin a symmetric matrix of features
    /// and bias. Off the diagonal stands half of what two features do together; each line sums to the
    /// feature's contribution.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// let mut pairs = [0.0; 9];
    /// model.interactions(&[0.5, 2.4], &mut pairs)?;
    /// assert_eq!(pairs[4], -1.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::contributions`].
    pub fn interactions<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), PredictError> {
        let learner = self.single()?;
        learner.check_contributions()?;
        let rows = rows.into();
        let size = learner.width() + 1;
        let lines = learner.groups() * size;
        let mut single = vec![0.0; lines.min(out.len())];
        let mut pairs = vec![0.0; lines.saturating_mul(size).min(out.len())];
        learner.each_row(&rows, out, self.num_interactions(), |row, base, out| {
            single.fill(0.0);
            pairs.fill(0.0);
            learner.contributions_of_rows(&Rows::row_major(row), 0, 1, Some(base), &mut single);
            learner.interactions(row, &mut pairs);
            for (line, sum) in single.iter().enumerate() {
                let pairs = &mut pairs[line * size..][..size];
                pairs[line % size] = sum - pairs.iter().sum::<f64>();
            }
            learner.widen(2, &pairs, out);
        })
    }
}

impl Learner {
    fn scores(&self, rows: &Rows, out: &mut [f32], outputs: usize) -> Result<(), PredictError> {
        let (transform, groups) = (self.objective.transform, self.groups());
        if transform == Transform::Argmax {
            let count = rows.count(self.num_features, out.len(), outputs)?;
            let mut margins = vec![0.0; count * groups];
            self.all_margins(rows, &mut margins)?;
            for (out, margins) in out.iter_mut().zip(margins.chunks_exact_mut(groups)) {
                transform.apply(margins);
                *out = margins[0];
            }
            return Ok(());
        }
        self.all_margins(rows, out)?;
        for out in out.chunks_exact_mut(groups) {
            transform.apply(out);
        }
        Ok(())
    }

    fn all_margins(&self, rows: &Rows, out: &mut [f32]) -> Result<(), PredictError> {
        if let Body::Linear { weights } = &self.body
            && rows.is_sparse()
        {
            return self.adapter().each_sparse(rows, out, |row, base, out| {
                out.copy_from_slice(base.unwrap_or(&self.base_margins));
                self.linear_margins(weights, row, out);
            });
        }
        self.adapter().each_part(rows, out, self.groups(), |rows, count, base, out| {
            self.margins(rows, count, base, out);
        })
    }

    /// Hands `out`, `width` per row, to `evaluate` with each row as the trees take it, and its base margins.
    fn each_row<T>(
        &self,
        rows: &Rows,
        out: &mut [T],
        width: usize,
        mut evaluate: impl FnMut(&[f32], &[f32], &mut [T]),
    ) -> Result<(), PredictError> {
        let (features, groups) = (self.width(), self.groups());
        let mut gathered = Vec::new();
        self.adapter().each_part(rows, out, width, |rows, count, base, out| {
            for (index, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
                let base = base.map_or(&self.base_margins[..], |base| &base[index * groups..][..groups]);
                evaluate(rows.row(index, count, features, &mut gathered), base, out);
            }
        })
    }

    /// Copies numbers per feature and bias (`dimensions` = 1) or per pair of these (2) to where callers expect them.
    fn widen(&self, dimensions: u32, narrow: &[f64], out: &mut [f32]) {
        let Some(used) = &self.used else {
            out.iter_mut().zip(narrow).for_each(|(out, number)| *out = *number as f32);
            return;
        };
        let (from, to) = (used.len() + 1, self.num_features + 1);
        let place = |at: usize| used.get(at).map_or(self.num_features, |&feature| feature as usize);
        out.fill(0.0);
        for (at, number) in narrow.iter().enumerate() {
            let (line, column) = (at / from, place(at % from));
            let line = if dimensions == 1 { line } else { line / from * to + place(line % from) };
            out[line * to + column] = *number as f32;
        }
    }

    fn check_contributions(&self) -> Result<(), PredictError> {
        match &self.body {
            Body::Linear { .. } => Ok(()),
            Body::Trees(trees) => trees.explainer(self.width(), self.groups()).map(drop),
        }
    }

    /// Of as many rows from `first` on as `out` has room for, at most [`ROWS`]; `base` replaces the model's own base
    /// margins.
    fn contributions_of_rows(
        &self,
        rows: &Rows,
        first: usize,
        count: usize,
        base: Option<&[f32]>,
        out: &mut [f64],
    ) {
        let (features, groups) = (self.width(), self.groups());
        let width = (features + 1) * groups;
        let base = |index: usize| match base {
            Some(base) => &base[(first + index) * groups..][..groups],
            None => &self.base_margins[..],
        };
        for (index, out) in out.chunks_exact_mut(width).enumerate() {
            self.add_base(base(index), out);
        }
        match &self.body {
            Body::Linear { weights } => {
                let mut gathered = Vec::new();
                for (index, out) in out.chunks_exact_mut(width).enumerate() {
                    let row = rows.row(first + index, count, features, &mut gathered);
                    self.linear_contributions(weights, row, out);
                }
            }
            Body::Trees(trees) => {
                if let Ok(explainer) = trees.explainer(features, groups) {
                    let rows = rows.strided(first, out.len() / width, count, features);
                    explainer.contributions(&trees.forest, &rows, out);
                }
            }
        }
    }

    /// Adds what the margins of a row start from to its biases.
    fn add_base(&self, base: &[f32], out: &mut [f64]) {
        let features = self.width();
        for (out, base) in out.chunks_exact_mut(features + 1).zip(base) {
            out[features] += f64::from(*base);
        }
    }

    fn linear_contributions(&self, weights: &[f32], row: &[f32], out: &mut [f64]) {
        for (group, out) in out.chunks_exact_mut(self.width() + 1).enumerate() {
            let weights = weights[group..].iter().step_by(self.groups());
            for ((out, weight), value) in out.iter_mut().zip(weights).zip(row.iter().chain([&1.0])) {
                if !value.is_nan() {
                    *out += f64::from(value * weight);
                }
            }
        }
    }

    fn interactions(&self, row: &[f32], out: &mut [f64]) {
        if let Body::Trees(trees) = &self.body
            && let Ok(explainer) = trees.explainer(self.width(), self.groups())
        {
            explainer.interactions(&trees.forest, row, out);
        }
    }
}

/// The most frequent of the scores; the lowest of several.
fn most_frequent(scores: &(impl Iterator<Item = f32> + Clone)) -> f32 {
    let votes = |score: f32| scores.clone().filter(|other| other.to_bits() == score.to_bits()).count();
    let rank = |a: &f32, b: &f32| votes(*a).cmp(&votes(*b)).then(b.total_cmp(a));
    scores.clone().max_by(rank).unwrap_or(f32::NAN)
}
