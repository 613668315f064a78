//! No path twice (R16): two packages that ship one path are an error, unless one says that it replaces the other's file.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::super::segment::{Segment, stanza};
use crate::image::EntryKind;
use crate::{Error, Result};

/// For each segment of `own`: the paths it must not put into the layer above `lower`, because another package replaces
/// them (`Replaces`, Debian Policy 7.6.1). A path of `lower` that a package of `own` replaces is simply covered.
///
/// The version in `Replaces` is not compared: a solved set has one version of each package, and a package that
/// outgrew the range has given the file up.
pub(super) fn resolve(lower: &[Arc<Segment>], own: &[Arc<Segment>]) -> Result<Vec<BTreeSet<String>>> {
    let all: Vec<&Segment> = lower.iter().chain(own).map(|s| &**s).collect();
    let mut lost = vec![BTreeSet::new(); own.len()];
    let mut owners: HashMap<&str, (usize, bool)> = HashMap::new();
    for (index, segment) in all.iter().enumerate() {
        for entry in &segment.entries {
            let is_link = matches!(entry.kind, EntryKind::Symlink { .. });
            let Some((first, _)) = owners.insert(&entry.path, (index, is_link)) else { continue };
            let loser = match (replaces(segment, all[first]), replaces(all[first], segment)) {
                (true, _) => first,
                (false, true) => {
                    owners.insert(&entry.path, (first, is_link));
                    index
                }
                (false, false) => return Err(collision(&entry.path, all[first], segment, "both packages ship this file")),
            };
            if loser >= lower.len() {
                lost[loser - lower.len()].insert(entry.path.clone());
            }
        }
    }
    // Nothing may lie below a path that is no directory: unpacking would replace one by the other.
    for segment in &all {
        let directories = segment.directories.iter().map(|d| d.path.as_str());
        for path in segment.entries.iter().map(|e| e.path.as_str()).chain(directories.clone()) {
            for (end, _) in path.match_indices('/') {
                if let Some((owner, _)) = owners.get(&path[..end]) {
                    return Err(collision(&path[..end], all[*owner], segment, "a directory in one is a file or link in the other"));
                }
            }
        }
        for path in directories {
            // A link to a directory stays a link (dpkg does the same); a file cannot.
            if let Some((owner, false)) = owners.get(path) {
                return Err(collision(path, all[*owner], segment, "a directory in one is a file in the other"));
            }
        }
    }
    Ok(lost)
}

fn replaces(winner: &Segment, loser: &Segment) -> bool {
    stanza::field(&winner.control, "Replaces").is_some_and(|value| stanza::relation_names(&value).any(|name| name == loser.package))
}

fn collision(path: &str, first: &Segment, second: &Segment, why: &str) -> Error {
    Error::failed(format!("/{path} is in {} {} and in {} {}: {why}", first.package, first.version, second.package, second.version))
        .hint("these packages cannot be installed together; leave one out of `packages`")
}
