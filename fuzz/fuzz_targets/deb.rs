//! See `catamaran::debian::fuzz::deb`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::debian::fuzz::deb(bytes));
