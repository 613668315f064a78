//! Cuts the application's layer into several that together make the same file system.
//!
//! A layer of packages holds what is packaged and the packages' own metadata, and lists every directory on the way to it. It
//! depends on nothing but its packages and the base, so images that have the packages in common have the layer in common; the
//! exception is an entry that the rest of the image changes (another package diverts it, a local file replaces it), because no file is
//! in an image twice. Everything that is made of the whole (accounts, caches, links) and the project's own files make the last layer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::rootfs::{Content, Node, Root, merged};
use super::super::segment::canonical::parent;
use super::super::segment::{Directory, Segment};
use super::group::{Group, groups};
use super::plan::{LayerPlan, Part};

/// Where packages' metadata is (R14).
const METADATA: &str = "var/lib/dpkg/status.d/";

/// The layers that do together what `upper` does on top of `below`: `application` in at most `count` groups, then what belongs to
/// no package.
pub(super) fn split(upper: LayerPlan, below: &Root, application: &[Arc<Segment>], count: usize) -> Vec<LayerPlan> {
    let groups = groups(application, count);
    let mut group_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        group_of.extend(group.packages.iter().map(|package| (package.package.as_str(), index)));
    }
    let of = |group: &Group| LayerPlan { packages: group.packages.len(), ..empty(Part::Sources(group.sources.clone()), newest(group)) };
    let mut layers: Vec<LayerPlan> = groups.iter().map(of).collect();
    let mut rest = LayerPlan { remarks: upper.remarks, local: upper.local, ..empty(Part::Rest, upper.newest) };
    for (segment, edits) in upper.segments {
        // A segment of the base is here because something of it changes.
        let layer = group_of.get(segment.package.as_str()).map_or(&mut rest, |group| &mut layers[*group]);
        layer.segments.push((segment, edits));
    }
    for (path, node) in upper.files {
        let layer = described(&path, &node).and_then(|package| group_of.get(package)).map_or(&mut rest, |group| &mut layers[*group]);
        layer.files.push((path, node));
    }
    let wanted: BTreeMap<String, Directory> = upper.directories.into_iter().map(|d| (d.path.clone(), d)).collect();
    // What each directory is once the layers so far are on top of each other.
    let mut made: BTreeMap<String, Directory> = BTreeMap::new();
    for (layer, group) in layers.iter_mut().zip(&groups) {
        layer.directories = directories(layer, group, &wanted, below);
        made.extend(layer.directories.iter().map(|d| (d.path.clone(), d.clone())));
    }
    // The last layer has the last word: packages of several layers may list a directory, and a script may have changed it.
    let differ: Vec<&str> = wanted.iter().filter(|(path, d)| made.get(*path) != Some(*d)).map(|(path, _)| path.as_str()).collect();
    let mut listed = above(differ.iter().copied().chain(paths(&rest).iter().map(String::as_str)));
    listed.extend(differ.into_iter().map(str::to_owned));
    rest.directories = listed.iter().filter_map(|path| wanted.get(path).cloned().or_else(|| of_base(below, path))).collect();
    match layers.last_mut() {
        Some(layer) if rest.directories.is_empty() && rest.segments.is_empty() && rest.files.is_empty() => layer.remarks = rest.remarks,
        _ => layers.push(rest),
    }
    layers
}

/// A layer with nothing in it yet.
fn empty(part: Part, newest: u64) -> LayerPlan {
    LayerPlan { directories: Vec::new(), segments: Vec::new(), files: Vec::new(), newest, remarks: Vec::new(), packages: 0, local: 0, part }
}

fn newest(group: &Group) -> u64 {
    group.packages.iter().map(|package| package.newest).max().unwrap_or(0)
}

/// The package that the generated file `node` at `path` describes.
fn described<'a>(path: &'a str, node: &Node) -> Option<&'a str> {
    let name = path.strip_prefix(METADATA)?;
    matches!(node.content, Content::File(_)).then(|| name.strip_suffix(".md5sums").unwrap_or(name))
}

/// The directories of a layer of packages: all on the way to what is in it, and what the packages list, when it is in the image and
/// not in the base already. They are what the base or these packages alone make them, so that no other package changes the layer.
fn directories(layer: &LayerPlan, group: &Group, wanted: &BTreeMap<String, Directory>, below: &Root) -> Vec<Directory> {
    let listed = merged(&group.packages);
    let own: Vec<&String> = listed.keys().filter(|path| wanted.contains_key(*path) && of_base(below, path).is_none()).collect();
    let mut all = above(paths(layer).iter().chain(own.iter().copied()).map(String::as_str));
    all.extend(own.into_iter().cloned());
    let ordinary = |path: String| Directory { path, mode: 0o755, uid: 0, gid: 0, mtime: newest(group) };
    all.into_iter().map(|path| of_base(below, &path).or_else(|| listed.get(&path).cloned()).unwrap_or_else(|| ordinary(path))).collect()
}

/// The directory `path` as the base layer has it.
fn of_base(below: &Root, path: &str) -> Option<Directory> {
    let node = below.nodes().get(path).filter(|node| node.content == Content::Directory)?;
    Some(Directory { path: path.to_owned(), mode: node.mode, uid: node.uid, gid: node.gid, mtime: node.mtime })
}

/// Where everything in `layer` is but its directories.
fn paths(layer: &LayerPlan) -> Vec<String> {
    let entries = layer.segments.iter().flat_map(|(segment, edits)| segment.entries.iter().filter_map(|entry| edits.apply(entry)));
    entries.map(|entry| entry.path).chain(layer.files.iter().map(|(path, _)| path.clone())).collect()
}

/// Every directory on the way to `paths`.
fn above<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for path in paths {
        let mut folder = parent(path);
        while !folder.is_empty() && !folders.contains(folder) {
            folders.insert(folder.to_owned());
            folder = parent(folder);
        }
    }
    folders
}
