//! See `catamaran::nix::fuzz::nix`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| catamaran::nix::fuzz::nix(bytes));
