//! See `catamaran::image::fuzz::json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::image::fuzz::json(bytes));
