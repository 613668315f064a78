//! What tells that a file was not changed since it was read: device, inode, length and times.
//!
//! Whoever writes to a file in place changes its ctime, which no program can set (inode(7)); whoever puts another file there
//! changes the inode. What this cannot see is a medium that gives other bytes than were written.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A file changed less than this long ago, in seconds, may change again without its times changing (git's "racy" files).
const SETTLED: i64 = 2;

/// How a file looked when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    /// Its length in bytes.
    pub size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// How a file with this `metadata` looks.
    pub fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file was last changed so long ago that any change from now on shows in its times.
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(0));
        now - self.modified.0.max(self.changed.0) > SETTLED
    }
}
