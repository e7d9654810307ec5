//! Any text as a content type and as an `Accept` header.
#![no_main]

use imba_fuzz::types;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    types::content_type(text);
    types::accept(text);
});
