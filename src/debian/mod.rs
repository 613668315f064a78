//! Builder 1: .deb packages straight to reproducible layers. No daemon, no root, any architecture.
//!
//! Signed release → package index → solver → lock → fetch → segments → layers → image. Knows `catalog` and `image`.

mod deb;
mod lock;
mod rootfs;
mod segment;

pub use lock::{Hex, Lock, LockedArchive, LockedBase, LockedPackage, LockedTarget};
