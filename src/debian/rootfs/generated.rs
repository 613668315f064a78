//! What a rule adds to the root.

use super::{Node, Root};

/// Nodes that a rule makes, and what it has to say.
#[derive(Debug, Default)]
pub(super) struct Additions {
    nodes: Vec<(String, Node, bool)>,
    pub(super) remarks: Vec<String>,
}

impl Additions {
    /// A file with mode 0644, unless something is there: a default that scripts and users may have changed.
    pub(super) fn default_file(&mut self, path: &str, bytes: impl Into<Vec<u8>>, mtime: u64) {
        self.nodes.push((path.to_owned(), Node::file(bytes, mtime), false));
    }

    /// A symbolic link, unless something is there.
    pub(super) fn default_link(&mut self, path: &str, target: impl Into<String>, mtime: u64) {
        self.nodes.push((path.to_owned(), Node::link(target, mtime), false));
    }

    /// A directory, unless something is there.
    pub(super) fn directory(&mut self, path: &str, mode: u32, gid: u64, mtime: u64) {
        self.nodes.push((path.to_owned(), Node { gid, ..Node::directory(mode, mtime) }, false));
    }

    /// A file that is made anew from the whole system; only a packaged one stays.
    pub(super) fn file(&mut self, path: &str, bytes: impl Into<Vec<u8>>, mtime: u64) {
        self.nodes.push((path.to_owned(), Node::file(bytes, mtime), true));
    }

    /// A symbolic link that is made anew from the whole system; only a packaged one stays.
    pub(super) fn link(&mut self, path: &str, target: impl Into<String>, mtime: u64) {
        self.nodes.push((path.to_owned(), Node::link(target, mtime), true));
    }
}

impl Root {
    /// Does what a rule has decided.
    pub(super) fn add(&mut self, additions: Additions) {
        for (path, node, renew) in additions.nodes {
            match self.nodes.get(&path) {
                Some(there) if there.is_packaged() || !renew => {}
                _ => {
                    self.nodes.insert(path, node);
                }
            }
        }
        self.remarks.extend(additions.remarks);
    }
}
