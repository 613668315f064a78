//! Builder 1: .deb packages straight to reproducible layers. No daemon, no root, any architecture.
//!
//! Signed release → package index → solver → lock → fetch → segments → layers → image. Knows `catalog` and `image`.

mod archive;
#[doc(hidden)]
pub mod bench;
mod builder;
#[cfg(test)]
mod builder_tests;
mod changes;
mod cleartext;
mod conflict;
mod deb;
mod elsewhere;
mod entrypoint;
#[cfg(test)]
mod fake_archive;
mod fetch;
#[cfg(test)]
mod fixtures;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod image_config;
mod index;
mod index_file;
mod indexes;
mod keyring;
mod layer;
mod local;
mod lock;
mod lock_file;
mod look_up;
mod mark;
mod members;
mod packages;
mod pins;
mod programs;
mod recommends;
mod relation;
mod release;
mod resolve;
mod rootfs;
mod script;
mod segment;
mod shipped;
mod signature;
mod single_flight;
mod solver;
mod sources;
mod stanzas;
mod turn;
mod version;
mod waiting;

pub use archive::{Archive, Update};
pub use builder::{Builder, PackageFiles};
pub use changes::Renewal;
pub use fetch::Fetcher;
pub use keyring::KeyringNote;
pub use layer::layer_of;
pub use lock::{Change, ChangeWarning, Hex, Lock, LockedArchive, LockedBase, LockedPackage, LockedTarget};
pub use lock_file::{is_fresh, read_lock, staleness};
pub use look_up::LookedUp;
pub use programs::Program;
