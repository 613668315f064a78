//! Where things are kept on disk (`directories` decides, two variables override).

use std::path::PathBuf;

use crate::{Error, Result};

/// The folders of one user.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Can be deleted at any time: `debian/`, `images/`.
    pub cache: PathBuf,
    /// What happened: `runs/`, `receipts/`.
    pub state: PathBuf,
    /// What the user wrote: `config.toml`, `themes/`.
    pub config: PathBuf,
}

impl Folders {
    /// The folders of the current user: XDG's on Linux, the platform's own elsewhere. `CATAMARAN_CACHE_DIR` and
    /// `CATAMARAN_STATE_DIR` come first.
    pub fn of_user() -> Result<Self> {
        let project = directories::ProjectDirs::from("dev", "catamaran", "catamaran");
        let choose = |variable: &str, usual: Option<PathBuf>| {
            let named = std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
            named.or(usual).ok_or_else(|| Error::usage("this user has no home folder").hint(format!("set {variable} to a writable folder")))
        };
        let state = project.as_ref().map(|p| p.state_dir().unwrap_or_else(|| p.data_local_dir()).to_owned());
        Ok(Folders {
            cache: choose("CATAMARAN_CACHE_DIR", project.as_ref().map(|p| p.cache_dir().to_owned()))?,
            state: choose("CATAMARAN_STATE_DIR", state)?,
            config: choose("CATAMARAN_CONFIG_DIR", project.as_ref().map(|p| p.config_dir().to_owned()))?,
        })
    }

    /// The local image store: an OCI image layout.
    pub fn images(&self) -> PathBuf {
        self.cache.join("images")
    }

    /// Records of what is inside layers, by their digests.
    pub fn content(&self) -> PathBuf {
        self.cache.join("content")
    }

    /// Which blobs of the images were hashed, and how their files looked then.
    pub fn proofs(&self) -> PathBuf {
        self.cache.join("proofs")
    }

    /// Records of what plain layers became when they were compressed, by their digests.
    pub fn compressed(&self) -> PathBuf {
        self.cache.join("compressed")
    }

    /// What became of the package scripts of the images we built, by their digests.
    pub fn scripts(&self) -> PathBuf {
        self.cache.join("debian/scripts")
    }

    /// The receipts of past publications.
    pub fn receipts(&self) -> PathBuf {
        self.state.join("receipts")
    }
}
