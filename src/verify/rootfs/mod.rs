//! The merged file system of an image: layers applied in order (image-spec, "Image Layer Filesystem Changeset"), paths
//! resolved as the kernel does inside the container (path_resolution(7)).
//!
//! It is one tree: a node is known by the number of its folder and its name, and refers to the entry of the layer it comes from.
//! No path is kept as a text; those that are handed out are put together when somebody asks.

mod lookup;
mod merge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::fmt;

pub use self::lookup::Lookup;
use crate::image::{Entries, EntryRef};

/// No folder, or no entry.
const NONE: u32 = u32::MAX;

/// What is at a path once all layers are applied.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The layer that put it there.
    pub layer: usize,
    /// What it is; for a hard link, the file it is linked to. `None`: a folder that no layer names but others need.
    pub entry: Option<EntryRef<'a>>,
    is_directory: bool,
}

impl Node<'_> {
    pub(super) fn is_directory(&self) -> bool {
        self.is_directory
    }
}

/// A hard link whose other path did not exist when it was made: engines refuse to unpack it.
#[derive(Clone, Debug)]
pub struct BrokenHardLink<'a> {
    /// The layer.
    pub layer: usize,
    /// The link.
    pub path: String,
    /// The path it wants.
    pub target: &'a str,
}

/// The merged file system.
pub struct MergedRoot<'a> {
    layers: Vec<&'a Entries>,
    root: Slot,
    /// By folder and name.
    nodes: BTreeMap<(u32, &'a str), Slot>,
    /// The folder each folder is in, and its name there. The first is the root.
    folders: Vec<(u32, &'a str)>,
    /// Numbers of folders that were removed.
    free: Vec<u32>,
    /// Changes whenever a path may no longer lead where it did.
    generation: u32,
    /// Hard links to nothing: layer and entry.
    broken: Vec<(u32, u32)>,
    /// How many nodes there may be: what was counted when the facts were gathered.
    room: usize,
    crowded: bool,
}

/// A node, small.
#[derive(Clone, Copy)]
struct Slot {
    layer: u32,
    /// The layer that has the entry: of a hard link it may be an earlier one.
    of: u32,
    /// The entry, or [`NONE`].
    at: u32,
    /// Its number, when it is a folder, or [`NONE`].
    folder: u32,
}

/// Where something is in a [`MergedRoot`]; its text is made when it is asked for.
#[derive(Clone, Copy)]
pub struct Path<'r, 'a> {
    root: &'r MergedRoot<'a>,
    folder: u32,
    /// The last name of the path; empty for the root.
    pub name: &'a str,
}

impl Path<'_, '_> {
    /// The path, without leading slash.
    pub fn text(&self) -> String {
        self.root.path(self.folder, self.name)
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.name.is_empty()
    }
}

impl fmt::Debug for Path<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl fmt::Debug for MergedRoot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(path, node, _)| (path, node.layer))).finish()
    }
}

impl<'a> MergedRoot<'a> {
    /// What is exactly at `path`, links not followed.
    pub fn get(&self, path: &str) -> Option<Node<'a>> {
        self.slot(path).map(|slot| self.node(slot))
    }

    /// The folder that is exactly at `path`, links not followed.
    pub(super) fn folder(&self, path: &str) -> Option<Path<'_, 'a>> {
        let number = self.slot(path)?.folder;
        self.folders.get(number as usize).map(|(folder, name)| Path { root: self, folder: *folder, name })
    }

    fn slot(&self, path: &str) -> Option<Slot> {
        let mut at = self.root;
        for name in path.split('/').filter(|_| !path.is_empty()) {
            at = self.child(at.folder, name)?;
        }
        Some(at)
    }

    fn child(&self, folder: u32, name: &str) -> Option<Slot> {
        if folder == NONE {
            return None;
        }
        // A shorter life of the names is enough to look one up.
        let nodes: &BTreeMap<(u32, &str), Slot> = &self.nodes;
        nodes.get(&(folder, name)).copied()
    }

    fn node(&self, slot: Slot) -> Node<'a> {
        Node { layer: slot.layer as usize, entry: self.entry(slot), is_directory: slot.folder != NONE }
    }

    fn entry(&self, slot: Slot) -> Option<EntryRef<'a>> {
        let entries: &'a Entries = self.layers.get(slot.of as usize)?;
        entries.get(slot.at as usize)
    }

    /// Every path that a layer put there; what is in a folder comes after it, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (Path<'_, 'a>, Node<'a>, EntryRef<'a>)> {
        let root = (Path { root: self, folder: 0, name: "" }, self.node(self.root));
        std::iter::once(root).chain(self.inside(0)).filter_map(|(path, node)| Some((path, node, node.entry?)))
    }

    /// Everything below the folder `path`.
    pub fn below(&self, path: &str) -> impl Iterator<Item = (Path<'_, 'a>, Node<'a>)> {
        self.inside(self.slot(path).map_or(NONE, |slot| slot.folder))
    }

    fn inside(&self, folder: u32) -> Inside<'_, 'a> {
        Inside { root: self, open: vec![(folder, self.children(folder))] }
    }

    fn children(&self, folder: u32) -> Children<'_, 'a> {
        self.nodes.range((folder, "")..(folder.saturating_add(1), ""))
    }

    /// The path of `name` in a folder.
    fn path(&self, folder: u32, name: &str) -> String {
        let (mut names, mut at) = (vec![name], folder);
        while let Some((parent, name)) = self.folders.get(at as usize).filter(|_| at != 0) {
            names.push(name);
            at = *parent;
        }
        names.reverse();
        names.join("/")
    }

    /// Hard links to nothing.
    pub fn broken(&self) -> impl Iterator<Item = BrokenHardLink<'a>> {
        self.broken.iter().filter_map(|(layer, at)| {
            let entries: &'a Entries = self.layers[*layer as usize];
            let entry = entries.get(*at as usize)?;
            let crate::image::EntryKind::HardLink { target } = entry.kind else { return None };
            Some(BrokenHardLink { layer: *layer as usize, path: entry.path(), target })
        })
    }

    /// Whether links led to so many folders that no layer names that some entries were left out.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }
}

/// What is in a folder.
type Children<'r, 'a> = Range<'r, (u32, &'a str), Slot>;

/// What is below a folder, depth first.
struct Inside<'r, 'a> {
    root: &'r MergedRoot<'a>,
    open: Vec<(u32, Children<'r, 'a>)>,
}

impl<'r, 'a> Iterator for Inside<'r, 'a> {
    type Item = (Path<'r, 'a>, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (folder, children) = self.open.last_mut()?;
            let folder = *folder;
            let Some(((_, name), slot)) = children.next() else {
                self.open.pop();
                continue;
            };
            if slot.folder != NONE {
                self.open.push((slot.folder, self.root.children(slot.folder)));
            }
            return Some((Path { root: self.root, folder, name }, self.root.node(*slot)));
        }
    }
}
