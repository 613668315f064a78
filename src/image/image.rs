//! The seam between builders and everything after them: an [`Image`] is a config, a manifest and blobs.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Descriptor, ImageConfig, IndexMembers, Manifest, Platform, Stamp};
use crate::{Error, Result};

/// Where an image's blobs can be read: the local store, a registry, or regenerated from Nix store paths.
pub trait Blobs: fmt::Debug + Send + Sync {
    /// Opens a blob as a stream from its beginning. Called on blocking threads only; the reader does not check the
    /// digest, whoever relies on the content does.
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>>;

    /// The file that holds it, where a blob is a file of its own that its user may remove.
    fn file(&self, _blob: &Descriptor) -> Option<PathBuf> {
        None
    }

    /// How the file looks that holds just this blob, when there is one.
    fn stamp(&self, _blob: &Descriptor) -> Option<Stamp> {
        None
    }

    /// Why what was read of `blob` was not what its descriptor says, where more is known than that. May read a lot: for whoever has found
    /// it so.
    fn why_other(&self, _blob: &Descriptor) -> Option<Error> {
        None
    }
}

/// One image: what it says (config, manifest) and what it holds (blobs). Cheap to clone.
///
/// Push, verify, copy and compare take an `Image` and never ask who built it.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifest's descriptor; its digest identifies the image. May carry the platform an index claims for it.
    pub descriptor: Descriptor,
    /// The index it came out of, when it was read through one.
    pub index: Option<Arc<IndexMembers>>,
    /// The manifest, parsed.
    pub manifest: Arc<Manifest>,
    /// The manifest's exact bytes.
    pub manifest_bytes: Arc<[u8]>,
    /// The config, parsed.
    pub config: Arc<ImageConfig>,
    /// The config's exact bytes.
    pub config_bytes: Arc<[u8]>,
    /// Where the blobs are.
    pub blobs: Arc<dyn Blobs>,
}

impl Image {
    /// The platform the config claims.
    pub fn platform(&self) -> Platform {
        self.config.platform()
    }

    /// Bytes of manifest, config and compressed layers together, as their descriptors claim.
    pub fn size(&self) -> u64 {
        Descriptor::total(std::iter::once(&self.descriptor).chain(self.manifest.blobs()))
    }
}
