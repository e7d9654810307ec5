use super::Model;
use crate::explain::ROWS;
use crate::learner::{Body, Learner};
use crate::objective::Transform;
use crate::{Rows, ShapeError};

/// Everything a model computes from rows. `rows` is a slice in row-major order, or a [`Rows`]; every output
/// goes to the caller's buffer, row after row.
impl Model {
    /// Scores: the margins after the objective's transform, as `Booster.predict` gives them.
    ///
    /// `out` takes [`Model::num_outputs`] numbers per row. An ensemble answers with the mean of its members'
    /// scores, or for `multi:softmax` and `binary:hinge` with the score most of them give (the lowest of a tie).
    ///
    /// # Errors
    /// [`ShapeError`] if the lengths do not fit.
    pub fn predict<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), ShapeError> {
        let rows = rows.into();
        let count = rows.count(self.num_features(), out.len(), self.num_outputs())?;
        match &self.members[..] {
            [learner] => learner.scores(&rows, count, out),
            members => {
                let mut scores = vec![0.0; out.len() * members.len()];
                for (learner, scores) in members.iter().zip(scores.chunks_exact_mut(out.len().max(1))) {
                    learner.scores(&rows, count, scores);
                }
                let vote =
                    matches!(self.members[0].objective.transform, Transform::Argmax | Transform::Hinge);
                for (index, score) in out.iter_mut().enumerate() {
                    let given = scores[index..].iter().step_by(scores.len() / members.len()).copied();
                    *score =
                        if vote { most_frequent(&given) } else { given.sum::<f32>() / members.len() as f32 };
                }
            }
        }
        Ok(())
    }

    /// Margins: the sum of the trees, before the objective's transform (`output_margin=True`).
    ///
    /// `out` takes [`Model::num_margins`] numbers per row.
    ///
    /// # Errors
    /// [`ShapeError`] if the lengths do not fit, or for an ensemble.
    pub fn margin<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), ShapeError> {
        let learner = self.single()?;
        let rows = rows.into();
        let count = rows.count(self.num_features(), out.len(), self.num_margins())?;
        learner.margins(&rows, count, out);
        Ok(())
    }

    /// Leaves: the node of each tree that the row ends in, numbered as in the file (`pred_leaf=True`).
    ///
    /// `out` takes [`Model::num_trees`] numbers per row.
    ///
    /// # Errors
    /// [`ShapeError`] if the lengths do not fit, or for an ensemble or a linear model.
    pub fn leaves<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [u32]) -> Result<(), ShapeError> {
        let learner = self.single()?;
        let trees = learner.trees().ok_or(ShapeError::Undefined("a linear model has no leaves"))?;
        each_row(rows.into(), learner.num_features, out, self.num_trees(), |row, out| trees.leaves(row, out))
    }

    /// Contributions: what each feature adds to each margin, by exact `TreeSHAP` (`pred_contribs=True`).
    ///
    /// `out` takes [`Model::num_contributions`] numbers per row: for each margin one per feature and, last, the
    /// bias; together they sum to the margin.
    ///
    /// # Errors
    /// [`ShapeError`] if the lengths do not fit, for an ensemble, or for vector leaves of a file
    /// before 3.2, which lacks what it takes.
    pub fn contributions<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), ShapeError> {
        let learner = self.single()?;
        let rows = rows.into();
        let width = self.num_contributions();
        let count = rows.count(learner.num_features, out.len(), width)?;
        learner.check_contributions()?;
        let mut sums = vec![0.0; width.saturating_mul(ROWS).min(out.len())];
        for (index, out) in out.chunks_mut(sums.len().max(1)).enumerate() {
            let sums = &mut sums[..out.len()];
            sums.fill(0.0);
            learner.contributions_of_rows(&rows, index * ROWS, count, sums);
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = *sum as f32;
            }
        }
        Ok(())
    }

    /// Interactions: contributions split by pairs of features (`pred_interactions=True`).
    ///
    /// `out` takes [`Model::num_interactions`] numbers per row: for each margin a symmetric matrix of features
    /// and bias. Off the diagonal stands half of what two features do together; each line sums to the
    /// feature's contribution.
    ///
    /// # Errors
    /// As [`Model::contributions`].
    pub fn interactions<'r>(&self, rows: impl Into<Rows<'r>>, out: &mut [f32]) -> Result<(), ShapeError> {
        let learner = self.single()?;
        let width = self.num_interactions();
        let mut single = vec![0.0; self.num_contributions().min(out.len())];
        let mut pairs = vec![0.0; width.min(out.len())];
        learner.check_contributions()?;
        each_row(rows.into(), learner.num_features, out, width, |row, out| {
            single.fill(0.0);
            pairs.fill(0.0);
            learner.contributions(row, &mut single);
            learner.interactions(row, &mut pairs);
            let size = learner.num_features + 1;
            for (line, sum) in single.iter().enumerate() {
                let pairs = &mut pairs[line * size..][..size];
                pairs[line % size] = sum - pairs.iter().sum::<f64>();
            }
            for (out, pair) in out.iter_mut().zip(&pairs) {
                *out = *pair as f32;
            }
        })
    }
}

impl Learner {
    fn scores(&self, rows: &Rows, count: usize, out: &mut [f32]) {
        let transform = self.objective.transform;
        let groups = self.groups();
        if transform == Transform::Argmax {
            let mut margins = vec![0.0; count * groups];
            self.margins(rows, count, &mut margins);
            for (out, margins) in out.iter_mut().zip(margins.chunks_exact_mut(groups)) {
                transform.apply(margins);
                *out = margins[0];
            }
            return;
        }
        self.margins(rows, count, out);
        for out in out.chunks_exact_mut(groups) {
            transform.apply(out);
        }
    }

    fn check_contributions(&self) -> Result<(), ShapeError> {
        match &self.body {
            Body::Linear { .. } => Ok(()),
            Body::Trees(trees) => trees.explainer(self.num_features, self.groups()).map(drop),
        }
    }

    /// Of as many rows from `first` on as `out` has room for, at most [`ROWS`].
    fn contributions_of_rows(&self, rows: &Rows, first: usize, count: usize, out: &mut [f64]) {
        let width = (self.num_features + 1) * self.groups();
        #[cfg(target_arch = "x86_64")]
        if let Body::Trees(trees) = &self.body
            && let Ok(explainer) = trees.explainer(self.num_features, self.groups())
        {
            let rows = rows.strided(first, out.len() / width, count, self.num_features);
            if explainer.contributions_of_rows(&trees.forest, &rows, out) {
                for out in out.chunks_exact_mut(width) {
                    self.add_bases(out);
                }
                return;
            }
        }
        let mut gathered = Vec::new();
        for (index, out) in out.chunks_exact_mut(width).enumerate() {
            self.contributions(rows.row(first + index, count, self.num_features, &mut gathered), out);
        }
    }

    /// Adds what every margin starts from to the biases of a row.
    fn add_bases(&self, out: &mut [f64]) {
        for (out, base) in out.chunks_exact_mut(self.num_features + 1).zip(&self.base_margins) {
            out[self.num_features] += f64::from(*base);
        }
    }

    fn contributions(&self, row: &[f32], out: &mut [f64]) {
        let width = self.num_features + 1;
        self.add_bases(out);
        match &self.body {
            Body::Linear { weights } => {
                for (group, out) in out.chunks_exact_mut(width).enumerate() {
                    let weights = weights[group..].iter().step_by(self.groups());
                    for ((out, weight), value) in out.iter_mut().zip(weights).zip(row.iter().chain([&1.0])) {
                        if !value.is_nan() {
                            *out += f64::from(value * weight);
                        }
                    }
                }
            }
            Body::Trees(trees) => {
                if let Ok(explainer) = trees.explainer(self.num_features, self.groups()) {
                    explainer.contributions(&trees.forest, row, out);
                }
            }
        }
    }

    fn interactions(&self, row: &[f32], out: &mut [f64]) {
        if let Body::Trees(trees) = &self.body
            && let Ok(explainer) = trees.explainer(self.num_features, self.groups())
        {
            explainer.interactions(&trees.forest, row, out);
        }
    }
}

fn each_row<T>(
    rows: Rows,
    features: usize,
    out: &mut [T],
    width: usize,
    mut evaluate: impl FnMut(&[f32], &mut [T]),
) -> Result<(), ShapeError> {
    let count = rows.count(features, out.len(), width)?;
    let mut gathered = Vec::new();
    for (index, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
        evaluate(rows.row(index, count, features, &mut gathered), out);
    }
    Ok(())
}

/// The most frequent of the scores; the lowest of several.
fn most_frequent(scores: &(impl Iterator<Item = f32> + Clone)) -> f32 {
    let votes = |score: f32| scores.clone().filter(|other| other.to_bits() == score.to_bits()).count();
    let rank = |a: &f32, b: &f32| votes(*a).cmp(&votes(*b)).then(b.total_cmp(a));
    scores.clone().max_by(rank).unwrap_or(f32::NAN)
}
