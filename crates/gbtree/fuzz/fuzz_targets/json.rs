//! Any text that starts like JSON.
#![no_main]

use gbtree::{Limits, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::new().decoded(16 << 20);
    if bytes.first().is_some_and(|byte| matches!(byte, b'{' | b'[')) {
        let _ = Model::from_bytes_with(bytes, &limits);
    }
});
