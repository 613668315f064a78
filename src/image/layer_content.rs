//! What is inside a layer's blob, kept as a record addressed by the blob's digest, so that a blob is read once.
//!
//! A record says nothing about whether a blob is still what its digest says: whoever uses one has hashed the blob, or has
//! just written it. What is wrong with a blob is never recorded.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Compression, Digest, Entries, KeptFile, record};
use crate::Result;

/// Changes whenever the same blob would be described differently: a part of the file name, so older ones are just not found.
const FORMAT: u32 = 6;

/// What one pass over a whole, undamaged blob finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerContent {
    /// How it is compressed.
    pub compression: Compression,
    /// The digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Length of the uncompressed tar.
    pub uncompressed_size: u64,
    /// Every entry, in the order of the tar.
    pub entries: Entries,
    /// Small files whose content checks read, by path.
    pub kept: Vec<(String, KeptFile)>,
}

/// The records of one folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LayerRecords {
    folder: Arc<Path>,
}

impl LayerRecords {
    /// The records in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        LayerRecords { folder: folder.into() }
    }

    /// What is inside the blob `digest`, if that was recorded. A damaged record counts as missing.
    pub fn load(&self, digest: &Digest) -> Option<LayerContent> {
        record::read(&self.path(digest), digest)
    }

    /// Records what is inside the blob `digest`.
    pub fn keep(&self, digest: &Digest, content: &LayerContent) -> Result<()> {
        record::write(&self.path(digest), digest, content)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-v{FORMAT}.json", digest.hex()))
    }
}

/// Blobs of the local store that the present run has written itself or read and found to be what their digests say.
/// Cheap to clone; clones are the same set.
#[derive(Clone, Debug, Default)]
pub struct Witnessed(Arc<Mutex<HashSet<Digest>>>);

impl Witnessed {
    /// Notes that the blob `digest` is as it should be.
    pub fn add(&self, digest: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
    }

    /// Whether it was noted.
    pub fn has(&self, digest: &Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }
}
