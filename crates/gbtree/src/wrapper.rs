/// Where in a pickled object a model was found, and what its wrapper does differently from the bare `Booster`.
///
/// A scikit-learn wrapper (`XGBClassifier` and its kin) takes the value of its `missing` parameter for missing, and
/// predicts with the iterations up to its best one if training stopped early. A [`Model`](crate::Model) that was read
/// out of such a wrapper does the same; this says so.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Wrapper {
    /// The class of the wrapper, as `xgboost.sklearn.XGBClassifier`, or of a `Booster` without one.
    pub class: String,
    /// Where in the pickled object it was found, as `best_estimator_` or `["model"]`; empty for the object itself.
    pub place: String,
    /// The value besides NaN that means a missing one.
    pub missing: Option<f32>,
    /// The last iteration that predictions use, counted from 0; all if `None`.
    pub best_iteration: Option<usize>,
}
