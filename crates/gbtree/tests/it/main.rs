//! The crate's tests, through its public API only.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod archive; // reads the golden files
mod golden; // numbers equal to the official package's
mod shapes; // buffers that do not fit, smallest models
