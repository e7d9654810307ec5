//! Any tar (its magic is put in place), and any gzip stream.
#![no_main]

use gbtree::{Limits, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new().decoded(16 << 20);
    let _ = Model::from_bytes_with(&[b"\x1f\x8b\x08", bytes].concat(), &limits);
    let mut tar = bytes.to_vec();
    if let Some(magic) = tar.get_mut(257..262) {
        magic.copy_from_slice(b"ustar");
        let _ = Model::from_bytes_with(&tar, &limits);
    }
});
