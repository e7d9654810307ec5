//! Any stream behind the signature of each compression.
#![no_main]

use gbtree::{Limits, Model};
use libfuzzer_sys::fuzz_target;

const SIGNATURES: [&[u8]; 6] = [
    b"\x1f\x8b\x08",
    b"\x78\x9c",
    b"BZh9",
    b"\xfd7zXZ\x00",
    b"\x5d\x00\x00\x10\x00",
    b"\x04\x22\x4d\x18",
];

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new().decoded(16 << 20);
    if let Some((choice, stream)) = bytes.split_first() {
        let signature = SIGNATURES[usize::from(*choice) % SIGNATURES.len()];
        let _ = Model::from_bytes_with(&[signature, stream].concat(), &limits);
    }
});
