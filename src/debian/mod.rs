//! Builder 1: .deb packages straight to reproducible layers. No daemon, no root, any architecture.
//!
//! Signed release → package index → solver → lock → fetch → segments → layers → image. Knows `catalog` and `image`.

mod builder;
mod deb;
mod entrypoint;
#[cfg(test)]
mod fixtures;
mod image_config;
mod layer;
mod lock;
mod members;
mod rootfs;
mod segment;

pub use builder::{Builder, PackageFiles};
pub use lock::{Hex, Lock, LockedArchive, LockedBase, LockedPackage, LockedTarget};
