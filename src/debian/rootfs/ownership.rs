//! Whose a file is, and what goes with that: chown(2), hard links.

use super::super::script::Owner;
use super::{Content, Node, Root};
use crate::image::{Entry, EntryKind};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const GROUP_EXECUTES: u32 = 0o010;

impl Root {
    /// The numbers of an owner's names.
    pub(super) fn ids(&self, owner: &Owner) -> Result<(Option<u64>, Option<u64>), String> {
        let uid = owner.user.as_deref().map(|name| self.accounts.uid(name).ok_or_else(|| format!("there is no user `{name}`")));
        let gid = owner.group.as_deref().map(|name| self.accounts.gid(name).ok_or_else(|| format!("there is no group `{name}`")));
        Ok((uid.transpose()?.map(u64::from), gid.transpose()?.map(u64::from)))
    }

    /// Changes mode, owner or capabilities of `path`, and of its other names when it has hard links.
    pub(super) fn change(&mut self, path: &str, change: impl Fn(&mut Node) -> Result<(), String>) -> Result<(), String> {
        let mut names = vec![path.to_owned()];
        if let Some(Content::Packaged { segment, entry }) = self.nodes.get(path).map(|node| &node.content) {
            let package = &self.segments[*segment];
            let place = |entry: &Entry| self.diverted(&entry.path, &package.package).to_owned();
            let own = &package.entries[*entry];
            let first = match &own.kind {
                EntryKind::HardLink { target } => target,
                _ => &own.path,
            };
            let linked = |e: &&Entry| matches!(&e.kind, EntryKind::HardLink { target } if target == first) || e.path == *first;
            let is_of = |name: &String| {
                self.nodes
                    .get(name)
                    .is_some_and(|node| matches!(&node.content, Content::Packaged { segment: other, .. } if other == segment))
            };
            // A copy of the entry, at another place, is a file of its own.
            if place(own) == path {
                names.extend(package.entries.iter().filter(linked).map(place).filter(|other| other != path && is_of(other)));
            }
        }
        for name in names {
            if let Some(node) = self.nodes.get_mut(&name) {
                change(node)?;
                if !node.is_packaged() {
                    node.mtime = node.mtime.max(self.mtime);
                }
            }
        }
        Ok(())
    }
}

/// Gives it to another user or group.
pub(super) fn own(node: &mut Node, (uid, gid): (Option<u64>, Option<u64>)) {
    node.uid = uid.unwrap_or(node.uid);
    node.gid = gid.unwrap_or(node.gid);
}

/// The rights of a program are its owner's to give: with a new one, even if it is the old one, Linux takes them away (chown(2)).
pub(super) fn disown(node: &mut Node) {
    if node.content != Content::Directory {
        node.capabilities = None;
        node.mode &= !SETUID;
        // Without execution it says something else (mandatory locking), and stays.
        if node.mode & GROUP_EXECUTES != 0 {
            node.mode &= !SETGID;
        }
    }
}
