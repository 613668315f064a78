//! See `catamaran::debian::fuzz::release`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::debian::fuzz::release(bytes));
