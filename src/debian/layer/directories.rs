//! The directories of a layer: each once, parents first, with the modes packages give them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::rootfs::{Content, Rootfs};
use super::super::segment::canonical::parent;
use super::super::segment::{Directory, Segment};

/// The package whose word about a directory counts most: it defines the file system's skeleton.
const SKELETON: &str = "base-files";

/// Every directory of `segments` and `rootfs`, by path.
///
/// Packages may disagree. What `base-files` says holds; else the first package in name order that asks for something out
/// of the ordinary (not root's, not 0755); else the ordinary.
pub(super) fn directories(segments: &[Arc<Segment>], rootfs: &Rootfs, newest: u64) -> BTreeMap<String, Directory> {
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
    let mut out: BTreeMap<String, Directory> = found.into_iter().map(|(path, (_, directory))| (path, directory)).collect();
    for (path, generated) in &rootfs.files {
        if generated.content == Content::Directory {
            let directory = Directory { path: path.clone(), mode: generated.mode, uid: 0, gid: generated.gid, mtime: generated.mtime };
            out.entry(path.clone()).or_insert(directory);
        }
    }
    // Folders nobody lists.
    let files = segments.iter().flat_map(|s| s.entries.iter().map(|e| e.path.as_str())).chain(rootfs.files.keys().map(String::as_str));
    let listed: Vec<String> = out.keys().cloned().collect();
    for path in files.chain(listed.iter().map(String::as_str)) {
        let mut folder = parent(path);
        while !folder.is_empty() && !out.contains_key(folder) {
            out.insert(folder.to_owned(), Directory { path: folder.to_owned(), mode: 0o755, uid: 0, gid: 0, mtime: newest });
            folder = parent(folder);
        }
    }
    // A path that is a link in the image is no directory of it (`resolve` has refused files).
    for segment in segments {
        for entry in &segment.entries {
            out.remove(&entry.path);
        }
    }
    for (path, generated) in &rootfs.files {
        if generated.content != Content::Directory {
            out.remove(path);
        }
    }
    out
}
