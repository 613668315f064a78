//! The entries of a layer in the order they stand in its tar: a folder before what is in it, and what is in it by the bytes of names.

use super::generator::Generator;
use super::header::Header;
use super::tree::{Entry, Kind, Node, Tree};

/// One entry, with its name in the tar.
pub(super) struct Member<'t> {
    /// `/` and `/bin/sh`, or `bin` when the document's paths are relative; no slash at the end of folders.
    pub name: &'t [u8],
    /// `None` for a folder that is there only because something is below it.
    pub entry: Option<&'t Entry>,
}

/// Goes through a tree.
pub(super) struct Members<'t> {
    tree: &'t Tree,
    /// For every folder that is open: what is left in it, and how long its name is.
    open: Vec<(std::slice::Iter<'t, u32>, usize)>,
    name: Vec<u8>,
}

impl<'t> Members<'t> {
    pub(super) fn of(tree: &'t Tree) -> Self {
        Members { tree, open: vec![(tree.top().iter(), 0)], name: Vec::new() }
    }

    /// The next entry.
    pub(super) fn next(&mut self) -> Option<Member<'_>> {
        let node = self.next_node()?;
        Some(Member { name: if self.name.is_empty() { b"/" } else { &self.name }, entry: node.entry.as_ref() })
    }

    /// The same without its name.
    pub(super) fn next_node(&mut self) -> Option<&'t Node> {
        let (node, length) = loop {
            let (left, length) = self.open.last_mut()?;
            match left.next() {
                Some(number) => break (self.tree.node(*number), *length),
                None => drop(self.open.pop()),
            }
        };
        self.name.truncate(length);
        // The root's own name is empty, and what is in it begins with the slash.
        if self.open.len() > 1 {
            self.name.push(b'/');
        }
        self.name.extend_from_slice(self.tree.name(node.name));
        self.open.push((self.tree.children(node).iter(), self.name.len()));
        Some(node)
    }
}

impl Member<'_> {
    /// Appends its header to `out`.
    pub(super) fn write(&self, tree: &Tree, generator: Generator, out: &mut Vec<u8>) {
        let owner = tree.owner(self.entry);
        let (kind, size, link) = match self.entry.map(|entry| entry.kind) {
            None | Some(Kind::Folder) => (b'5', 0, &b""[..]),
            Some(Kind::File(size)) => (b'0', size, &b""[..]),
            Some(Kind::Link(target)) => (b'2', 0, tree.name(target)),
        };
        let header = Header {
            name: self.name,
            kind,
            mode: self.entry.map_or(0o755, |entry| i64::from(entry.mode)),
            uid: owner.uid,
            gid: owner.gid,
            size,
            mtime: generator.mtime,
            link,
            uname: &owner.uname,
            gname: if generator.group_has_the_owners_name { &owner.gname_until_2024 } else { &owner.gname },
        };
        header.write(out);
    }
}
