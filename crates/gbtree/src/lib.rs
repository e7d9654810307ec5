//! Evaluates `XGBoost` models: bytes in, numbers out.

mod categories;
mod error;
mod explain;
mod forest;
mod layout;
mod learner;
mod load;
mod model;
mod objective;
mod rows;
mod version;

pub use categories::Categories;
pub use error::{LoadError, ShapeError};
pub use load::{Format, Limits};
pub use model::{Booster, Model, Parallel};
pub use rows::Rows;
pub use version::Version;
