//! What is at a path of the image that is being made.

use std::sync::Arc;

use super::super::local;
use crate::image::Capabilities;

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Content {
    /// An entry of a package: its number in the segment, and the segment's in [`super::Root`].
    Packaged {
        /// Which segment.
        segment: usize,
        /// Which of its entries.
        entry: usize,
    },
    /// A regular file made by a rule or a script.
    File(Arc<[u8]>),
    /// A symbolic link made by a rule or a script, or one of the project's.
    Link(String),
    /// A file of the project.
    Local(local::Content),
    /// A directory.
    Directory,
}

/// One path of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Node {
    /// What it holds.
    pub content: Content,
    /// `0o7777` bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970. Of what a rule or script made: the newest modification time in the package it comes from, so that
    /// it changes with that package only. Packaged entries keep their own, which stands in the segment.
    pub mtime: u64,
    /// What `setcap` gave a regular file.
    pub capabilities: Option<Box<Capabilities>>,
}

impl Node {
    /// A file of root's with mode 0644.
    pub(in super::super) fn file(bytes: impl Into<Vec<u8>>, mtime: u64) -> Self {
        Node { content: Content::File(bytes.into().into()), mode: 0o644, uid: 0, gid: 0, mtime, capabilities: None }
    }

    /// A symbolic link.
    pub(in super::super) fn link(target: impl Into<String>, mtime: u64) -> Self {
        Node { content: Content::Link(target.into()), mode: 0o777, uid: 0, gid: 0, mtime, capabilities: None }
    }

    /// A directory of root's.
    pub(in super::super) fn directory(mode: u32, mtime: u64) -> Self {
        Node { content: Content::Directory, mode, uid: 0, gid: 0, mtime, capabilities: None }
    }

    /// Whether a package brings it.
    pub(super) fn is_packaged(&self) -> bool {
        matches!(self.content, Content::Packaged { .. })
    }

    /// Whether `other` would be unpacked as the same. A directory's time does not count: layers above touch it anyway.
    pub(in super::super) fn is_same(&self, other: &Node) -> bool {
        let rights = |node: &Node| (node.mode, node.uid, node.gid, node.capabilities.clone());
        let timeless = matches!(self.content, Content::Directory | Content::Packaged { .. });
        self.content == other.content && rights(self) == rights(other) && (timeless || self.mtime == other.mtime)
    }
}
