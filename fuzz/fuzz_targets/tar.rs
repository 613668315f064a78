//! See `catamaran::debian::fuzz::tar`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::debian::fuzz::tar(bytes));
