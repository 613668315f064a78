//! WHAT was built: digests, descriptors, manifests, configs, indexes, file facts, the local store and references.
//!
//! Knows no other room but [`crate::catalog`]'s [`Architecture`](crate::catalog::Architecture) names.

mod config;
mod descriptor;
mod digest;
mod docker_archive;
mod elf;
mod facts;
#[allow(clippy::module_inception)]
mod image;
mod layout;
mod manifest;
mod reference;
mod store;
mod tree;

pub use config::{Empty, ExecutionConfig, History, ImageConfig, RootFs};
pub use descriptor::{Descriptor, Platform, media_type};
pub use digest::{Digest, Hasher, HashingWriter, ParseDigestError};
pub use docker_archive::{DockerArchive, write_docker_archive};
pub use elf::{ELF_HEAD, read_elf};
pub use facts::{Elf, ElfClass, ElfData, Entry, EntryKind, InstalledPackage};
pub use image::{Blobs, Image};
pub use layout::{images_in_layout, tree_in_layout};
pub use manifest::{Index, Manifest};
pub use reference::{Reference, RegistryReference};
pub use store::{BlobWriter, REF_NAME, Store, replace_file, replace_with};
pub use tree::{Children, Gathering, RawManifest, Tree};
