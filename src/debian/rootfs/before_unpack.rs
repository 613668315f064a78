//! A system as a preinst finds it: dpkg unpacks a package's own files only afterwards, and "is it there?" is asked with that in mind.

use std::collections::BTreeSet;

use super::super::script::{Effect, Kind, System};
use super::{Content, Root};
use crate::image::Capabilities;

/// A root without the files and links of one package. Its folders are there: what a script makes of them stays when they are unpacked.
pub(super) struct BeforeUnpack<'r> {
    root: &'r mut Root,
    /// The package's number.
    own: Option<usize>,
}

impl<'r> BeforeUnpack<'r> {
    pub(super) fn new(root: &'r mut Root, package: &str) -> Self {
        let own = root.packages.get(package).copied();
        BeforeUnpack { root, own }
    }

    /// Whether what is at `path`, or what a link there leads to, is yet to be unpacked.
    fn is_to_come(&self, path: &str) -> bool {
        let own = |path: Option<String>| {
            let node = path.and_then(|path| self.root.nodes.get(&path));
            node.is_some_and(|node| matches!(node.content, Content::Packaged { segment, .. } if Some(segment) == self.own))
        };
        own(self.root.place(path)) || own(self.root.physical(path))
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
            effect => self.root.apply(effect),
        }
    }
}
