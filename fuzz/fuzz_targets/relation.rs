//! See `catamaran::debian::fuzz::relation`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::debian::fuzz::relation(bytes));
