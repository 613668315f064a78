//! nix/ and flake.nix with a real Nix: `tests/nix/check.sh` evaluates every output, builds images, runs their scripts and publishes.

use std::process::Command;

use crate::harness::{Ran, need};

#[test]
fn the_flake_means_what_the_program_means() {
    need("nix", "nix-bin");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/nix/check.sh");
    let ran = Ran::of(Command::new("bash").arg(script).env("CATAMARAN", env!("CARGO_BIN_EXE_catamaran")));
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
}
