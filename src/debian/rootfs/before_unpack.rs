//! A system as a preinst finds it: dpkg unpacks a package's own files only afterwards, and "is it there?" is asked with that in mind.

use std::collections::BTreeSet;

use super::super::script::{Effect, Kind, System};
use super::{Content, Node, Root};
use crate::image::Capabilities;

/// A root without the files and links of one package, and without the folders that are its alone. What its script makes of these stays
/// when they are unpacked.
pub(super) struct BeforeUnpack<'r> {
    root: &'r mut Root,
    /// The package's number.
    own: Option<usize>,
    /// Folders that its script has made.
    made: BTreeSet<String>,
}

impl<'r> BeforeUnpack<'r> {
    pub(super) fn new(root: &'r mut Root, package: &str) -> Self {
        let own = root.packages.get(package).copied();
        BeforeUnpack { root, own, made: BTreeSet::new() }
    }

    /// Whether what is at `path`, or what a link there leads to, is yet to be unpacked.
    fn is_to_come(&self, path: &str) -> bool {
        let to_come = |path: Option<String>| {
            path.is_some_and(|path| match self.root.nodes.get(&path) {
                Some(node) if node.content == Content::Directory => {
                    self.is_own(&path, node) && self.root.below(&path).all(|(path, node)| self.is_own(path, node))
                }
                Some(node) => self.is_own(&path, node),
                None => false,
            })
        };
        to_come(self.root.place(path)) || to_come(self.root.physical(path))
    }

    /// Whether nobody but the package has what is at the physical `path`.
    fn is_own(&self, path: &str, node: &Node) -> bool {
        let lists = |number: usize| {
            let directories = self.root.segments.get(number).map_or(&[][..], |segment| &segment.directories);
            directories.binary_search_by(|directory| directory.path.as_str().cmp(path)).is_ok()
        };
        match node.content {
            Content::Packaged { segment, .. } => Some(segment) == self.own,
            Content::Directory => {
                let by_others = || (0..self.root.segments.len()).any(|other| Some(other) != self.own && lists(other));
                !self.made.contains(path) && self.own.is_some_and(lists) && !by_others()
            }
            _ => false,
        }
    }

    /// Removes a folder with all that is in it by now; what is unpacked later comes all the same, also where the script had made a folder.
    fn remove(&mut self, path: String) -> Result<(), String> {
        let Some(place) = self.root.place(&path) else { return Ok(()) };
        let below = format!("{place}/");
        self.made.retain(|made| *made != place && !made.starts_with(&below));
        let all = self.root.nodes.get_key_value(&place).into_iter().chain(self.root.below(&place));
        let to_come = all.filter(|(path, node)| self.is_own(path, node)).map(|(path, node)| (path.clone(), node.clone()));
        let to_come: Vec<(String, Node)> = to_come.collect();
        self.root.apply(Effect::Remove { path, recursive: true })?;
        self.root.nodes.extend(to_come);
        Ok(())
    }
}

impl System for BeforeUnpack<'_> {
    fn kind(&self, path: &str) -> Option<Kind> {
        self.root.kind(path).filter(|_| !self.is_to_come(path))
    }

    fn link(&self, path: &str) -> Option<String> {
        self.root.link(path).filter(|_| !self.is_to_come(path))
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.root.read(path).filter(|_| !self.is_to_come(path))
    }

    fn owner(&self, path: &str) -> Option<(u32, u32)> {
        self.root.owner(path).filter(|_| !self.is_to_come(path))
    }

    fn capabilities(&self, path: &str) -> Option<Capabilities> {
        self.root.capabilities(path).filter(|_| !self.is_to_come(path))
    }

    fn list(&self, path: &str) -> Vec<String> {
        let mut names = self.root.list(path);
        names.retain(|name| !self.is_to_come(&format!("{}/{name}", path.trim_end_matches('/'))));
        names
    }

    fn user(&self, name: &str) -> Option<(u32, u32, String)> {
        self.root.user(name)
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.root.group(name)
    }

    fn members(&self, group: &str) -> Vec<String> {
        self.root.members(group)
    }

    fn groups_of(&self, user: &str) -> Option<Vec<String>> {
        self.root.groups_of(user)
    }

    fn version(&self, package: &str) -> Option<String> {
        self.root.version(package)
    }

    fn files(&self, package: &str) -> Option<Vec<String>> {
        self.root.files(package)
    }

    fn architecture(&self) -> &str {
        self.root.architecture()
    }

    fn withheld(&mut self) -> &mut BTreeSet<String> {
        &mut self.root.withheld
    }

    fn apply(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Remove { path, recursive: false } if self.is_to_come(&path) => Ok(()),
            Effect::Remove { path, recursive: true } => self.remove(path),
            Effect::Directory { path, mode, owner, parents } => {
                self.root.apply(Effect::Directory { path: path.clone(), mode, owner, parents })?;
                let made = self.root.physical(&path).unwrap_or_default();
                // With all that lead to it.
                let ends = made.match_indices('/').map(|(end, _)| end).chain([made.len()]);
                self.made.extend(ends.map(|end| made[..end].to_owned()));
                Ok(())
            }
            effect => self.root.apply(effect),
        }
    }
}
