//! See `catamaran::image::fuzz::elf`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::image::fuzz::elf(bytes));
