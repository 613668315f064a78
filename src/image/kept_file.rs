//! The few small files whose content checks read: what they say is kept with the facts of their layer.

use serde::{Deserialize, Serialize};

use super::packages::MAX_PACKAGES;
use super::{InstalledPackage, LoaderFile, MAX_LOADER_FILE, MAX_METADATA, Metadata};

/// Larger texts are not kept. Fifty thousand accounts fit.
pub const MAX_KEPT_TEXT: u64 = 2 << 20;

/// Where the files are whose text is kept: passwd(5) and group(5).
pub const KEPT_TEXTS: [&str; 2] = ["etc/passwd", "etc/group"];

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
            return Some(MAX_KEPT_TEXT);
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
            return Some(metadata.read(bytes)).filter(|packages| packages.len() <= MAX_PACKAGES).map(KeptFile::Packages);
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
    KEPT_TEXTS.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_beyond_reason_are_not_kept() {
        let status = |count: usize| KeptFile::read("var/lib/dpkg/status", "Package:a\n\n".repeat(count).as_bytes());
        assert!(matches!(status(MAX_PACKAGES), Some(KeptFile::Packages(packages)) if packages.len() == MAX_PACKAGES));
        assert_eq!(status(MAX_PACKAGES + 1), None);
        let folders = KeptFile::read("etc/ld.so.conf", "/\n".repeat(1 << 20).as_bytes()).unwrap();
        assert!(folders.memory() < 1 << 20, "{}", folders.memory());
    }

    #[test]
    fn which_files_are_kept() {
        for path in ["etc/passwd", "etc/group", "etc/ld.so.cache", "var/lib/dpkg/status", "lib/apk/db/installed"] {
            assert!(KeptFile::read(path, b"").is_some(), "{path}");
            assert_eq!(KeptFile::read(path, b"\x7fELF"), None, "{path}");
        }
        assert_eq!(KeptFile::read("etc/shadow", b""), None);
    }
}
