//! `cache info` and `cache prune`: what is kept between runs, and throwing away what nothing needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::engine::{Work, blocking};
use super::event::EventKind;
use super::folders::Folders;
use super::in_use::InUse;
use super::survey::{Stock, Stored, survey};
use crate::debian::{layer_of, read_lock};
use crate::image::{Digest, Store};
use crate::nix::document_of;
use crate::progress::bytes;
use crate::{Error, Result};

/// What nothing needs stays for so long, unless something else is said: other projects, and a way back, may need it.
const USUAL_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Files that could not be removed named in an error.
const NAMED: usize = 3;

/// What to throw away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneRequest {
    /// Only what was not used for so long; 30 days when nothing is said.
    pub older_than: Option<Duration>,
    /// Then more, what was used longest ago first, until no more than so many bytes are left.
    pub max_size: Option<u64>,
    /// Also what the lock of this project needs, whatever its age: it is fetched and made again.
    pub all: bool,
    /// Also the images, of all projects.
    pub images: bool,
    /// Only say what would go.
    pub dry_run: bool,
}

/// How much there is of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stocked {
    /// Of what.
    pub stock: Stock,
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// What lies in the cache and the state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheReport {
    /// Version of this document: 1.
    pub schema: u32,
    /// The cache folder.
    pub cache: PathBuf,
    /// The state folder: logs, receipts, durations.
    pub state: PathBuf,
    /// What there is.
    pub stocks: Vec<Stocked>,
    /// Images by name in the store.
    pub images: usize,
    /// All bytes.
    pub bytes: u64,
}

/// What was thrown away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Version of this document: 1.
    pub schema: u32,
    /// Whether it was only looked at.
    pub dry_run: bool,
    /// What went.
    pub stocks: Vec<Stocked>,
    /// Bytes that went.
    pub bytes: u64,
    /// Bytes that are left.
    pub left: u64,
    /// Why more is left than was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remark: Option<String>,
}

impl Work {
    /// Says what there is.
    pub(super) async fn cache_info(&self) -> Result<()> {
        let folders = self.context.options.folders.clone();
        let report = blocking(move || report(&folders)).await?;
        self.emit(EventKind::CacheSurveyed { report: Arc::new(report) }).await;
        Ok(())
    }

    /// Throws away what nothing needs, once nobody else uses the cache.
    pub(super) async fn prune(&self, request: &PruneRequest) -> Result<()> {
        let folders = self.context.options.folders.clone();
        let _alone = InUse::alone(&folders.cache, &self.token).await?;
        // Without a project no package is needed by one.
        let locked = match self.catalog_path() {
            Ok(path) if !request.all => {
                let lock = read_lock(&path.with_file_name("containers.lock"))?;
                lock.map(|lock| lock.packages.iter().map(|package| package.sha256.0).collect()).unwrap_or_default()
            }
            _ => BTreeSet::new(),
        };
        let (request, token) = (request.clone(), self.token.clone());
        let pruned = blocking(move || {
            let needed = Needed { locked, ..Needed::by_images(&folders, request.images)? };
            let stored = survey(&folders)?;
            let total: u64 = stored.iter().map(|stored| stored.bytes).sum();
            let doomed = doomed(stored, &needed, &request, SystemTime::now());
            if !request.dry_run && request.images && folders.images().exists() {
                // The names go first: nobody may find one whose blobs are gone.
                Store::open_existing(folders.images())?.forget_all()?;
            }
            let (mut gone, mut failed) = (Vec::new(), Vec::new());
            for stored in doomed {
                if token.is_cancelled() {
                    return Err(Error::interrupted());
                }
                match if request.dry_run { Ok(()) } else { fs::remove_file(&stored.path) } {
                    Ok(()) => gone.push(stored),
                    Err(error) => failed.push(format!("{}: {error}", stored.path.display())),
                }
            }
            if !request.dry_run {
                remove_empty(&folders);
            }
            if !failed.is_empty() {
                let some = failed[..failed.len().min(NAMED)].join("; ");
                let more = if failed.len() > NAMED { format!(" and {} more", failed.len() - NAMED) } else { String::new() };
                return Err(Error::failed(format!("not everything could be removed: {some}{more}")).hint("whose are these files?"));
            }
            let went: u64 = gone.iter().map(|stored| stored.bytes).sum();
            let left = total - went;
            let remark = request.max_size.filter(|most| left > *most).map(|most| {
                let keeps =
                    if request.images { "--all takes what containers.lock needs, too" } else { "--all and --images take that, too" };
                format!("more than {} are left: containers.lock and images need them; {keeps}", bytes(most))
            });
            Ok(Pruned { schema: 1, dry_run: request.dry_run, stocks: summed(&gone), bytes: went, left, remark })
        });
        self.emit(EventKind::CachePruned { pruned: Arc::new(pruned.await?) }).await;
        Ok(())
    }
}

/// What lies in `folders`.
pub(super) fn report(folders: &Folders) -> Result<CacheReport> {
    let stored = survey(folders)?;
    let images = match folders.images().exists() {
        true => Store::open_existing(folders.images())?.entries()?.len(),
        false => 0,
    };
    Ok(CacheReport {
        schema: 1,
        cache: folders.cache.clone(),
        state: folders.state.clone(),
        bytes: stored.iter().map(|stored| stored.bytes).sum(),
        stocks: summed(&stored),
        images,
    })
}

fn summed(stored: &[Stored]) -> Vec<Stocked> {
    let of = |stock: Stock| stored.iter().filter(move |stored| stored.stock == stock);
    let all = Stock::ALL.into_iter().map(|stock| Stocked { stock, files: of(stock).count(), bytes: of(stock).map(|s| s.bytes).sum() });
    all.filter(|stocked| stocked.files > 0).collect()
}

/// What has to stay.
#[derive(Debug, Default)]
struct Needed {
    /// Package files that the lock names.
    locked: BTreeSet<Digest>,
    /// Blobs of the images that stay.
    blobs: BTreeSet<Digest>,
    /// Documents in Nix's store that images that stay are made from.
    documents: BTreeSet<PathBuf>,
}

impl Needed {
    /// What the images in the store need; nothing when they go.
    fn by_images(folders: &Folders, none: bool) -> Result<Self> {
        let mut needed = Needed::default();
        if none || !folders.images().exists() {
            return Ok(needed);
        }
        let store = Store::open_existing(folders.images())?;
        for entry in store.entries()? {
            needed.documents.extend(document_of(&entry));
            needed.blobs.insert(entry.digest);
            // Of what cannot be read nobody can say what it needs; it is of no use to anyone either.
            if let Ok(image) = store.image(&entry) {
                needed.blobs.extend(image.manifest.blobs().map(|blob| blob.digest));
            }
        }
        Ok(needed)
    }

    fn has(&self, stored: &Stored) -> bool {
        let named = |digests: &BTreeSet<Digest>| stored.digest.is_none_or(|digest| digests.contains(&digest));
        match stored.stock {
            Stock::Packages | Stock::Segments => named(&self.locked),
            Stock::Images | Stock::Records => named(&self.blobs),
            Stock::Layers => layer_of(&stored.path).is_some_and(|blob| self.blobs.contains(&blob)),
            Stock::NixRoots => fs::read_link(&stored.path).is_ok_and(|to| self.documents.contains(&to)),
            Stock::Releases | Stock::LocalFiles | Stock::Leftovers | Stock::Logs => false,
            Stock::Receipts | Stock::Durations | Stock::Other => true,
        }
    }
}

/// The files that go.
fn doomed(stored: Vec<Stored>, needed: &Needed, request: &PruneRequest, now: SystemTime) -> Vec<Stored> {
    let age = request.older_than.unwrap_or(if request.all { Duration::ZERO } else { USUAL_AGE });
    let mut left: u64 = stored.iter().map(|stored| stored.bytes).sum();
    let mut unneeded: Vec<Stored> = stored.into_iter().filter(|stored| !needed.has(stored)).collect();
    unneeded.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    // What killed processes left, and what is about images that are gone, is of no use at any age.
    let is_useless = |stored: &Stored| matches!(stored.stock, Stock::Leftovers | Stock::Images | Stock::Layers | Stock::NixRoots);
    let is_old = |stored: &Stored| now.duration_since(stored.used).unwrap_or_default() >= age;
    let (mut doomed, others): (Vec<Stored>, Vec<Stored>) = unneeded.into_iter().partition(|stored| is_useless(stored) || is_old(stored));
    left -= doomed.iter().map(|stored| stored.bytes).sum::<u64>();
    for stored in others {
        if request.max_size.is_some_and(|most| left > most) {
            left -= stored.bytes;
            doomed.push(stored);
        }
    }
    doomed
}

/// Removes folders of which nothing is left.
fn remove_empty(folders: &Folders) {
    fn remove(folder: &std::path::Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path());
                // One that is not empty stays.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
    // The layout of the images keeps its shape.
    for folder in [folders.cache.join("nix"), folders.state.join("runs")] {
        remove(&folder);
    }
    for entry in fs::read_dir(&folders.cache).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("rebuild-")) {
            remove(&entry.path());
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
