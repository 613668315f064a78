//! See `catamaran::debian::fuzz::lock`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::debian::fuzz::lock(bytes));
