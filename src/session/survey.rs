//! What lies in the cache and the state folder: every file, what it is, how long it is, and when it was used last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::folders::Folders;
use super::in_use::NAME as IN_USE;
use crate::image::Digest;
use crate::{Error, Result};

/// How deep folders are gone into; ours have five levels.
const DEPTH: usize = 12;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stock {
    /// Releases and package indexes of archives.
    Releases,
    /// Package files, as they were fetched.
    Packages,
    /// What was made of packages, for layers.
    Segments,
    /// Which layer a recipe has made.
    Layers,
    /// What is known of layers and images: their content, that they were hashed, what they were compressed to, what scripts did.
    Records,
    /// Hashes of large local files.
    LocalFiles,
    /// Images: an OCI image layout.
    Images,
    /// What keeps images of Nix in Nix's store.
    NixRoots,
    /// What killed processes were writing.
    Leftovers,
    /// Logs of past runs.
    Logs,
    /// Receipts of releases.
    Receipts,
    /// How long builds took.
    Durations,
    /// Not ours, as far as can be told.
    Other,
}

impl Stock {
    /// All, in the order in which they are shown.
    pub const ALL: [Stock; 13] = [
        Stock::Releases,
        Stock::Packages,
        Stock::Segments,
        Stock::Layers,
        Stock::Records,
        Stock::LocalFiles,
        Stock::Images,
        Stock::NixRoots,
        Stock::Leftovers,
        Stock::Logs,
        Stock::Receipts,
        Stock::Durations,
        Stock::Other,
    ];

    /// What it is, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Stock::Releases => "releases and package indexes",
            Stock::Packages => "package files",
            Stock::Segments => "packages made ready for layers",
            Stock::Layers => "recipes of layers",
            Stock::Records => "what is known of layers",
            Stock::LocalFiles => "hashes of local files",
            Stock::Images => "images",
            Stock::NixRoots => "roots of Nix",
            Stock::Leftovers => "left by killed processes",
            Stock::Logs => "logs",
            Stock::Receipts => "receipts of releases",
            Stock::Durations => "how long builds took",
            Stock::Other => "other files",
        }
    }
}

/// One file, or link.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub stock: Stock,
    pub path: PathBuf,
    /// What it is called by: of a package file and a segment the SHA-256 of the package, of a blob its own, of a record the digest of what
    /// it is about.
    pub digest: Option<Digest>,
    pub bytes: u64,
    /// When it was written, or used last where that is noted.
    pub used: SystemTime,
}

/// Everything in the cache and the state folder.
///
/// # Errors
/// A folder that is there cannot be read.
pub(super) fn survey(folders: &Folders) -> Result<Vec<Stored>> {
    let mut found = Vec::new();
    walk(&folders.cache, Path::new(""), 0, &of_cache, &mut found)?;
    walk(&folders.state, Path::new(""), 0, &of_state, &mut found)?;
    // A package is used with what was made of it.
    let mut last: BTreeMap<Digest, SystemTime> = BTreeMap::new();
    let of_package = |stored: &Stored| stored.digest.filter(|_| matches!(stored.stock, Stock::Packages | Stock::Segments));
    for stored in &found {
        if let Some(digest) = of_package(stored) {
            let newest = last.entry(digest).or_insert(stored.used);
            *newest = stored.used.max(*newest);
        }
    }
    for stored in &mut found {
        if let Some(newest) = of_package(stored).and_then(|digest| last.get(&digest)) {
            stored.used = *newest;
        }
    }
    Ok(found)
}

type Classify = dyn Fn(&Path) -> (Stock, Option<Digest>);

fn walk(root: &Path, inside: &Path, depth: usize, classify: &Classify, found: &mut Vec<Stored>) -> Result<()> {
    let folder = root.join(inside);
    let unreadable = |error: std::io::Error| Error::failed(format!("reading {}", folder.display())).source(error);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let inside = inside.join(entry.file_name());
        if inside == Path::new(IN_USE) {
            continue;
        }
        // Others may be at work: what is gone by now is not there.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            if depth < DEPTH {
                walk(root, &inside, depth + 1, classify, found)?;
            }
            continue;
        }
        let (stock, digest) = classify(&inside);
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        found.push(Stored { stock, digest, path: entry.path(), bytes: metadata.len(), used });
    }
    Ok(())
}

/// What the file at `path` of the cache is.
fn of_cache(path: &Path) -> (Stock, Option<Digest>) {
    let parts: Vec<&str> =
        path.components().filter_map(|part| if let Component::Normal(name) = part { name.to_str() } else { None }).collect();
    let name = parts.last().copied().unwrap_or_default();
    let stem = name.split(['.', '-']).next().unwrap_or_default();
    let digest = Digest::from_hex(stem).ok();
    let ours = |stock: Stock| digest.map_or((Stock::Other, None), |digest| (stock, Some(digest)));
    if name.starts_with(".new-") || parts.first().is_some_and(|first| first.starts_with("rebuild-")) {
        return (Stock::Leftovers, None);
    }
    match parts[..] {
        ["debian", "releases", _] => (Stock::Releases, None),
        ["debian", "packages", _] => ours(Stock::Packages),
        ["debian", "segments", _] if name.ends_with(".lock") => (Stock::Leftovers, None),
        ["debian", "segments", _] => ours(Stock::Segments),
        ["debian", "layers", _] if name.ends_with(".lock") => (Stock::Leftovers, None),
        ["debian", "layers", _] => ours(Stock::Layers),
        ["debian", "scripts", _] | ["content" | "proofs" | "compressed", _] => ours(Stock::Records),
        ["debian", "local", _] => ours(Stock::LocalFiles),
        ["images", "blobs", "sha256", _] => ours(Stock::Images),
        ["images", _] => (Stock::Images, None),
        ["nix", "roots", ..] => (Stock::NixRoots, None),
        _ => (Stock::Other, None),
    }
}

/// What the file at `path` of the state folder is.
fn of_state(path: &Path) -> (Stock, Option<Digest>) {
    let first = path.components().next().map(|part| part.as_os_str().to_owned()).unwrap_or_default();
    let stock = match first.to_str() {
        Some("runs") => Stock::Logs,
        Some("receipts") => Stock::Receipts,
        Some("durations") => Stock::Durations,
        _ => Stock::Other,
    };
    (stock, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_where_they_are_and_others_are_left_alone() {
        let hex = "a".repeat(64);
        let stock = |path: &str| of_cache(Path::new(&path.replace("HEX", &hex))).0;
        assert_eq!(stock("debian/packages/HEX.deb"), Stock::Packages);
        assert_eq!(stock("debian/packages/HEX.part"), Stock::Packages);
        assert_eq!(stock("debian/segments/HEX-v7.gz.json"), Stock::Segments);
        assert_eq!(stock("debian/segments/HEX-v7.gz.lock"), Stock::Leftovers);
        assert_eq!(stock("debian/scripts/HEX-v1.json"), Stock::Records);
        assert_eq!(stock("images/blobs/sha256/HEX"), Stock::Images);
        assert_eq!(stock("images/index.json"), Stock::Images);
        assert_eq!(stock("content/.new-abc"), Stock::Leftovers);
        assert_eq!(stock("rebuild-x1/debian/layers/HEX.json"), Stock::Leftovers);
        assert_eq!(stock("nix/roots/home/me/fd/x86_64"), Stock::NixRoots);
        for other in ["debian/packages/mine.deb", "photos/HEX", "HEX", "debian/HEX", "images/blobs/sha512/HEX"] {
            assert_eq!(stock(other), Stock::Other, "{other}");
        }
        assert_eq!(of_state(Path::new("receipts/x.json")).0, Stock::Receipts);
    }

    #[test]
    fn a_package_is_as_young_as_what_was_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders { cache: folder.path().join("c"), state: folder.path().join("s"), config: folder.path().join("f") };
        assert!(survey(&folders).unwrap().is_empty());
        let hex = "b".repeat(64);
        for (file, age) in [(format!("packages/{hex}.deb"), 900), (format!("segments/{hex}-v7.tar"), 9)] {
            let path = folders.cache.join("debian").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            fs::File::open(&path).unwrap().set_modified(SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
        }
        let found = survey(&folders).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].used, found[1].used);
    }
}
