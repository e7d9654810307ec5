//! Any opcodes after a protocol header.
#![no_main]

use gbtree::{Limits, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new().decoded(16 << 20);
    let _ = Model::from_bytes_with(&[b"\x80\x04", bytes].concat(), &limits);
});
