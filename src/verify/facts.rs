//! Everything the checks want to know about an image, gathered in one pass over each layer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::known::Known;
use super::linked_texts::{self, LinkedText};
use super::rootfs::{Lookup, MergedRoot};
use super::scan::LayerFacts;
use super::usage::Usage;
use crate::image::{Digest, Image, InstalledPackage, KeptFile};
use crate::progress::{Progress, Unit};
use crate::{Error, Result};

/// The facts of an image's layers.
#[derive(Clone, Debug, Default)]
pub struct ImageFacts {
    /// The layers, base first, as the manifest lists them; one listed twice is scanned once.
    pub layers: Vec<Arc<LayerFacts>>,
    /// Texts that are somewhere else than where they are looked for.
    pub linked_texts: Vec<LinkedText>,
}

impl ImageFacts {
    /// Scans every layer of `image`, as many at once as there are cores. To be called on a blocking thread.
    ///
    /// Damaged content becomes a fact. Errors: an unreachable registry, or `cancelled` said so.
    pub fn gather(image: &Image, progress: &dyn Progress, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Self> {
        Self::gather_knowing(image, &Known::default(), progress, cancelled)
    }

    /// Like [`ImageFacts::gather`], without reading what is known. The facts are the same.
    pub fn gather_knowing(image: &Image, known: &Known, progress: &dyn Progress, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Self> {
        let mut distinct: BTreeMap<(Digest, u64, &str), usize> = BTreeMap::new();
        let mut blobs = Vec::new();
        let mut slots = Vec::new();
        for layer in &image.manifest.layers {
            let slot = *distinct.entry((layer.digest, layer.size, &layer.media_type)).or_insert(blobs.len());
            if slot == blobs.len() {
                blobs.push(layer);
            }
            slots.push(slot);
        }
        let total = blobs.iter().map(|blob| blob.size).fold(0, u64::saturating_add);
        progress.phase("verify");
        let usage = Usage::new(progress, total);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(blobs.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let slot = next.fetch_add(1, Ordering::Relaxed);
                        let Some(blob) = blobs.get(slot) else { return };
                        let result = known.layer(&*image.blobs, blob, &usage, cancelled);
                        if result.is_err() {
                            // Nobody needs the layers that were not begun.
                            next.store(blobs.len(), Ordering::Relaxed);
                        }
                        done.lock().unwrap_or_else(PoisonError::into_inner).insert(slot, result.map(Arc::new));
                    }
                });
            }
        });
        progress.amount(total, total, Unit::Bytes);
        let mut facts = BTreeMap::new();
        for (slot, result) in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
            facts.insert(slot, result?);
        }
        let layers: Option<Vec<_>> = slots.iter().map(|slot| facts.get(slot).cloned()).collect();
        let mut facts = ImageFacts { layers: layers.ok_or_else(Error::interrupted)?, linked_texts: Vec::new() };
        facts.linked_texts = linked_texts::read(image, &facts, cancelled)?;
        Ok(facts)
    }

    /// The layers that could not be read to their end. What these facts do not show may still be there.
    pub fn damaged(&self) -> impl Iterator<Item = &LayerFacts> {
        self.layers.iter().map(Arc::as_ref).filter(|layer| layer.damage.is_some())
    }

    /// The content of the file that `path` leads to, when it is one of the small texts that are kept.
    pub fn text(&self, root: &MergedRoot<'_>, path: &str) -> Option<&str> {
        let Lookup::Found(real, node) = root.lookup(path) else { return None };
        let own = match self.layers.get(node.layer)?.kept(&real) {
            Some(KeptFile::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        own.or_else(|| self.linked_texts.iter().find(|linked| linked.path == path).map(|linked| linked.text.as_str()))
    }

    /// An error when a layer could not be read to its end: half a list would lie.
    pub fn require_whole(&self) -> Result<()> {
        let Some(layer) = self.damaged().next() else { return Ok(()) };
        let damage = layer.damage.as_deref().unwrap_or_default();
        Err(Error::failed(format!("layer {} cannot be read: {damage}", layer.descriptor.digest))
            .hint("`catamaran verify` shows everything that is wrong with the image"))
    }

    /// The small files whose content is kept, as far as no later layer replaced or removed them.
    pub(super) fn kept<'a>(&'a self, root: &MergedRoot<'_>) -> impl Iterator<Item = (&'a str, &'a KeptFile)> {
        let of_layer = |(index, layer): (usize, &'a Arc<LayerFacts>)| layer.kept.iter().map(move |(path, file)| (index, path, file));
        let visible = |(index, path, _): &(usize, &String, &KeptFile)| root.get(path).is_some_and(|node| node.layer == *index);
        self.layers.iter().enumerate().flat_map(of_layer).filter(visible).map(|(_, path, file)| (path.as_str(), file))
    }

    /// The packages that the metadata visible in the image names, sorted, each once.
    pub fn packages(&self, root: &MergedRoot<'_>) -> Vec<InstalledPackage> {
        let lists = self.kept(root).filter_map(|(_, file)| match file {
            KeptFile::Packages(packages) => Some(packages),
            _ => None,
        });
        let mut out: Vec<InstalledPackage> = lists.flatten().cloned().collect();
        out.sort();
        out.dedup();
        out
    }
}
