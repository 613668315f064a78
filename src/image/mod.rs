//! WHAT was built: digests, descriptors, manifests, configs, indexes, file facts, the local store and references.
//!
//! Knows no other room but [`crate::catalog`]'s [`Architecture`](crate::catalog::Architecture) names.

mod capabilities;
mod compressed;
mod compression;
mod config;
mod descriptor;
mod digest;
mod docker_archive;
mod elf;
mod elf_head;
mod elf_reader;
mod entries;
mod facts;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gzip;
#[allow(clippy::module_inception)]
mod image;
mod index_members;
mod kept_file;
mod layer_content;
mod layout;
mod loader_file;
mod manifest;
mod new_file;
mod oci_types;
mod packages;
mod proofs;
pub mod record;
mod reference;
mod registry_reference;
mod room;
mod script_outcome;
mod shebang;
mod spelling;
mod stamp;
mod store;
mod tar_block;
mod tree;
mod unpacked;

pub use capabilities::{Capabilities, FileCapabilities, ParseCapabilitiesError};
pub use compressed::{CompressedRecords, Compressing};
pub use compression::Compression;
pub use config::{Empty, ExecutionConfig, History, ImageConfig, RootFs};
pub use descriptor::{Descriptor, Platform, media_type};
pub use digest::{Digest, Hasher, HashingWriter, ParseDigestError};
pub use docker_archive::{DockerArchive, write_docker_archive};
pub use elf::{ELF_HEAD, read_elf};
pub use elf_reader::ElfReader;
pub(crate) use entries::MERGED_FOLDER;
pub use entries::{Entries, EntryRef, KindRef};
pub use facts::{Elf, ElfClass, ElfData, ElfKind, Entry, EntryKind, InstalledPackage};
pub use gzip::{GZIP_MEMBER, gzip_member};
pub use image::{Blobs, Image};
pub use index_members::{FoundMember, IndexMember, IndexMembers};
pub use kept_file::{KEPT_TEXTS, KeptFile, MAX_KEPT_TEXT};
pub use layer_content::{LayerContent, LayerRecords, Witnessed};
pub use layout::{images_in_layout, tree_in_layout};
pub use loader_file::{CachedLibrary, LoaderFile, MAX_LOADER_FILE};
pub use manifest::{Index, Manifest};
pub use packages::{MAX_METADATA, Metadata};
pub use proofs::Proofs;
pub use reference::Reference;
pub use registry_reference::RegistryReference;
pub use room::Room;
pub use script_outcome::{ScriptClass, ScriptOutcome, ScriptRecords};
pub use shebang::{SHEBANG_HEAD, read_shebang};
pub use stamp::Stamp;
pub use store::{BlobWriter, REF_NAME, Store, replace_file, replace_with};
pub use tar_block::{BLOCK, padding, pax_record};
pub use tree::{Children, Gathering, RawManifest, Tree};
