use super::Model;
use crate::PredictError;

impl Model {
    /// The place of a feature in a row. Where the file has no names, features are called `f0`, `f1`, …, as the library
    /// calls them.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// assert_eq!((model.feature("b"), model.feature("c")), (Some(1), None));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<usize> {
        let names = self.feature_names();
        if !names.is_empty() {
            return names.iter().position(|known| known == name);
        }
        let digits = name.strip_prefix('f')?;
        let place: usize = digits.parse().ok().filter(|&place| place < self.num_features())?;
        (digits == place.to_string()).then_some(place)
    }

    /// A row from names and values, in any order; features that are not named are missing. Of a name given twice the
    /// last value counts.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let model = gbtree::Model::from_bytes(include_bytes!("../../tests/stump.json"))?;
    /// let row = model.row([("b", 2.4), ("a", 0.5)])?;
    /// assert_eq!(row, [0.5, 2.4]);
    /// assert!(model.row([("c", 1.0)]).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`PredictError::UnknownFeature`] for a name that the model does not have.
    pub fn row<'n>(
        &self,
        values: impl IntoIterator<Item = (&'n str, f32)>,
    ) -> Result<Vec<f32>, PredictError> {
        let mut row = vec![f32::NAN; self.num_features()];
        for (name, value) in values {
            let feature = self.feature(name).ok_or_else(|| PredictError::UnknownFeature(name.to_owned()))?;
            row[feature] = value;
        }
        Ok(row)
    }
}
