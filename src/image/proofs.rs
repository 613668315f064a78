//! Which blobs of the store were read and found to be what their digests say, with what their files looked like then.
//!
//! Hashing is nearly all that verifying a known image takes, and most images are verified more than once. A proof spares it for
//! files of our own store that have not been touched since: the same device, inode, length and times ([`Stamp`]). What is
//! elsewhere is hashed every time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Digest, Stamp, record};

/// Changes whenever a stamp is written in another way.
const FORMAT: u32 = 1;

/// The proofs of one folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Proofs {
    folder: Arc<Path>,
}

impl Proofs {
    /// The proofs in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Proofs { folder: folder.into() }
    }

    /// Whether the file that looks like `stamp` was found to hold the blob `digest`.
    pub fn hold(&self, digest: &Digest, stamp: &Stamp) -> bool {
        record::read::<Stamp>(&self.path(digest), digest).is_some_and(|proven| proven == *stamp)
    }

    /// Notes that the file that looks like `stamp` holds the blob `digest`. Nothing is noted of one that was changed just now, nor
    /// when it cannot be written: then the blob is hashed once more.
    pub fn note(&self, digest: &Digest, stamp: &Stamp) {
        if stamp.is_settled() {
            let _ = record::write(&self.path(digest), digest, stamp);
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-v{FORMAT}.json", digest.hex()))
    }
}
