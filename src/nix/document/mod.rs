//! The image document of nix2container (`types/types.go`): what `nix build` of an image leaves, one JSON file that says of which store
//! paths each layer is made, and what its digest has to be.
//!
//! Every version since January 2022 is read; which key is absent in which is said where it is read.

mod config;
mod escape;
mod json;
mod read;
#[cfg(any(test, fuzzing))]
mod write;

use std::path::PathBuf;
use std::sync::Arc;

pub(super) use config::config_blob;
pub(super) use escape::to_bytes;

use crate::image::{Digest, ExecutionConfig, History};

/// An image, as nix2container describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// How it runs.
    pub config: ExecutionConfig,
    /// Base first.
    pub layers: Vec<Layer>,
    /// GOARCH; empty in what `pullImage` leaves.
    pub architecture: String,
    /// RFC 3339, as Go writes it.
    pub created: Option<String>,
    /// Keys that neither we nor nix2container's own reader know, and that cannot change a layer: they are left out of the image.
    pub ignored: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Of the blob as it is stored.
    pub digest: Digest,
    /// Of its tar.
    pub diff_id: Digest,
    /// In bytes; `None` where the document does not know, as for every layer of `pullImage`.
    pub size: Option<u64>,
    /// The blob's media type.
    pub media_type: String,
    /// Where its bytes come from.
    pub content: Content,
    /// How it came about; `None` in documents from before August 2024.
    pub history: Option<History>,
}

/// Where a layer's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A file that is the blob. It counts even where the store paths are told too: layers that are not reproducible have both, and
    /// those paths need not be what is in the file.
    File(PathBuf),
    /// A tar is made of these, in this order.
    Paths(Arc<[StorePath]>),
}

/// One store path of a layer, with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePath {
    /// Absolute, or relative to the folder the program runs in.
    pub path: String,
    /// What is changed on the way into the tar.
    pub options: Options,
}

/// What is changed on the way from the store into the tar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Other names.
    pub rewrite: Option<Rewrite>,
    /// Other modes and owners, each on top of the ones before it.
    pub perms: Vec<Perm>,
}

/// Every match of `regex` in a path becomes `repl`; a path of which nothing is left is not in the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// In the syntax of RE2; never empty.
    pub regex: String,
    /// With `$1` and `${name}` for groups.
    pub repl: String,
}

/// Mode and owner of everything whose path in the store `regex` matches somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Perm {
    /// In the syntax of RE2.
    pub regex: String,
    /// In octal digits; empty leaves it as it is.
    pub mode: String,
    /// The owner's id.
    pub uid: i64,
    /// The group's id.
    pub gid: i64,
    /// The owner's name; empty leaves it as it is.
    pub uname: String,
    /// The group's name; empty leaves it as it is.
    pub gname: String,
}
