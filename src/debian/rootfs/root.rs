//! The root file system that is being made: packages' entries, and everything rules and scripts have made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::script::Alternative;
use super::super::segment::Segment;
use super::super::segment::canonical::{canonical, join, parent};
use super::{Accounts, Content, Node};
use crate::image::{Entry, EntryKind, ScriptOutcome};

/// Links followed before giving up, as the kernel does (`ELOOP`).
pub(in super::super) const MAX_LINKS: usize = 40;

/// Everything in an image, by path. Paths have no slash at either end, and no link on the way to them.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Root {
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) packages: BTreeMap<String, usize>,
    pub(super) nodes: BTreeMap<String, Node>,
    /// Paths that more than one package brings, with those whose entry is not in `nodes`.
    pub(super) contested: BTreeMap<String, Vec<(usize, usize)>>,
    pub(super) accounts: Accounts,
    /// Path, where it goes, and the package whose file stays.
    pub(super) diversions: Vec<(String, String, Option<String>)>,
    /// What `update-alternatives` was told, by name.
    pub(super) alternatives: BTreeMap<String, Vec<Alternative>>,
    /// Paths whose owner and mode `dpkg-statoverride` has settled.
    pub(super) settled: BTreeSet<String>,
    /// Files that scripts would have made and that are left out on purpose.
    pub(super) withheld: BTreeSet<String>,
    /// Triggers that scripts have set off (`dpkg-trigger`) and nobody has looked at.
    pub(super) triggers: BTreeSet<String>,
    /// The newest modification time in the package whose script is at work.
    pub(super) mtime: u64,
    /// What became of each script, in the order they would have run.
    pub(in super::super) scripts: Vec<ScriptOutcome>,
    /// What could not be done or should be known.
    pub(in super::super) remarks: Vec<String>,
}

impl Root {
    /// The package called `name`.
    pub(super) fn package(&self, name: &str) -> Option<Arc<Segment>> {
        self.packages.get(name).map(|index| self.segments[*index].clone())
    }

    /// Every package, by name.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.packages.values().map(|index| &self.segments[*index])
    }

    /// Every path with what is there, in order.
    pub(in super::super) fn nodes(&self) -> &BTreeMap<String, Node> {
        &self.nodes
    }

    /// Has `node` at `path`, which has no link on the way, instead of whatever is there.
    pub(in super::super) fn replace(&mut self, path: String, node: Node) {
        self.nodes.insert(path, node);
    }

    /// The segments, in the order of their numbers.
    pub(in super::super) fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// The packaged entry behind `node`.
    pub(in super::super) fn entry(&self, node: &Node) -> Option<&Entry> {
        match node.content {
            Content::Packaged { segment, entry } => self.segments.get(segment)?.entries.get(entry),
            _ => None,
        }
    }

    /// The target of the symbolic link `node`.
    pub(super) fn link_target<'a>(&'a self, node: &'a Node) -> Option<&'a str> {
        match (&node.content, self.entry(node).map(|entry| &entry.kind)) {
            (Content::Link(target), _) | (_, Some(EntryKind::Symlink { target })) => Some(target),
            _ => None,
        }
    }

    /// Whether there is a directory `path`, listed or because something is below it.
    pub(in super::super) fn has_directory(&self, path: &str) -> bool {
        match self.nodes.get(path) {
            Some(node) => node.content == Content::Directory,
            None => path.is_empty() || self.below(path).next().is_some(),
        }
    }

    /// Everything below the directory `path`.
    pub(super) fn below(&self, path: &str) -> impl Iterator<Item = (&String, &Node)> {
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.nodes.range(folder.clone()..).take_while(move |(path, _)| path.starts_with(&folder))
    }

    /// The names in the directory `path`, which has no link on the way.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
        let (mut names, mut from) = (Vec::new(), folder.clone());
        while let Some((found, _)) = self.nodes.range(from..).next().filter(|(found, _)| found.starts_with(&folder)) {
            let name = found[folder.len()..].split('/').next().unwrap_or_default();
            // After the name itself comes whatever follows it (`a-b` sorts before `a/`); after something below it, the next name:
            // `0` is the character after `/`.
            from = if found.len() == folder.len() + name.len() { format!("{found}\0") } else { format!("{folder}{name}0") };
            names.push(name.to_owned());
        }
        names.sort();
        names.dedup();
        names
    }

    /// Where opening `path` leads, links followed (also those of folders on the way), whether something is there or not.
    /// `None` when links lead in circles.
    pub(in super::super) fn physical(&self, path: &str) -> Option<String> {
        let mut path = canonical(&join("", path));
        for _ in 0..MAX_LINKS {
            // The first link on the way decides; without one the path is physical.
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let link = ends
                .filter_map(|end| Some((end, self.nodes.get(&path[..end])?)))
                .find_map(|(end, node)| Some((end, self.link_target(node)?)));
            let Some((end, target)) = link else { return Some(path) };
            let reached = join(parent(&path[..end]), target);
            path = canonical(&join("", &format!("{reached}{}", &path[end..])));
        }
        None
    }

    /// Where `path` itself is: links of its folders are followed, its own is not.
    pub(in super::super) fn place(&self, path: &str) -> Option<String> {
        let path = join("", path);
        let Some((folder, name)) = path.rsplit_once('/') else { return Some(path) };
        let folder = self.physical(folder)?;
        Some(canonical(&if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }))
    }

    /// What opening `path` reaches.
    pub(in super::super) fn resolve(&self, path: &str) -> Option<(String, &Node)> {
        let path = self.physical(path)?;
        let node = self.nodes.get(&path)?;
        Some((path, node))
    }

    /// The bytes of the file `node`, if they are at hand.
    pub(super) fn bytes<'a>(&'a self, node: &'a Node) -> Option<&'a [u8]> {
        match &node.content {
            Content::File(bytes) => Some(bytes),
            Content::Packaged { segment, entry } => {
                let segment = self.segments.get(*segment)?;
                let entry = segment.entries.get(*entry)?;
                let path = match &entry.kind {
                    EntryKind::HardLink { target } => target,
                    _ => &entry.path,
                };
                match entry.kind {
                    EntryKind::File { size: 0, .. } => Some(&[]),
                    _ => segment.contents.get(path).map(|bytes| bytes.0.as_slice()),
                }
            }
            _ => None,
        }
    }

    /// The files in the directory `folder` whose names end in one of `suffixes`.
    pub(super) fn files_in(&self, folder: &str, suffixes: &[&str]) -> Vec<(String, &Node)> {
        let names = self.names(folder).into_iter().filter(|name| suffixes.iter().any(|suffix| name.ends_with(suffix)));
        names.filter_map(|name| self.resolve(&format!("{folder}/{name}")).map(|(_, node)| (format!("{folder}/{name}"), node))).collect()
    }

    /// How new what `node` is made of is: a package's newest modification time stands for its files.
    pub(super) fn age(&self, node: &Node) -> u64 {
        match node.content {
            Content::Packaged { segment, .. } => self.segments.get(segment).map_or(0, |segment| segment.newest),
            _ => node.mtime,
        }
    }

    /// The kept bytes that packages ship at `path`, and the package.
    pub(super) fn content(&self, path: &str) -> Option<(&[u8], &Arc<Segment>)> {
        self.packages().find_map(|segment| Some((segment.contents.get(path)?.0.as_slice(), segment)))
    }

    /// Every kept file that packages ship below `folder` (which ends in a slash), by path.
    pub(super) fn contents(&self, folder: &str) -> BTreeMap<&str, &[u8]> {
        let all = self.packages().flat_map(|segment| &segment.contents);
        all.filter(|(path, _)| path.starts_with(folder)).map(|(path, bytes)| (path.as_str(), bytes.0.as_slice())).collect()
    }
}
