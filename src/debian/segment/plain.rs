//! What is in segments, uncompressed and on disk: a layer's diff id is a hash of it, and reading costs a tenth of inflating.
//!
//! It is a convenience. Whatever goes wrong with it is not an error, and what is missing is in the members as well.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::member::MEMBER;
use crate::Result;
use crate::error::IoContext;

/// How much of it stays for the next build; what was used longest ago goes first.
const MOST: u64 = 2 << 30;

/// What is in one segment, while it is made.
pub(super) struct Plain {
    file: NamedTempFile,
    failed: AtomicBool,
}

impl Plain {
    /// A new file below `folder`.
    pub(super) fn begin(folder: &Path) -> Result<Self> {
        let file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder).at("creating a segment in", folder)?;
        Ok(Plain { file, failed: AtomicBool::new(false) })
    }

    /// Writes what is in the member `index`, from any thread. A full disk is told by the members, which are needed.
    pub(super) fn write(&self, index: u64, raw: &[u8]) {
        if !self.failed.load(Ordering::Relaxed) && self.file.as_file().write_all_at(raw, index * MEMBER as u64).is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Puts it at `path`.
    pub(super) fn keep(self, path: &Path) {
        if !self.failed.into_inner() {
            let _ = self.file.persist(path);
        }
    }
}

/// Deletes what was used longest ago of all that is in `folder`, until at most [`MOST`] bytes of it are left.
pub(in super::super) fn trim(folder: &Path) {
    trim_to(folder, MOST);
}

fn trim_to(folder: &Path, most: u64) {
    let Ok(listed) = fs::read_dir(folder) else { return };
    let plain = listed.flatten().filter(|file| file.path().extension().is_some_and(|suffix| suffix == "tar"));
    let mut files: Vec<_> = plain
        .filter_map(|file| {
            let meta = file.metadata().ok()?;
            Some((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len(), file.path()))
        })
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    let mut kept = 0u64;
    for (_, length, path) in files {
        kept = kept.saturating_add(length);
        if kept > most {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [("a.tar", 3), ("b.tar", 1), ("c.tar", 2), ("d.gz", 9)] {
            fs::write(folder.path().join(name), [0; 100]).unwrap();
            let used = SystemTime::now() - Duration::from_secs(age);
            File::open(folder.path().join(name)).unwrap().set_modified(used).unwrap();
        }
        let left = |most| {
            trim_to(folder.path(), most);
            let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(300), ["a.tar", "b.tar", "c.tar", "d.gz"]);
        assert_eq!(left(299), ["b.tar", "c.tar", "d.gz"]);
        assert_eq!(left(0), ["d.gz"]);
    }
}
