//! The nouns of the service: rows, pairs and their names, how a number is read and written, what can be wrong with a row.

mod batch;
mod decoded;
mod error;
mod number;
mod pair;
mod python_float;
mod schema;

pub use batch::{Batch, BatchRows, FeatureRow};
pub use decoded::{Decoded, Outcomes, RowLimits};
pub use error::{RowError, RowErrorKind};
pub use number::{InvalidValue, excerpt, narrow, parse_value, plain_value, write_value};
pub use pair::{InvalidId, MAX_ID_BYTES, PairKey, check_id};
pub use python_float::python_float;
pub use schema::{InvalidNames, Schema};
