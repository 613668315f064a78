//! Which path of one side is which of the other: by the same name first, then by the name without the architecture's.

use std::collections::{BTreeMap, HashMap};

use super::Pair;
use crate::image::{Entry, EntryKind};
use crate::verify::rootfs::{MergedRoot, Node};

/// A path of each side, and what is there.
pub(super) struct Pairs<'a> {
    /// What both have: left path, right path. `None` for a folder that no layer names but others need.
    pub both: Vec<(&'a str, &'a str, Option<&'a Entry>, Option<&'a Entry>)>,
    /// What only the left side has, topmost paths only.
    pub left: Vec<Lone<'a>>,
    /// What only the right side has.
    pub right: Vec<Lone<'a>>,
}

/// A path that only one side has, with everything below it.
pub(super) struct Lone<'a> {
    pub path: &'a str,
    pub entry: &'a Entry,
    /// How many paths are below it.
    pub below: usize,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(pair: &Pair<'a>) -> Self {
        let (left_root, right_root) = (pair.left.root, pair.right.root);
        let mut both = Vec::new();
        let mut left = Vec::new();
        for (path, node, entry) in left_root.iter() {
            match right_root.get(path) {
                Some(there) => both.push((path, path, node.entry, there.entry)),
                None => left.push((path, entry)),
            }
        }
        let mut right = Vec::new();
        for (path, node, entry) in right_root.iter() {
            match left_root.get(path) {
                None => right.push((path, entry)),
                // Seen from the left only when a layer names it there.
                Some(there @ Node { entry: None, .. }) => both.push((path, path, there.entry, node.entry)),
                Some(_) => {}
            }
        }
        if pair.across_architectures {
            let mut others: BTreeMap<String, (&str, &Entry)> = BTreeMap::new();
            for (path, entry) in &right {
                others.entry(pair.right_names.neutral(path)).or_insert((path, entry));
            }
            let mut paired: HashMap<&str, ()> = HashMap::new();
            left.retain(|(path, entry)| match others.remove(&pair.left_names.neutral(path)) {
                Some((other, there)) => {
                    both.push((path, other, Some(entry), Some(there)));
                    paired.insert(other, ());
                    false
                }
                None => !is_own_folder(path, entry, left_root),
            });
            right.retain(|(path, entry)| !paired.contains_key(path) && !is_own_folder(path, entry, right_root));
        }
        both.sort_by_key(|(left, ..)| *left);
        Pairs { both, left: topmost(&left), right: topmost(&right) }
    }
}

/// `lib64`, where some architectures keep their dynamic linker and nothing else.
fn is_own_folder(path: &str, entry: &Entry, root: &MergedRoot<'_>) -> bool {
    match (path, &entry.kind) {
        ("lib64", EntryKind::Symlink { target }) => target.trim_start_matches('/') == "usr/lib64",
        ("lib64" | "usr/lib64", EntryKind::Directory) => {
            root.below(path).all(|(inside, _)| inside[path.len()..].trim_start_matches('/').starts_with("ld"))
        }
        _ => false,
    }
}

/// The paths that have no folder among `paths`, which are sorted.
fn topmost<'a>(paths: &[(&'a str, &'a Entry)]) -> Vec<Lone<'a>> {
    let mut out: Vec<Lone<'a>> = Vec::new();
    let mut top: HashMap<&str, usize> = HashMap::new();
    for (path, entry) in paths {
        // Not every folder on the way needs to be there: a layer may leave them out.
        let above = path.rmatch_indices('/').find_map(|(at, _)| top.get(&path[..at])).copied();
        let index = above.unwrap_or(out.len());
        match above {
            Some(index) => out[index].below += 1,
            None => out.push(Lone { path, entry, below: 0 }),
        }
        top.insert(path, index);
    }
    out
}
