//! Feature rows and pairs as people and programs write them: CSV, JSON, libsvm.

pub mod csv;
pub mod json;
pub mod libsvm;
pub mod stream;
pub mod text;
