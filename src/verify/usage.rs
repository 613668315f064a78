//! What the layers of one image may use up together, and how far reading them is.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::image::{LayerContent, MERGED_FOLDER};
use crate::progress::{Progress, Unit};

/// The most bytes of memory that the facts of one image may take, with what merging its layers needs for each: some 350,000
/// paths of ordinary length. With the program itself and what is under way while layers are read this stays below 64 MiB.
pub(super) const MAX_FACTS: u64 = 36 << 20;
/// What one entry takes when its layer is applied to the merged file system (a place in a B-tree that is two thirds full).
const MERGED: u64 = 68;

/// What is used up so far.
pub(super) struct Usage<'a> {
    facts: AtomicU64,
    read: AtomicU64,
    total: u64,
    progress: &'a dyn Progress,
}

impl<'a> Usage<'a> {
    /// Nothing used yet, of blobs with `total` bytes.
    pub(super) fn new(progress: &'a dyn Progress, total: u64) -> Self {
        Usage { facts: AtomicU64::new(0), read: AtomicU64::new(0), total, progress }
    }

    /// Counts `entries` more entries and `bytes` more of facts; `false` when that is too much.
    pub(super) fn take(&self, entries: u64, bytes: u64) -> bool {
        let more = entries.saturating_mul(MERGED).saturating_add(bytes);
        self.facts.fetch_add(more, Ordering::Relaxed).saturating_add(more) <= MAX_FACTS
    }

    /// Counts recorded content as if it were scanned; `false`, and nothing is counted, when there would be too much of it.
    pub(super) fn take_in(&self, content: &LayerContent) -> bool {
        let (entries, bytes) = extent(content);
        let fits = self.take(entries, bytes);
        if !fits {
            self.give_back(content);
        }
        fits
    }

    /// Undoes [`Usage::take_in`].
    pub(super) fn give_back(&self, content: &LayerContent) {
        let (entries, bytes) = extent(content);
        self.facts.fetch_sub(entries * MERGED + bytes, Ordering::Relaxed);
    }

    /// Tells that `count` more bytes of blobs were read.
    pub(super) fn read(&self, count: u64) {
        let read = self.read.fetch_add(count, Ordering::Relaxed) + count;
        self.progress.amount(read.min(self.total), self.total, Unit::Bytes);
    }
}

/// How many entries there are, and how much the facts take besides.
fn extent(content: &LayerContent) -> (u64, u64) {
    let kept: usize = content.kept.iter().map(|(path, file)| path.len() + file.memory()).sum();
    let folders = content.entries.folders() * MERGED_FOLDER;
    (content.entries.len() as u64, (content.entries.memory() + folders + kept) as u64)
}
