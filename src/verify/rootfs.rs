//! The merged file system of an image: layers applied in order (image-spec, "Image Layer Filesystem Changeset"), paths
//! resolved as the kernel does inside the container (path_resolution(7)).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scan::LayerFacts;
use crate::image::{Entry, EntryKind};

/// The kernel's limit of symbolic links in one resolution (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What is at a path once all layers are applied.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The layer that put it there.
    pub layer: usize,
    /// What it is; for a hard link, the file it is linked to. `None`: a folder that no layer names but others need.
    pub entry: Option<&'a Entry>,
}

impl Node<'_> {
    pub(super) fn is_directory(&self) -> bool {
        self.entry.is_none_or(|entry| entry.kind == EntryKind::Directory)
    }
}

/// How looking up a path ended.
#[derive(Clone, Debug)]
pub enum Lookup<'a> {
    /// It is there, at this real path.
    Found(String, Node<'a>),
    /// Nothing is at this real path, the first that is missing on the way.
    Missing(String),
    /// More than 40 links.
    Loop,
    /// This real path on the way is no folder.
    NotAFolder(String),
}

/// A hard link whose other path did not exist when it was made: engines refuse to unpack it.
#[derive(Clone, Debug)]
pub struct BrokenHardLink<'a> {
    /// The layer.
    pub layer: usize,
    /// The link.
    pub path: &'a str,
    /// The path it wants.
    pub target: &'a str,
}

/// The merged file system.
#[derive(Debug)]
pub struct MergedRoot<'a> {
    nodes: BTreeMap<String, Node<'a>>,
    /// Hard links to nothing.
    pub broken: Vec<BrokenHardLink<'a>>,
}

impl<'a> MergedRoot<'a> {
    /// Applies `layers`, base first.
    pub fn merge(layers: &'a [Arc<LayerFacts>]) -> Self {
        let mut root = MergedRoot { nodes: BTreeMap::new(), broken: Vec::new() };
        root.nodes.insert(String::new(), Node { layer: 0, entry: None });
        for (index, layer) in layers.iter().enumerate() {
            root.apply(index, &layer.entries);
        }
        root
    }

    fn apply(&mut self, layer: usize, entries: &'a [Entry]) {
        // Whiteouts act on lower layers only, wherever in the tar they stand; so they go first.
        for entry in entries {
            match entry.kind {
                EntryKind::Whiteout => {
                    if let Some(path) = self.place(&entry.path) {
                        self.remove(&path);
                    }
                }
                EntryKind::Opaque => {
                    if let Some(path) = self.place(&entry.path) {
                        self.remove_below(&path);
                    }
                }
                _ => {}
            }
        }
        for entry in entries {
            if matches!(entry.kind, EntryKind::Whiteout | EntryKind::Opaque) {
                continue;
            }
            let node = match &entry.kind {
                EntryKind::HardLink { target } => {
                    match self.place(target).and_then(|target| self.nodes.get(&target).copied()).filter(|node| !node.is_directory()) {
                        Some(node) => Node { layer, entry: node.entry },
                        None => {
                            self.broken.push(BrokenHardLink { layer, path: &entry.path, target });
                            continue;
                        }
                    }
                }
                _ => Node { layer, entry: Some(entry) },
            };
            self.put(layer, &entry.path, node);
        }
    }

    fn put(&mut self, layer: usize, path: &str, node: Node<'a>) {
        let Some(path) = self.place(path) else { return };
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            if !self.nodes.get(parent).is_some_and(Node::is_directory) {
                self.remove(parent);
                self.nodes.insert(parent.to_owned(), Node { layer, entry: None });
            }
        }
        if path.is_empty() && !node.is_directory() {
            return;
        }
        if !(node.is_directory() && self.nodes.get(&path).is_some_and(Node::is_directory)) {
            self.remove(&path);
        }
        self.nodes.insert(path, node);
    }

    /// The real path where an entry called `path` lands: links in its folders are followed, as engines do when they
    /// unpack; its last name is not. `None` when that path ends in a loop.
    fn place(&self, path: &str) -> Option<String> {
        let Some((folder, name)) = path.rsplit_once('/') else { return Some(path.to_owned()) };
        // Nearly always the folder is a real one already.
        if self.nodes.get(folder).is_some_and(Node::is_directory) {
            return Some(path.to_owned());
        }
        let (real, ended, _) = self.walk(folder);
        if matches!(ended, Ended::Loop) {
            return None;
        }
        Some(join(&real, name))
    }

    /// Follows `path` from the root as far as it exists; names that do not exist are appended as they are. The number tells
    /// how much work it was.
    fn walk(&self, path: &str) -> (String, Ended, usize) {
        self.walk_through(path, |_| {})
    }

    /// The same; `searched` hears of every folder in which a name is looked for.
    fn walk_through(&self, path: &str, mut searched: impl FnMut(&str)) -> (String, Ended, usize) {
        let mut names: Vec<String> = split(path);
        let (mut real, mut links, mut work) = (String::new(), 0, 0);
        let mut ended = Ended::There;
        while let Some(name) = names.pop() {
            searched(&real);
            if name == ".." {
                real.truncate(real.rfind('/').unwrap_or(0));
                continue;
            }
            let next = join(&real, &name);
            work += 1 + next.len() / 64;
            match self.nodes.get(&next).and_then(|node| node.entry).map(|entry| &entry.kind) {
                Some(EntryKind::Symlink { target }) => {
                    links += 1;
                    // A resolution is also bounded in length: a few links of many names each could grow for ever.
                    if links > MAX_LINKS || names.len() > 4096 {
                        return (next, Ended::Loop, work);
                    }
                    if target.starts_with('/') {
                        real.clear();
                    }
                    names.extend(split(target));
                    continue;
                }
                Some(EntryKind::Directory) => {}
                Some(_) if !names.is_empty() && matches!(ended, Ended::There) => ended = Ended::NotAFolder(next.clone()),
                Some(_) => {}
                None if !self.nodes.contains_key(&next) && matches!(ended, Ended::There) => ended = Ended::Missing(next.clone()),
                None => {}
            }
            real = next;
        }
        (real, ended, work)
    }

    fn remove(&mut self, path: &str) {
        if self.nodes.remove(path).is_some_and(|node| node.is_directory()) {
            self.remove_below(path);
        }
    }

    fn remove_below(&mut self, path: &str) {
        let inside: Vec<String> = match path {
            "" => self.nodes.keys().filter(|key| !key.is_empty()).cloned().collect(),
            path => self.below(path).map(|(key, _)| key.to_owned()).collect(),
        };
        for path in inside {
            self.nodes.remove(&path);
        }
    }

    /// What is exactly at `path`, links not followed.
    pub fn get(&self, path: &str) -> Option<Node<'a>> {
        self.nodes.get(path).copied()
    }

    /// Everything below the folder `path`, which is not the root.
    pub fn below(&self, path: &str) -> impl Iterator<Item = (&str, Node<'a>)> + use<'_, 'a> {
        // `0` is the character after `/`.
        self.nodes.range(format!("{path}/")..format!("{path}0")).map(|(path, node)| (path.as_str(), *node))
    }

    /// What `path` leads to, all links followed. `path` is taken from the root, with or without leading slash.
    pub fn lookup(&self, path: &str) -> Lookup<'a> {
        self.lookup_counted(path).0
    }

    /// Like [`MergedRoot::lookup`], with how much work it was: the names looked at, long paths counting more.
    pub(super) fn lookup_counted(&self, path: &str) -> (Lookup<'a>, usize) {
        let (real, ended, work) = self.walk(path);
        let lookup = match ended {
            Ended::There => match self.get(&real) {
                Some(node) => Lookup::Found(real, node),
                None => Lookup::Missing(real),
            },
            Ended::Missing(at) => Lookup::Missing(at),
            Ended::NotAFolder(at) => Lookup::NotAFolder(at),
            Ended::Loop => Lookup::Loop,
        };
        (lookup, work)
    }

    /// The folders in which names are looked for on the way to `path`, in that order: whoever wants to get there has to be let
    /// into all of them (path_resolution(7)).
    pub(super) fn folders_to(&self, path: &str) -> Vec<(String, Node<'a>)> {
        let mut folders: Vec<(String, Node<'a>)> = Vec::new();
        self.walk_through(path, |folder| {
            if let Some(node) = self.get(folder).filter(|_| folders.iter().all(|(known, _)| known != folder)) {
                folders.push((folder.to_owned(), node));
            }
        });
        folders
    }

    /// Where the link at `path` with this `target` leads.
    pub fn follow(&self, path: &str, target: &str) -> Lookup<'a> {
        match target.starts_with('/') {
            true => self.lookup(target),
            false => self.lookup(&join(path.rsplit_once('/').map_or("", |(folder, _)| folder), target)),
        }
    }

    /// Every path that a layer put there, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Node<'a>, &'a Entry)> {
        self.nodes.iter().filter_map(|(path, node)| Some((path.as_str(), *node, node.entry?)))
    }
}

enum Ended {
    There,
    Missing(String),
    NotAFolder(String),
    Loop,
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The names of a path, last first.
fn split(path: &str) -> Vec<String> {
    path.rsplit('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use crate::progress::Silent;
    use crate::verify::ImageFacts;
    use crate::verify::samples::{Layer, Sample};

    fn paths(image: &Image) -> Vec<String> {
        let facts = ImageFacts::gather(image, &Silent, &|| false).unwrap();
        MergedRoot::merge(&facts.layers).iter().map(|(path, node, _)| format!("{path}@{}", node.layer)).collect()
    }

    #[test]
    fn whiteouts_and_opaque_folders_act_on_lower_layers_only() {
        let lower = Layer::new()
            .file("a/x", 0o644, b"")
            .file("a/y/z", 0o644, b"")
            .file("b/x", 0o644, b"")
            .file("c", 0o644, b"")
            .file("d/e", 0o644, b"");
        // The whiteouts stand after what the same layer adds.
        let upper = Layer::new()
            .file("a/new", 0o644, b"")
            .file("a/.wh..wh..opq", 0, b"")
            .file("b/x", 0o644, b"")
            .file("b/.wh.x", 0, b"")
            .file(".wh.c", 0, b"")
            .file("d", 0o644, b"");
        assert_eq!(paths(&Sample::new("amd64").layer(lower).layer(upper).image()), ["a/new@1", "b/x@1", "d@1"]);
    }

    #[test]
    fn entries_below_a_linked_folder_land_where_the_link_leads() {
        let lower = Layer::new().folder("usr/bin").symlink("bin", "usr/bin").file("bin/sh", 0o755, b"");
        let upper = Layer::new().file("bin/.wh.sh", 0, b"").file("bin/ls", 0o755, b"").hard_link("bin/dir", "bin/ls");
        assert_eq!(paths(&Sample::new("amd64").layer(lower).layer(upper).image()), ["bin@0", "usr/bin@0", "usr/bin/dir@1", "usr/bin/ls@1"]);
    }

    #[test]
    fn paths_that_differ_in_bytes_that_are_no_text_stay_two_and_links_lead_to_them() {
        use std::os::unix::ffi::OsStrExt;
        let mut layer = Layer::new();
        for (name, target) in [(&b"a\xfe"[..], None), (b"a\xff", None), (b"link", Some(&b"a\xff"[..]))] {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name));
            match target {
                None => layer.0.append_data(&mut header, path, &[][..]).unwrap(),
                Some(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    layer.0.append_link(&mut header, path, std::path::Path::new(std::ffi::OsStr::from_bytes(target))).unwrap();
                }
            }
        }
        let image = Sample::new("amd64").layer(layer).image();
        assert_eq!(paths(&image), ["a\\xfe@0", "a\\xff@0", "link@0"]);
        let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
        let root = MergedRoot::merge(&facts.layers);
        assert!(matches!(root.lookup("link"), Lookup::Found(at, _) if at == "a\\xff"));
    }

    #[test]
    fn a_folder_entry_replaces_a_link_as_engines_do() {
        let lower = Layer::new().folder("usr/lib").symlink("lib", "usr/lib").file("usr/lib/ld.so", 0o755, b"");
        let image = Sample::new("amd64").layer(lower).layer(Layer::new().folder("lib")).image();
        let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
        let root = MergedRoot::merge(&facts.layers);
        assert!(matches!(root.lookup("/lib/ld.so"), Lookup::Missing(at) if at == "lib/ld.so"));
        assert!(matches!(root.lookup("/../usr/./lib/../lib/ld.so"), Lookup::Found(at, _) if at == "usr/lib/ld.so"));
    }

    #[test]
    fn forty_links_are_followed_and_circles_end() {
        let chain = |n: usize| (0..n).fold(Layer::new().file("l0", 0o644, b""), |l, i| l.symlink(&format!("l{}", i + 1), &format!("l{i}")));
        let image = Sample::new("amd64").layer(chain(41).symlink("self", "self/self")).image();
        let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
        let root = MergedRoot::merge(&facts.layers);
        assert!(matches!(root.lookup("l40"), Lookup::Found(at, _) if at == "l0"));
        assert!(matches!(root.lookup("l41"), Lookup::Loop));
        assert!(matches!(root.lookup("self"), Lookup::Loop));
        assert!(matches!(root.lookup("l1/x"), Lookup::NotAFolder(at) if at == "l0"));
    }
}
