//! A generated file, and the collection of them.

use std::collections::BTreeMap;

use super::Union;

/// What a generated path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Content {
    /// A regular file.
    File(Vec<u8>),
    /// A symbolic link.
    Link(String),
    /// A directory that no package lists.
    Directory,
}

/// One generated path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Generated {
    /// What it holds.
    pub content: Content,
    /// `0o7777` bits.
    pub mode: u32,
    /// Group; the owner is always root.
    pub gid: u64,
    /// The newest modification time in the package it comes from, so that it changes with that package only.
    pub mtime: u64,
}

/// Everything generated, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Rootfs {
    /// The files.
    pub files: BTreeMap<String, Generated>,
    /// What could not be done or should be known.
    pub remarks: Vec<String>,
}

impl Rootfs {
    /// Adds a file with mode 0644, unless a package ships that path.
    pub(super) fn file(&mut self, union: &Union<'_>, path: &str, bytes: impl Into<Vec<u8>>, mtime: u64) {
        self.add(union, path, Generated { content: Content::File(bytes.into()), mode: 0o644, gid: 0, mtime });
    }

    /// Adds a symbolic link, unless a package ships that path.
    pub(super) fn link(&mut self, union: &Union<'_>, path: &str, target: impl Into<String>, mtime: u64) {
        self.add(union, path, Generated { content: Content::Link(target.into()), mode: 0o777, gid: 0, mtime });
    }

    /// Adds a directory, unless a package ships or lists that path.
    pub(super) fn directory(&mut self, union: &Union<'_>, path: &str, mode: u32, gid: u64, mtime: u64) {
        if !union.lists(path) {
            self.add(union, path, Generated { content: Content::Directory, mode, gid, mtime });
        }
    }

    fn add(&mut self, union: &Union<'_>, path: &str, generated: Generated) {
        if union.entry(path).is_none() {
            self.files.insert(path.to_owned(), generated);
        }
    }
}
