//! The crate's tests, through its public API only.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod archive; // reads the golden files
mod archives; // model.tar.gz and ensembles
mod batches; // any chunking, order and layout of rows gives the same numbers
mod golden; // numbers equal to the official package's
mod kinds; // containers, wrappers and corner cases: what is said of them
mod layouts; // spellings of the same model that no golden release writes
mod refused; // broken and foreign files
mod shapes; // buffers that do not fit, smallest models
mod shapley; // contributions beside their definition
mod sparse; // sparse and wide rows, base margins
