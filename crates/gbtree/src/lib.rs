//! Evaluates `XGBoost` models: bytes in, numbers out, the same numbers as the library.
//!
//! Any model file of the last ten years is read, told by its content: JSON, UBJSON, the legacy binary format, pickles of
//! Python (read, never executed), files of R, compressed ones, and SageMaker's `model.tar.gz` with one model or an
//! ensemble. Loading checks everything, so that evaluation cannot fail on the model's account: see
//! [`LoadError`] for what is refused and [`Limits`] for what it may cost.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use gbtree::Model;
//!
//! let model = Model::from_bytes(include_bytes!("../tests/stump.json"))?;
//! assert_eq!(model.objective(), "binary:logistic");
//! assert_eq!(model.feature_names(), ["a", "b"]);
//!
//! // Two rows of two features, row after row; NaN is a missing value.
//! let rows = [0.5, 2.4, 0.5, f32::NAN];
//! let mut scores = [0.0; 2];
//! model.predict(&rows, &mut scores)?;
//! assert!(scores[0] < 0.27 && scores[0] == scores[1]);
//!
//! // What each feature adds to the margin, the bias last; together they are the margin.
//! let mut shares = vec![0.0; model.num_contributions()];
//! model.contributions(&rows[..2], &mut shares)?;
//! let mut margin = [0.0];
//! model.margin(&rows[..2], &mut margin)?;
//! assert!((shares.iter().sum::<f32>() - margin[0]).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```
//!
//! # Outputs
//!
//! | call | per row | as the library's |
//! |---|---|---|
//! | [`Model::predict`] | [`Model::num_outputs`] | `predict` |
//! | [`Model::margin`] | [`Model::num_margins`] | `output_margin=True` |
//! | [`Model::leaves`] | [`Model::num_trees`] | `pred_leaf=True` |
//! | [`Model::contributions`] | [`Model::num_contributions`] | `pred_contribs=True` |
//! | [`Model::interactions`] | [`Model::num_interactions`] | `pred_interactions=True` |
//!
//! All take row-major slices or [`Rows`] (in either order, or sparse), write to the caller's buffer, work through `&self` from
//! any thread, and can be spread over threads with `Model::parallel`. Each has a twin that allocates the buffer, as
//! [`Model::predict_vec`]. Rows by name: [`Model::row`]; categories by value: [`Categories`].
//!
//! [`Model::slice`] keeps some boosting iterations (`iteration_range`). [`Model::best_iteration`] is applied only that way, as
//! `Booster.predict` does; a model stored in a scikit-learn [`Wrapper`] stops there already, as the wrapper would.
//!
//! # Same numbers
//!
//! A value strictly below the threshold goes left, compared in float32; outputs are added in the order of the
//! trees, in float32, onto the base margin (before 1.3: the base margin last). Where releases of the library
//! disagree, the version stored in the file decides. Margins then differ from the saving release's at most in
//! the last digit, through `logf` in the base score's link; scores also through `expf`.
//!
//! # Features
//!
//! All are on by default: `archive` (compressed files and tar), `pickle` (what Python stores), `rds` (what R stores) and
//! `parallel` (`Model::parallel`). JSON, UBJSON and the legacy binary format are always read.

#![forbid(unsafe_code)]

/// The README's code, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod categories;
mod error;
mod explain;
mod forest;
mod layout;
mod learner;
mod limits;
mod load;
mod model;
mod objective;
mod rows;
mod version;
mod wrapper;

pub use categories::Categories;
pub use error::{LoadError, PredictError};
pub use limits::Limits;
pub use load::Format;
#[cfg(feature = "parallel")]
pub use model::Parallel;
pub use model::{Booster, Model};
pub use rows::Rows;
pub use version::Version;
pub use wrapper::Wrapper;
