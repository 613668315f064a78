//! Puts packages' entries into the root: no path twice (R16), no file where another package has a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::segment::canonical::parent;
use super::super::segment::{Segment, stanza};
use super::directories::merged;
use super::{Content, Node, Root};
use crate::image::EntryKind;
use crate::{Error, Result};

impl Root {
    /// Adds the entries of `own`. Two packages that bring one path contest it unless one says that it replaces the other's file
    /// (`Replaces`, Debian Policy 7.6.1); see [`Root::settle`].
    ///
    /// The version in `Replaces` is not compared: a solved set has one version of each package, and a package that
    /// outgrew the range has given the file up.
    pub(super) fn unpack(&mut self, own: &[Arc<Segment>]) -> Result<()> {
        let before = merged(&self.segments);
        let first = self.segments.len();
        self.segments.extend(own.iter().cloned());
        for (index, segment) in own.iter().enumerate() {
            self.packages.insert(segment.package.clone(), first + index);
        }
        for (path, directory) in merged(&self.segments) {
            // What a script has made of a directory below stays, as does what a link there leads to.
            let node = Node { uid: directory.uid, gid: directory.gid, ..Node::directory(directory.mode, directory.mtime) };
            let unchanged = before.get(&path).is_some_and(|b| (b.mode, b.uid, b.gid) == (node.mode, node.uid, node.gid));
            if !self.nodes.contains_key(&path) || (!unchanged && self.nodes.get(&path).is_some_and(|n| n.content == Content::Directory)) {
                self.nodes.insert(path, node);
            }
        }
        for (index, segment) in own.iter().enumerate() {
            for at in 0..segment.entries.len() {
                self.unpack_entry(first + index, at)?;
            }
        }
        self.follow_links(first)?;
        self.check_folders()
    }

    /// Where packages from number `first` on list a directory and another package has a link to a directory, the link stays and what lies
    /// below goes to where it leads, as for dpkg.
    fn follow_links(&mut self, first: usize) -> Result<()> {
        let mut listed: BTreeMap<String, Arc<Segment>> = BTreeMap::new();
        for segment in &self.segments[first..] {
            for directory in &segment.directories {
                listed.entry(directory.path.clone()).or_insert_with(|| segment.clone());
            }
        }
        for (path, lister) in listed {
            let Some(Node { content, .. }) = self.nodes.get(&path).filter(|node| node.content != Content::Directory) else { continue };
            // What a script has put there is nobody's to be contested.
            let owner = match content {
                Content::Packaged { segment, .. } => Some(self.segments[*segment].clone()),
                _ => None,
            };
            let is_own = owner.as_ref().is_some_and(|owner| owner.directories.iter().any(|directory| directory.path == path));
            match (self.physical(&path).filter(|place| *place != path && self.has_directory(place)), owner) {
                (Some(place), _) if !is_own => self.move_below(&path, &place, &lister)?,
                (_, Some(owner)) => {
                    let other = if is_own { &owner } else { &lister };
                    return Err(collision(&path, &owner, other, "a file or link in one is a directory in the other"));
                }
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// Moves what lies below the link `from` to the directory `to` it leads to; `lister` is a package that has something there.
    fn move_below(&mut self, from: &str, to: &str, lister: &Arc<Segment>) -> Result<()> {
        let moved: Vec<String> = self.below(from).map(|(path, _)| path.clone()).collect();
        for path in moved {
            let Some(node) = self.nodes.remove(&path) else { continue };
            let place = format!("{to}{}", &path[from.len()..]).trim_start_matches('/').to_owned();
            if let Some(rivals) = self.contested.remove(&path) {
                self.contested.insert(place.clone(), rivals);
            }
            let owner = |node: &Node| match node.content {
                Content::Packaged { segment, .. } => self.segments[segment].clone(),
                _ => lister.clone(),
            };
            match self.nodes.get(&place) {
                Some(there) if there.content == Content::Directory && node.content == Content::Directory => {}
                Some(there) => {
                    let what = format!("the same file, which the second has as /{path}");
                    return Err(collision(&place, &owner(there), &owner(&node), &what));
                }
                None => drop(self.nodes.insert(place, node)),
            }
        }
        Ok(())
    }

    fn unpack_entry(&mut self, segment: usize, at: usize) -> Result<()> {
        let owner = self.segments[segment].clone();
        let entry = &owner.entries[at];
        let node = self.packaged(segment, at);
        let path = self.diverted(&entry.path, &owner.package).to_owned();
        match self.nodes.get(&path).map(|there| there.content.clone()) {
            Some(Content::Packaged { segment: other, entry: theirs }) => {
                let other_owner = self.segments[other].clone();
                match (replaces(&owner, &other_owner), replaces(&other_owner, &owner)) {
                    (true, _) => drop(self.nodes.insert(path, node)),
                    (false, true) => {}
                    (false, false) => {
                        // The later one is the likelier winner: who diverts a path brings its own file there.
                        self.nodes.insert(path.clone(), node);
                        self.contested.entry(path).or_default().push((other, theirs));
                    }
                }
            }
            // A link to a directory stays a link (dpkg does the same); a file cannot.
            Some(Content::Directory) if !matches!(entry.kind, EntryKind::Symlink { .. }) => {
                let other = self.who_lists(&path, segment);
                return Err(collision(&path, &other, &owner, "a directory in one is a file in the other"));
            }
            _ => drop(self.nodes.insert(path, node)),
        }
        Ok(())
    }

    /// The node of an entry as its package brings it.
    pub(super) fn packaged(&self, segment: usize, entry: usize) -> Node {
        let owner = &self.segments[segment];
        let packaged = &owner.entries[entry];
        let content = Content::Packaged { segment, entry };
        Node { content, mode: packaged.mode, uid: packaged.uid, gid: packaged.gid, mtime: owner.newest, capabilities: None }
    }

    /// Nothing may lie below a path that is no directory: unpacking would replace one by the other.
    fn check_folders(&self) -> Result<()> {
        let mut checked = "";
        for path in self.nodes.keys() {
            let folder = parent(path);
            if folder == checked {
                continue;
            }
            checked = folder;
            for end in folder.match_indices('/').map(|(end, _)| end).chain([folder.len()]) {
                if let Some(node) = self.nodes.get(&folder[..end])
                    && let Content::Packaged { segment, .. } = node.content
                {
                    let below = match self.nodes[path].content {
                        Content::Packaged { segment, .. } => self.segments[segment].clone(),
                        _ => self.who_lists(path, segment),
                    };
                    let why = "a file or link in one is a directory in the other";
                    return Err(collision(&folder[..end], &self.segments[segment], &below, why));
                }
            }
        }
        Ok(())
    }

    /// A package other than `but` that has something at or below `path`; for messages.
    fn who_lists(&self, path: &str, but: usize) -> Arc<Segment> {
        let below = format!("{path}/");
        let has = |segment: &Segment| {
            let mut paths = segment.directories.iter().map(|d| &d.path).chain(segment.entries.iter().map(|e| &e.path));
            paths.any(|p| p == path || p.starts_with(&below))
        };
        let found = self.segments.iter().enumerate().find(|(index, segment)| *index != but && has(segment));
        found.map_or_else(|| self.segments[but].clone(), |(_, segment)| segment.clone())
    }

    /// Refuses paths that are still contested once all diversions are known.
    pub(super) fn settle(&self) -> Result<()> {
        for (path, rivals) in &self.contested {
            if let Some((rival, _)) = rivals.first()
                && let Some(Content::Packaged { segment, .. }) = self.nodes.get(path).map(|node| &node.content)
            {
                return Err(collision(path, &self.segments[*rival], &self.segments[*segment], "both packages ship this file"));
            }
        }
        Ok(())
    }

    /// Folders that nobody lists.
    pub(super) fn fill_parents(&mut self, newest: u64) {
        let mut missing = Vec::new();
        let mut checked = "";
        for path in self.nodes.keys() {
            let mut folder = parent(path);
            if folder == checked {
                continue;
            }
            checked = folder;
            while !folder.is_empty() && !self.nodes.contains_key(folder) {
                missing.push(folder.to_owned());
                folder = parent(folder);
            }
        }
        self.nodes.extend(missing.into_iter().map(|path| (path, Node::directory(0o755, newest))));
    }
}

fn replaces(winner: &Segment, loser: &Segment) -> bool {
    stanza::field(&winner.control, "Replaces").is_some_and(|value| stanza::relation_names(&value).any(|name| name == loser.package))
}

/// Two packages that cannot be unpacked together, which dpkg refuses as "trying to overwrite", or one that cannot be unpacked at all.
fn collision(path: &str, first: &Segment, second: &Segment, why: &str) -> Error {
    let Segment { package, version, .. } = first;
    if package == &second.package {
        return Error::failed(format!("{package} {version} has /{path} as a file or link and as a directory with something in it")).hint(
            format!("{package} is broken, and dpkg could not unpack it soundly either: take another version of it, or leave it out"),
        );
    }
    Error::failed(format!("/{path} is in {package} {version} and in {} {}: {why}", second.package, second.version))
        .hint("these packages cannot be installed together; leave one out of `packages`")
}
