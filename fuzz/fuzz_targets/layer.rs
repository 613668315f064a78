//! See `catamaran::verify::fuzz::layer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::verify::fuzz::layer(bytes));
