//! Which path of one side is which of the other: by the same name first, then by the name without the architecture's.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Pair;
use crate::image::{EntryKind, EntryRef};
use crate::verify::rootfs::{MergedRoot, Node, Path};

/// A path of each side, and what is there.
pub(super) struct Pairs<'a> {
    /// What both have.
    pub both: Vec<Same<'a>>,
    /// What only the left side has, topmost paths only.
    pub left: Vec<Lone<'a>>,
    /// What only the right side has.
    pub right: Vec<Lone<'a>>,
}

/// A path that both sides have.
pub(super) struct Same<'a> {
    pub left: Path<'a, 'a>,
    /// What the right side calls it, when that is another name.
    pub right: Option<String>,
}

/// A path that only one side has, with everything below it.
pub(super) struct Lone<'a> {
    pub path: String,
    pub entry: EntryRef<'a>,
    /// How many paths are below it.
    pub below: usize,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(pair: &Pair<'a>) -> Self {
        let (left_root, right_root) = (pair.left.root, pair.right.root);
        let mut both = Vec::new();
        let mut left = Vec::new();
        for (path, _, entry) in left_root.iter() {
            let text = path.text();
            match right_root.get(&text) {
                Some(_) => both.push(Same { left: path, right: None }),
                None => left.push((path, text, entry)),
            }
        }
        let mut right = Vec::new();
        for (path, _, entry) in right_root.iter() {
            let text = path.text();
            match left_root.get(&text) {
                None => right.push((text, entry)),
                // Seen from the left only when a layer names it there.
                Some(Node { entry: None, .. }) => both.extend(left_root.folder(&text).map(|left| Same { left, right: None })),
                Some(_) => {}
            }
        }
        if pair.across_architectures {
            let mut others: BTreeMap<String, &str> = BTreeMap::new();
            for (path, _) in &right {
                others.entry(pair.right_names.neutral(path)).or_insert(path);
            }
            let mut paired: HashSet<String> = HashSet::new();
            left.retain(|(path, text, entry)| match others.remove(&pair.left_names.neutral(text)) {
                Some(other) => {
                    both.push(Same { left: *path, right: Some(other.to_owned()) });
                    paired.insert(other.to_owned());
                    false
                }
                None => !is_own_folder(text, entry, left_root),
            });
            right.retain(|(path, entry)| !paired.contains(path) && !is_own_folder(path, entry, right_root));
        }
        let left = left.into_iter().map(|(_, text, entry)| (text, entry));
        Pairs { both, left: topmost(left), right: topmost(right.into_iter()) }
    }
}

/// `lib64`, where some architectures keep their dynamic linker and nothing else.
fn is_own_folder(path: &str, entry: &EntryRef<'_>, root: &MergedRoot<'_>) -> bool {
    match (path, &entry.kind) {
        ("lib64", EntryKind::Symlink { target }) => target.trim_start_matches('/') == "usr/lib64",
        ("lib64" | "usr/lib64", EntryKind::Directory) => {
            root.below(path).all(|(inside, _)| inside.text()[path.len()..].trim_start_matches('/').starts_with("ld"))
        }
        _ => false,
    }
}

/// The paths that have no folder among `paths`, in which folders come before what is in them.
fn topmost<'a>(paths: impl Iterator<Item = (String, EntryRef<'a>)>) -> Vec<Lone<'a>> {
    let mut out: Vec<Lone<'a>> = Vec::new();
    let mut top: HashMap<String, usize> = HashMap::new();
    for (path, entry) in paths {
        // Not every folder on the way needs to be there: a layer may leave them out.
        let above = path.rmatch_indices('/').find_map(|(at, _)| top.get(&path[..at])).copied();
        let index = above.unwrap_or(out.len());
        top.insert(path.clone(), index);
        match above {
            Some(index) => out[index].below += 1,
            None => out.push(Lone { path, entry, below: 0 }),
        }
    }
    out
}
