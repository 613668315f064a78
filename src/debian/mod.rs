//! Builder 1: .deb packages straight to reproducible layers. No daemon, no root, any architecture.
//!
//! Signed release → package index → solver → lock → fetch → segments → layers → image. Knows `catalog` and `image`.

mod http;
mod index;
mod keyring;
mod lock;
mod packages;
mod relation;
mod release;
mod signature;
mod solver;
mod sources;
mod version;

pub use lock::{Hex, Lock, LockedArchive, LockedBase, LockedPackage, LockedTarget};
