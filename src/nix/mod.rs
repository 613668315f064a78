//! Builder 2's images: a JSON of nix2container, and layers regenerated from the store paths it names, with the digests it declares.
//!
//! `document` reads the JSON and knows the config that belongs to it, `layer` makes tars of store paths, `image` joins them to an
//! [`Image`](crate::image::Image) that everything else takes like any other.

mod document;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod image;
mod layer;

pub use document::{Content, Document, Layer, Options, Perm, Rewrite, StorePath};
pub use image::{NixImage, open_image};
