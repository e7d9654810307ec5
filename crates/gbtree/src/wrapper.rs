/// The Python object that a pickled model was stored in, and what it does differently from its `Booster`.
///
/// A scikit-learn wrapper (`XGBClassifier` and its kin) takes the value of its `missing` parameter for missing, and
/// predicts with the iterations up to its best one when training stopped early. [`Model`](crate::Model) does the
/// same to a model that was read out of such a wrapper; this says so.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Wrapper {
    /// The class, as `xgboost.sklearn.XGBClassifier`.
    pub class: String,
    /// Where in the pickled object it was found, as `best_estimator_` or `["model"]`; empty for the object itself.
    pub place: String,
    /// The value besides NaN that means a missing one.
    pub missing: Option<f32>,
    /// The last iteration that predictions use, counted from 0; all if `None`.
    pub best_iteration: Option<usize>,
}
