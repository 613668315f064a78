//! What events carry: how something ended, what an image is in numbers, what the catalog and the store know of a target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Architecture, BuilderKind, Target};
use crate::error::Kind;
use crate::image::{Digest, ImageConfig, InstalledPackage, Platform};
use crate::verify::ListedFile;

/// An error, as an event carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort.
    pub kind: Kind,
    /// What happened, to what.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl From<&crate::Error> for Failure {
    fn from(error: &crate::Error) -> Self {
        Failure { kind: error.kind(), message: error.message(), hint: error.advice().map(str::to_owned) }
    }
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A new image was made.
    Succeeded {
        /// The image.
        image: BuiltImage,
    },
    /// Nothing had changed; the image was there.
    Cached {
        /// The image.
        image: BuiltImage,
    },
    /// It failed.
    Failed(Failure),
    /// The user stopped it.
    Cancelled,
}

/// An image in the local store, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltImage {
    /// The manifest's digest.
    pub digest: Digest,
    /// Manifest, config and compressed layers, in bytes.
    pub size: u64,
    /// Layers.
    pub layers: usize,
    /// Packages, when the builder knows.
    pub packages: usize,
    /// What runs, as its config says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
}

/// One target, as the catalog and the local store know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// Which.
    #[serde(flatten)]
    pub target: Target,
    /// Who builds it.
    pub builder: BuilderKind,
    /// The packages asked for.
    pub packages: Vec<String>,
    /// What runs, as far as the catalog says; a flake leaves that to its images.
    pub entrypoint: Vec<String>,
    /// Line of `containers.toml` that defines the container.
    pub line: usize,
    /// How long its build takes, in milliseconds: the median of the last ten that made something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<u64>,
    /// What the local store has.
    #[serde(flatten)]
    pub state: ImageState,
}

/// What the local store has of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ImageState {
    /// Nothing.
    #[default]
    Never,
    /// An image of what the definition and the lock say now.
    Built {
        /// The image.
        image: BuiltImage,
        /// Its checks passed when it was built.
        verified: bool,
    },
    /// An image of an earlier definition or lock.
    Stale {
        /// The image.
        image: BuiltImage,
    },
}

/// What was published last of a container, as a receipt tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPublished {
    /// The version.
    pub version: String,
    /// When it was proven, RFC 3339 UTC.
    pub at: String,
    /// How long that was ago when the catalog was read, in seconds.
    pub age: u64,
    /// What its version names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// Its images' manifests.
    pub images: BTreeMap<Architecture, Digest>,
    /// Its tags, and what they name.
    pub tags: BTreeMap<String, Digest>,
}

/// The files of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Version of this document: 1.
    pub schema: u32,
    /// What was asked for.
    pub subject: String,
    /// The target, when it is one of ours.
    pub target: Option<Target>,
    /// The manifest's digest.
    pub digest: Digest,
    /// The platform the config claims.
    pub platform: Platform,
    /// The merged file system, by path.
    pub files: Vec<ListedFile>,
}

/// What an image says and holds, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Version of this document: 1.
    pub schema: u32,
    /// What was asked for.
    pub subject: String,
    /// The target, when it is one of ours.
    pub target: Option<Target>,
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: String,
    /// The platform the config claims.
    pub platform: Platform,
    /// Bytes of everything.
    pub size: u64,
    /// The config.
    pub config: ImageConfig,
    /// The layers, base first.
    pub layers: Vec<LayerSummary>,
    /// The packages its metadata names, by name.
    pub packages: Vec<InstalledPackage>,
    /// The manifest's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An image that is not held against another, although it could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// Which: the reference as the user gave it, with the platform for a member of an index.
    pub subject: String,
    /// Why not.
    pub why: String,
}

/// One layer, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// Compressed digest.
    pub digest: Digest,
    /// Uncompressed digest, when the config lists one.
    pub diff_id: Option<Digest>,
    /// Media type.
    pub media_type: String,
    /// Compressed bytes.
    pub size: u64,
    /// How it came about.
    pub created_by: Option<String>,
    /// Entries in its tar; `None` where it was not looked into.
    pub entries: Option<usize>,
}
