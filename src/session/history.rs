//! What past runs tell about the next one: how long a target's build takes, and what was published last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::folders::Folders;
use super::payload::LastPublished;
use crate::catalog::{Catalog, ContainerName, Target};
use crate::image::{Digest, replace_file};
use crate::read_at_most::read_at_most;
use crate::release::{PublishedContainer, Purpose, Receipt};

/// Builds of a target that are remembered: the median of ten forgets a slow network soon enough.
const REMEMBERED: usize = 10;
/// A file of durations larger than this is not one of ours.
const MAX_DURATIONS: u64 = 4 << 20;
/// Receipts that are looked through, newest first.
const MAX_RECEIPTS: usize = 200;
/// A receipt larger than this is not looked at here.
const MAX_RECEIPT: u64 = 8 << 20;

/// How long builds of one catalog's targets took, in milliseconds, oldest first.
#[derive(Debug, Default)]
pub(super) struct Durations {
    path: PathBuf,
    by_target: BTreeMap<String, VecDeque<u64>>,
}

impl Durations {
    /// What is remembered of `catalog`; nothing when there is no file or it cannot be understood.
    pub(super) fn read(folders: &Folders, catalog: &Catalog) -> Self {
        let whose = std::path::absolute(&catalog.path).unwrap_or_else(|_| catalog.path.clone());
        let name = Digest::of(whose.as_os_str().as_encoded_bytes()).short();
        let path = folders.state.join("durations").join(format!("{name}.json"));
        let bytes = read_at_most(&path, MAX_DURATIONS).ok().flatten().unwrap_or_default();
        Durations { path, by_target: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// The median of the builds of `target` that are remembered.
    pub(super) fn usual(&self, target: &Target) -> Option<u64> {
        let mut all: Vec<u64> = self.by_target.get(&target.to_string())?.iter().copied().collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    }

    /// Remembers builds that made something. That it cannot be written hurts nobody but the next estimate.
    pub(super) fn remember(mut self, took: impl IntoIterator<Item = (Target, u64)>) {
        let mut changed = false;
        for (target, took) in took {
            let of_it = self.by_target.entry(target.to_string()).or_default();
            of_it.push_back(took);
            of_it.drain(..of_it.len().saturating_sub(REMEMBERED));
            changed = true;
        }
        if let (true, Ok(bytes)) = (changed, serde_json::to_vec(&self.by_target)) {
            let _ = replace_file(&self.path, &bytes);
        }
    }
}

/// Versions and other tags that were published last from this machine, each with its containers, for whoever is to type one.
pub fn published_tags(catalog: &Catalog) -> BTreeMap<String, Vec<ContainerName>> {
    let mut tags: BTreeMap<String, Vec<ContainerName>> = BTreeMap::new();
    let Ok(folders) = Folders::of_user() else { return tags };
    for (container, last) in last_published(&folders, catalog) {
        // Those of single architectures are made of the version.
        let of_one = |tag: &String| tag.strip_prefix(&last.version).is_some_and(|rest| rest.starts_with('-'));
        for tag in last.tags.into_keys().filter(|tag| !of_one(tag)) {
            tags.entry(tag).or_default().push(container.clone());
        }
    }
    tags
}

/// What was published last of each container of `catalog`, at the place where it would be published now.
pub(super) fn last_published(folders: &Folders, catalog: &Catalog) -> BTreeMap<ContainerName, LastPublished> {
    let mut found = BTreeMap::new();
    let Some(host) = &catalog.registry.host else { return found };
    let mut wanted: BTreeSet<&ContainerName> = catalog.containers.iter().map(|c| &c.name).collect();
    for path in newest(&folders.receipts()) {
        if wanted.is_empty() {
            break;
        }
        let Ok(Some(bytes)) = read_at_most(&path, MAX_RECEIPT) else { continue };
        let Ok(receipt) = serde_json::from_slice::<Receipt>(&bytes) else { continue };
        if receipt.purpose == Purpose::Digests {
            continue; // no tag was set
        }
        let age =
            receipt.finished.parse().map_or(0, |then: jiff::Timestamp| (jiff::Timestamp::now().as_second() - then.as_second()).max(0));
        for (container, last) in LastPublished::of(&receipt, age as u64) {
            let repository = format!("{host}/{}", catalog.registry.repository_of(&container));
            let there = receipt.containers.iter().any(|c| c.container == container && c.repository == repository);
            if there && wanted.remove(&container) {
                found.insert(container, last);
            }
        }
    }
    found
}

impl LastPublished {
    /// What `receipt`, which is `age` seconds old, tells of each container.
    pub(super) fn of(receipt: &Receipt, age: u64) -> Vec<(ContainerName, Self)> {
        let of_one = |container: &PublishedContainer| LastPublished {
            version: receipt.version.clone(),
            at: receipt.finished.clone(),
            age,
            digest: container.digest,
            images: container.images.iter().map(|image| (image.target.architecture, image.digest)).collect(),
            tags: container.tags.iter().map(|tag| (tag.tag.clone(), tag.digest)).collect(),
        };
        receipt.containers.iter().map(|container| (container.container.clone(), of_one(container))).collect()
    }
}

/// The receipts of `folder`, newest first: their names begin with the time.
fn newest(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    paths.sort_unstable_by(|a, b| b.cmp(a));
    paths.truncate(MAX_RECEIPTS);
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::Platform;
    use crate::release::{PublishedImage, PublishedTag, TagChange};

    fn place() -> (tempfile::TempDir, Folders, Catalog) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("containers.toml");
        std::fs::write(
            &path,
            "[registry]\nhost = \"r.example\"\nrepository = \"x/{container}\"\n[defaults]\ntargets = [\"x86_64\"]\n[containers.fd]\npackages = [\"fd-find\"]\n",
        )
        .unwrap();
        let folders = Folders { cache: place.path().join("cache"), state: place.path().join("state"), config: place.path().join("config") };
        let catalog = crate::catalog::load(&path).unwrap();
        (place, folders, catalog)
    }

    #[test]
    fn the_usual_time_is_the_median_of_the_last_ten() {
        let (_place, folders, catalog) = place();
        let fd = Target::new("fd", Architecture::X86_64);
        assert_eq!(Durations::read(&folders, &catalog).usual(&fd), None);
        for took in [900_000, 900_000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] {
            Durations::read(&folders, &catalog).remember([(fd.clone(), took)]);
        }
        assert_eq!(Durations::read(&folders, &catalog).usual(&fd), Some(6));
        let file = newest(&folders.state.join("durations")).remove(0);
        std::fs::write(file, "{\"fd/x86_64\": [\"x\"]}").unwrap();
        assert_eq!(Durations::read(&folders, &catalog).usual(&fd), None, "what cannot be understood counts as nothing");
    }

    #[test]
    fn the_newest_receipt_of_the_same_place_counts() {
        let (_place, folders, catalog) = place();
        let keep = |version: &str, finished: &str, repository: &str| {
            let target = Target::new("fd", Architecture::X86_64);
            let (digest, platform) = (Digest::of(version.as_bytes()), Platform::linux(Architecture::X86_64));
            let receipt = Receipt {
                schema: 1,
                purpose: Purpose::Release,
                version: version.into(),
                registry: "r.example".into(),
                started: finished.into(),
                finished: finished.into(),
                accepted_warnings: vec![],
                reason: None,
                containers: vec![PublishedContainer {
                    container: "fd".into(),
                    repository: repository.into(),
                    digest: Some(digest),
                    images: vec![PublishedImage { target, platform, digest, size: 1, waived: vec![] }],
                    tags: vec![PublishedTag { tag: version.into(), digest, change: TagChange::New }],
                }],
                uploaded_bytes: 1,
                uploaded_blobs: 1,
                present_blobs: 0,
            };
            receipt.keep(&folders.state).unwrap();
        };
        assert!(last_published(&folders, &catalog).is_empty());
        keep("1.0.0", "2026-11-01T00:00:00Z", "r.example/x/fd");
        keep("1.1.0", "2026-11-02T00:00:00Z", "r.example/x/fd");
        keep("9.0.0", "2026-11-03T00:00:00Z", "elsewhere.example/x/fd");
        std::fs::write(folders.receipts().join("20261104T000000Z-torn.json"), "{").unwrap();
        let last = last_published(&folders, &catalog);
        let fd = &last[&ContainerName::from("fd")];
        assert_eq!((fd.version.as_str(), fd.tags["1.1.0"]), ("1.1.0", Digest::of(b"1.1.0")));
    }
}
