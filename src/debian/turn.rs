//! Turns between processes: what two builds want at the same time is made by one of them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{IoContext, io_error};
use crate::{Error, Result};

/// How often a waiting process looks again.
const PAUSE: Duration = Duration::from_millis(5);

/// The turn to make one thing; over when dropped. The system ends the turn of a process that dies.
#[derive(Debug)]
pub(super) struct Turn {
    path: PathBuf,
    _file: File,
}

impl Turn {
    /// Waits for the turn to make `what`, a path in the cache. To be called on a blocking thread.
    ///
    /// Whoever had the turn before may have made it: look again once you have the turn.
    pub(super) fn take(what: &Path, cancel: &CancellationToken) -> Result<Self> {
        let path = what.with_extension("lock");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).at("creating", folder)?;
        }
        loop {
            if cancel.is_cancelled() {
                return Err(Error::interrupted());
            }
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).at("opening", &path)?;
            match file.try_lock() {
                // The file may have been removed between opening and locking, and another be there now.
                Ok(()) if is_at(&file, &path) => return Ok(Turn { path, _file: file }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(io_error(error, "locking", &path)),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Removed while it is still locked: whoever waits for it sees that it is gone and opens the next.
        let _ = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    file.metadata().is_ok_and(|mine| fs::metadata(path).is_ok_and(|there| (mine.dev(), mine.ino()) == (there.dev(), there.ino())))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn only_one_has_the_turn_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (what, inside, cancel) = (folder.path().join("x.gz"), AtomicU32::new(0), CancellationToken::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let _turn = Turn::take(&what, &cancel).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn who_waits_can_be_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let (what, cancel) = (folder.path().join("x.gz"), CancellationToken::new());
        let _turn = Turn::take(&what, &cancel).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Turn::take(&what, &cancel));
            cancel.cancel();
            assert!(waiting.join().unwrap().unwrap_err().is_interrupted());
        });
    }
}
