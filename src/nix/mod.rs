//! Builder 2: a flake is evaluated and built by Nix, and the JSON of nix2container that it leaves becomes an image whose layers are
//! regenerated from the store paths it names, with the digests it declares.
//!
//! `evaluate` asks what a flake offers, `build` builds it, both through `command`; `log` understands what Nix says meanwhile, `owners` knows
//! which target needs which derivation, `follow` tells each what concerns it, and `complaint` makes errors of complaints. `document` reads
//! the JSON and knows the config that belongs to it, `layer` makes tars of store paths, `image` joins them to an
//! [`Image`](crate::image::Image) that everything else takes like any other, and `kept` keeps one in the local store. `machines` are those who
//! build, and `vm_image` looks after the one that a Mac builds on.

mod build;
mod command;
mod complaint;
mod document;
mod evaluate;
mod follow;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod image;
mod kept;
mod layer;
mod log;
mod machines;
mod owners;
mod vm_image;

pub use build::{Building, Settled, Wanted};
pub use command::Nix;
pub use document::{Content, Document, Layer, Options, Perm, Rewrite, StorePath};
pub use evaluate::{Derivation, Evaluation, attribute};
pub use image::{NixImage, open_image};
pub use kept::{document_of, is_built_from, keep, keep_given, kept_image};
pub use machines::{Builders, Machine, builders, ping};
pub use vm_image::{copy_to_cache, is_in_cache, vm_image};
