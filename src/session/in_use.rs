//! Who uses the cache: every run that does shares a lock on it, and nothing is thrown away before nobody does.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::error::{IoContext, io_error};
use crate::{Error, Result};

/// How often a waiting run looks again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long runs that end just now are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The use of a cache; over when dropped, or when its process ends.
#[derive(Debug)]
pub(super) struct InUse {
    _file: File,
}

impl InUse {
    /// Shares the cache with all others; waits while somebody throws things away. `None` where a cache cannot be written to, and so
    /// nothing can be thrown away either.
    ///
    /// # Errors
    /// It was cancelled.
    pub(super) async fn shared(cache: &Path, cancel: &CancellationToken) -> Result<Option<Self>> {
        match open(cache) {
            Ok(file) => Self::share(file, cancel).await,
            Err(_) => Ok(None),
        }
    }

    /// The same for who only reads: where nobody has used a cache yet there is nothing to keep, and nothing is written there.
    ///
    /// # Errors
    /// It was cancelled.
    pub(super) async fn reading(cache: &Path, cancel: &CancellationToken) -> Result<Option<Self>> {
        match File::options().write(true).open(cache.join(NAME)) {
            Ok(file) => Self::share(file, cancel).await,
            Err(_) => Ok(None),
        }
    }

    async fn share(file: File, cancel: &CancellationToken) -> Result<Option<Self>> {
        loop {
            match file.try_lock_shared() {
                Ok(()) => return Ok(Some(InUse { _file: file })),
                Err(TryLockError::WouldBlock) => {}
                // A file system without locks.
                Err(TryLockError::Error(_)) => return Ok(None),
            }
            if cancel.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return Err(Error::interrupted());
            }
        }
    }

    /// Keeps everybody else out.
    ///
    /// # Errors
    /// Somebody uses the cache, or it was cancelled.
    pub(super) async fn alone(cache: &Path, cancel: &CancellationToken) -> Result<Self> {
        let file = open(cache)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(InUse { _file: file }),
                Err(TryLockError::WouldBlock) if began.elapsed() > PATIENCE => {
                    return Err(Error::failed(format!("the cache is in use: another catamaran is at work with {}", cache.display()))
                        .hint("nothing was removed; try again when it is done"));
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(io_error(error, "locking", &cache.join(NAME))),
            }
            if cancel.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return Err(Error::interrupted());
            }
        }
    }
}

/// The file that is locked.
pub(super) const NAME: &str = ".in-use";

fn open(cache: &Path) -> Result<File> {
    fs::create_dir_all(cache).at("creating", cache)?;
    let path = cache.join(NAME);
    File::options().create(true).truncate(false).write(true).open(&path).at("opening", &path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_share_and_one_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cancel = CancellationToken::new();
        assert!(InUse::reading(folder.path(), &cancel).await.unwrap().is_none());
        assert!(!folder.path().join(NAME).exists());
        let first = InUse::shared(folder.path(), &cancel).await.unwrap().unwrap();
        let second = InUse::reading(folder.path(), &cancel).await.unwrap();
        assert!(second.is_some());
        drop(second);
        let error = InUse::alone(folder.path(), &cancel).await.unwrap_err();
        assert!(error.message().contains("in use") && error.advice().unwrap().contains("nothing was removed"), "{error}");
        drop(first);
        let alone = InUse::alone(folder.path(), &cancel).await.unwrap();
        let waiting = InUse::shared(folder.path(), &cancel);
        assert!(tokio::time::timeout(PAUSE * 3, waiting).await.is_err());
        cancel.cancel();
        assert!(InUse::shared(folder.path(), &cancel).await.unwrap_err().is_interrupted());
        drop(alone);
    }
}
