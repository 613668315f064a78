//! Layers put on each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lookup::{Ended, split};
use super::{MergedRoot, NONE, Slot};
use crate::image::{Entries, EntryKind};
use crate::verify::scan::LayerFacts;

/// Folders that links of an honest image may lead to without any layer naming them.
const SPARE_ROOM: usize = 10_000;

/// Where an entry's folder is.
enum Place<'a> {
    /// There.
    Folder(u32),
    /// Not there yet, or not a folder: at these names from the root.
    Missing(Vec<&'a str>),
    /// Links that lead to each other.
    Loop,
}

/// The folders of a layer that were found in the root: the number there, and the generation in which that was so.
struct Placed(Vec<(u32, u32)>);

impl<'a> MergedRoot<'a> {
    /// Applies `layers`, base first.
    pub fn merge(layers: &'a [Arc<LayerFacts>]) -> Self {
        let root = Slot { layer: 0, of: 0, at: NONE, folder: 0 };
        let layers: Vec<&Entries> = layers.iter().map(|layer| &layer.entries).collect();
        let mut merged = MergedRoot {
            root,
            nodes: BTreeMap::new(),
            folders: vec![(0, "")],
            free: Vec::new(),
            generation: 1,
            broken: Vec::new(),
            room: layers.iter().map(|entries| entries.len() + entries.folders()).sum::<usize>() + SPARE_ROOM,
            crowded: false,
            layers,
        };
        for layer in 0..merged.layers.len() {
            merged.apply(layer as u32, merged.layers[layer]);
        }
        merged
    }

    fn apply(&mut self, layer: u32, entries: &'a Entries) {
        let mut placed = Placed(vec![(0, 0); entries.folders()]);
        // Whiteouts act on lower layers only, wherever in the tar they stand; so they go first.
        for entry in entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Whiteout | EntryKind::Opaque)) {
            let Place::Folder(folder) = self.place(entries, entry.folder, &mut placed) else { continue };
            if entry.kind == EntryKind::Whiteout {
                self.remove(folder, entry.name);
            } else if entry.name.is_empty() {
                self.remove_below(folder);
            } else if let Some(slot) = self.child(folder, entry.name).filter(|slot| slot.folder != NONE) {
                self.remove_below(slot.folder);
            }
        }
        for (at, entry) in entries.iter().enumerate() {
            let own = Slot { layer, of: layer, at: at as u32, folder: NONE };
            let slot = match entry.kind {
                EntryKind::Whiteout | EntryKind::Opaque => continue,
                EntryKind::HardLink { target } => match self.linked(target) {
                    Some(Slot { of, at, .. }) => Slot { of, at, ..own },
                    None => {
                        self.broken.push((layer, at as u32));
                        continue;
                    }
                },
                _ => own,
            };
            let is_directory = entry.kind == EntryKind::Directory;
            let folder = match self.place(entries, entry.folder, &mut placed) {
                Place::Folder(folder) => folder,
                Place::Missing(names) => match self.make(layer, &names) {
                    Some(folder) => folder,
                    None => {
                        self.crowded = true;
                        continue;
                    }
                },
                Place::Loop => continue,
            };
            self.put(folder, entry.name, slot, is_directory);
        }
    }

    /// What the hard link's `target` is: everything but a folder.
    fn linked(&self, target: &'a str) -> Option<Slot> {
        let mut names = split(target);
        let last = (!names.is_empty()).then(|| names.remove(0))?;
        let (real, ended, _) = self.walk(names);
        if matches!(ended, Ended::Loop) {
            return None;
        }
        let folder = real.last().map_or(Some(0), |step| step.slot.map(|slot| slot.folder))?;
        self.child(folder, last).filter(|slot| slot.folder == NONE)
    }

    /// Where entries of the layer's folder number `folder` land: links are followed, as engines do when they unpack.
    fn place(&self, entries: &'a Entries, folder: u32, placed: &mut Placed) -> Place<'a> {
        if folder == 0 {
            return Place::Folder(0);
        }
        // Nearly always the folder of the entry before.
        if let Some((known, generation)) = placed.0.get(folder as usize)
            && *generation == self.generation
        {
            return Place::Folder(*known);
        }
        let mut names = entries.folder_names(folder);
        names.reverse();
        let (real, ended, _) = self.walk(names);
        if matches!(ended, Ended::Loop) {
            return Place::Loop;
        }
        let last = real.last().map_or(Some(self.root), |step| step.slot).filter(|slot| slot.folder != NONE);
        match last {
            Some(slot) => {
                placed.0[folder as usize] = (slot.folder, self.generation);
                Place::Folder(slot.folder)
            }
            None => Place::Missing(real.iter().map(|step| step.name).collect()),
        }
    }

    /// Makes the folders `names`, as far as they are not there; `None` when there would be too many.
    fn make(&mut self, layer: u32, names: &[&'a str]) -> Option<u32> {
        let mut at = 0;
        for name in names {
            at = match self.child(at, name) {
                Some(slot) if slot.folder != NONE => slot.folder,
                _ => {
                    if self.nodes.len() >= self.room {
                        return None;
                    }
                    self.put(at, name, Slot { layer, of: layer, at: NONE, folder: NONE }, true)
                }
            };
        }
        Some(at)
    }

    /// Puts a node there, and says its number if it is a folder. A folder over a folder keeps what is in it.
    fn put(&mut self, folder: u32, name: &'a str, slot: Slot, is_directory: bool) -> u32 {
        if name.is_empty() {
            // Only the root has no name, and it stays a folder.
            if is_directory {
                self.root = Slot { folder: 0, ..slot };
            }
            return 0;
        }
        let before = self.child(folder, name).filter(|before| is_directory && before.folder != NONE);
        let number = match before {
            Some(before) => before.folder,
            None => {
                self.remove(folder, name);
                if is_directory { self.number(folder, name) } else { NONE }
            }
        };
        self.nodes.insert((folder, name), Slot { folder: number, ..slot });
        number
    }

    /// A number for a new folder.
    fn number(&mut self, folder: u32, name: &'a str) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.folders[number as usize] = (folder, name);
                number
            }
            None => {
                self.folders.push((folder, name));
                self.folders.len() as u32 - 1
            }
        }
    }

    fn remove(&mut self, folder: u32, name: &'a str) {
        let Some(slot) = self.nodes.remove(&(folder, name)) else { return };
        let is_link = || self.entry(slot).is_some_and(|entry| matches!(entry.kind, EntryKind::Symlink { .. }));
        if slot.folder != NONE || is_link() {
            self.generation += 1;
        }
        if slot.folder != NONE {
            self.remove_below(slot.folder);
            self.free.push(slot.folder);
        }
    }

    fn remove_below(&mut self, folder: u32) {
        let mut open = vec![folder];
        while let Some(folder) = open.pop() {
            while let Some((key, slot)) = self.children(folder).next().map(|(key, slot)| (*key, *slot)) {
                self.nodes.remove(&key);
                if slot.folder != NONE {
                    open.push(slot.folder);
                    self.free.push(slot.folder);
                }
            }
        }
        self.generation += 1;
    }
}
