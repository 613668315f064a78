//! All segments of an image seen as one file system.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::segment::Segment;
use super::super::segment::canonical::{canonical, join, parent};
use crate::image::{Entry, EntryKind};

/// Links followed before giving up, as the kernel does (`ELOOP`).
const MAX_LINKS: usize = 40;

/// The segments of an image, and their paths.
pub(in super::super) struct Union<'a> {
    packages: BTreeMap<&'a str, &'a Segment>,
    entries: BTreeMap<&'a str, &'a Entry>,
    directories: BTreeSet<&'a str>,
}

impl<'a> Union<'a> {
    /// The union of `segments`; of two that ship a path the later is seen.
    pub(in super::super) fn new(segments: impl Iterator<Item = &'a Arc<Segment>>) -> Self {
        let mut union = Union { packages: BTreeMap::new(), entries: BTreeMap::new(), directories: BTreeSet::new() };
        for segment in segments {
            union.packages.insert(&segment.package, segment);
            union.entries.extend(segment.entries.iter().map(|entry| (entry.path.as_str(), entry)));
            union.directories.extend(segment.directories.iter().map(|d| d.path.as_str()));
        }
        union
    }

    /// Adds entries that no package ships; they count more than those of packages.
    pub(in super::super) fn add(&mut self, entries: impl Iterator<Item = &'a Entry>) {
        self.entries.extend(entries.map(|entry| (entry.path.as_str(), entry)));
    }

    /// The package called `name`.
    pub(super) fn package(&self, name: &str) -> Option<&'a Segment> {
        self.packages.get(name).copied()
    }

    /// Every package, by name.
    pub(in super::super) fn packages(&self) -> impl Iterator<Item = &'a Segment> {
        self.packages.values().copied()
    }

    /// The non-directory at `path`.
    pub(in super::super) fn entry(&self, path: &str) -> Option<&'a Entry> {
        self.entries.get(path).copied()
    }

    /// Whether a package lists the directory `path`.
    pub(super) fn lists(&self, path: &str) -> bool {
        self.directories.contains(path)
    }

    /// Whether there is a directory `path`, listed or because something is below it.
    pub(super) fn has_directory(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.lists(path)
            || self.entries.range(&*below..).next().is_some_and(|(p, _)| p.starts_with(&below))
            || self.directories.range(&*below..).next().is_some_and(|p| p.starts_with(&below))
    }

    /// The kept bytes of `path` and the package they come from.
    pub(super) fn content(&self, path: &str) -> Option<(&'a [u8], &'a Segment)> {
        self.packages.values().find_map(|segment| Some((segment.contents.get(path)?.0.as_slice(), *segment)))
    }

    /// Every kept file below `folder` (which ends in a slash), by path.
    pub(super) fn contents(&self, folder: &str) -> BTreeMap<&'a str, &'a [u8]> {
        let all = self.packages.values().flat_map(|segment| &segment.contents);
        all.filter(|(path, _)| path.starts_with(folder)).map(|(path, bytes)| (path.as_str(), bytes.0.as_slice())).collect()
    }

    /// The entry that opening `path` reaches, links followed (also those of folders on the way).
    pub(in super::super) fn resolve(&self, path: &str) -> Option<&'a Entry> {
        let mut path = canonical(path);
        for _ in 0..MAX_LINKS {
            // The first link on the way decides; without one the path is physical.
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let link = ends.filter_map(|end| Some((end, self.entry(&path[..end])?))).find_map(|(end, entry)| match &entry.kind {
                EntryKind::Symlink { target } => Some((end, target)),
                _ => None,
            });
            let Some((end, target)) = link else { return self.entry(&path) };
            let reached = join(parent(&path[..end]), target);
            path = canonical(&format!("{reached}{}", &path[end..]));
        }
        None
    }
}
