//! The few small files whose content checks read: what they say is kept with the facts of their layer.

use serde::{Deserialize, Serialize};

use super::{InstalledPackage, LoaderFile, MAX_LOADER_FILE, MAX_METADATA, Metadata};

/// Larger texts are not kept. Fifty thousand accounts fit.
const MAX_TEXT: u64 = 2 << 20;

/// What one of these files says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptFile {
    /// passwd(5) or group(5), as it is; bytes that are no UTF-8 became U+FFFD.
    Text(String),
    /// Where a loader finds libraries.
    Loader(LoaderFile),
    /// The installed packages that a packaging system's metadata names.
    Packages(Vec<InstalledPackage>),
}

impl KeptFile {
    /// How long a file at `path` (as in [`super::Entry::path`]) may be to be kept; `None` when what is there is not kept.
    pub fn limit(path: &str) -> Option<u64> {
        if is_text(path) {
            return Some(MAX_TEXT);
        }
        if LoaderFile::is_at(path) {
            return Some(MAX_LOADER_FILE);
        }
        Metadata::of_path(path).map(|_| MAX_METADATA)
    }

    /// What the file at `path` with content `bytes` says; `None` when it is not kept.
    pub fn read(path: &str, bytes: &[u8]) -> Option<Self> {
        Self::limit(path).filter(|limit| bytes.len() as u64 <= *limit && !bytes.starts_with(b"\x7fELF"))?;
        if is_text(path) {
            return Some(KeptFile::Text(String::from_utf8_lossy(bytes).into_owned()));
        }
        if let Some(metadata) = Metadata::of_path(path) {
            return Some(KeptFile::Packages(metadata.read(bytes)));
        }
        LoaderFile::read(path, bytes).map(KeptFile::Loader)
    }

    /// How many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        match self {
            KeptFile::Text(text) => text.len(),
            KeptFile::Loader(file) => file.memory(),
            KeptFile::Packages(packages) => packages
                .iter()
                .map(|package| size_of_val(package) + package.name.len() + package.version.len() + package.architecture.len())
                .sum(),
        }
    }
}

fn is_text(path: &str) -> bool {
    matches!(path, "etc/passwd" | "etc/group")
}
