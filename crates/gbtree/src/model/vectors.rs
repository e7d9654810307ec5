use super::Model;
use crate::{PredictError, Rows};

impl Model {
    /// As [`Model::predict`], into a new vector.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// assert_eq!(model.predict_vec(&[0.5, 2.4, 0.5, 2.6])?.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict_vec<'r>(&self, rows: impl Into<Rows<'r>>) -> Result<Vec<f32>, PredictError> {
        self.vector(rows.into(), self.num_outputs(), Self::predict)
    }

    /// As [`Model::margin`], into a new vector.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// assert_eq!(model.margin_vec(&[0.5, 2.4, 0.5, 2.6])?, [-1.0, 1.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::margin`].
    pub fn margin_vec<'r>(&self, rows: impl Into<Rows<'r>>) -> Result<Vec<f32>, PredictError> {
        self.vector(rows.into(), self.num_margins(), Self::margin)
    }

    /// As [`Model::leaves`], into a new vector.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// assert_eq!(model.leaves_vec(&[0.5, 2.4, 0.5, 2.6])?, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::leaves`].
    pub fn leaves_vec<'r>(&self, rows: impl Into<Rows<'r>>) -> Result<Vec<u32>, PredictError> {
        self.vector(rows.into(), self.num_trees(), Self::leaves)
    }

    /// As [`Model::contributions`], into a new vector.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// assert_eq!(model.contributions_vec(&[0.5, 2.4])?, [0.0, -1.5, 0.5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::contributions`].
    pub fn contributions_vec<'r>(&self, rows: impl Into<Rows<'r>>) -> Result<Vec<f32>, PredictError> {
        self.vector(rows.into(), self.num_contributions(), Self::contributions)
    }

    /// As [`Model::interactions`], into a new vector.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// assert_eq!(model.interactions_vec(&[0.5, 2.4])?.len(), 9);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Model::interactions`].
    pub fn interactions_vec<'r>(&self, rows: impl Into<Rows<'r>>) -> Result<Vec<f32>, PredictError> {
        self.vector(rows.into(), self.num_interactions(), Self::interactions)
    }

    fn vector<'r, T: Clone + Default>(
        &self,
        rows: Rows<'r>,
        width: usize,
        evaluate: impl FnOnce(&Self, Rows<'r>, &mut [T]) -> Result<(), PredictError>,
    ) -> Result<Vec<T>, PredictError> {
        let mut out = vec![T::default(); rows.len(self.num_features())?.saturating_mul(width)];
        evaluate(self, rows, &mut out)?;
        Ok(out)
    }
}
