//! Where the cache and the state are kept.

use std::path::PathBuf;

use crate::{Error, Result};

/// The two folders both front ends work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Downloads, segments, images; can be deleted at any time.
    pub cache: PathBuf,
    /// Logs and receipts.
    pub state: PathBuf,
}

/// `CATAMARAN_CACHE_DIR` and `CATAMARAN_STATE_DIR`, else where the platform keeps such things.
///
/// # Errors
/// There is neither a variable nor a home directory.
pub fn folders() -> Result<Folders> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let standard = directories::ProjectDirs::from("", "", "catamaran");
    let missing = |what: &str, name: &str| {
        Error::usage(format!("there is no home directory to keep the {what} in")).hint(format!("set {name} to a folder"))
    };
    let cache = variable("CATAMARAN_CACHE_DIR").or_else(|| standard.as_ref().map(|d| d.cache_dir().to_path_buf()));
    // macOS has no state folder of its own.
    let state = variable("CATAMARAN_STATE_DIR")
        .or_else(|| standard.as_ref().map(|d| d.state_dir().unwrap_or_else(|| d.data_local_dir()).to_path_buf()));
    Ok(Folders {
        cache: cache.ok_or_else(|| missing("cache", "CATAMARAN_CACHE_DIR"))?,
        state: state.ok_or_else(|| missing("state", "CATAMARAN_STATE_DIR"))?,
    })
}
