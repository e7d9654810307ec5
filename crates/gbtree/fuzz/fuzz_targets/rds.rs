//! Any objects of R behind the headers of its binary and its text form.
#![no_main]

use gbtree::{Limits, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new().decoded(16 << 20);
    let _ = Model::from_bytes_with(&[b"X\n\0\0\0\x02\0\0\0\0\0\0\0\0", bytes].concat(), &limits);
    let _ = Model::from_bytes_with(&[b"A\n2\n0\n0\n", bytes].concat(), &limits);
});
