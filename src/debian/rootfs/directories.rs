//! The directories that packages list: each once, with the modes packages give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::segment::{Directory, Segment};

/// The package whose word about a directory counts most: it defines the file system's skeleton.
const SKELETON: &str = "base-files";

/// Every directory of `segments`, by path.
///
/// Packages may disagree. What `base-files` says holds; else the first package in name order that asks for something out
/// of the ordinary (not root's, not 0755); else the ordinary.
pub(in super::super) fn merged(segments: &[Arc<Segment>]) -> BTreeMap<String, Directory> {
    let mut found: BTreeMap<String, (u8, Directory)> = BTreeMap::new();
    let mut names: Vec<&Arc<Segment>> = segments.iter().collect();
    names.sort_by(|a, b| a.package.cmp(&b.package));
    for segment in names {
        for directory in &segment.directories {
            let ordinary = (directory.mode, directory.uid, directory.gid) == (0o755, 0, 0);
            let weight = if segment.package == SKELETON { 2 } else { u8::from(!ordinary) };
            match found.get_mut(&directory.path) {
                None => {
                    found.insert(directory.path.clone(), (weight, directory.clone()));
                }
                Some((held, known)) => {
                    let mtime = known.mtime.max(directory.mtime);
                    if weight > *held {
                        (*held, *known) = (weight, directory.clone());
                    }
                    known.mtime = mtime;
                }
            }
        }
    }
    found.into_iter().map(|(path, (_, directory))| (path, directory)).collect()
}
