//! See `catamaran::debian::fuzz::index`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::debian::fuzz::index(bytes));
