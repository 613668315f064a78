//! Finds the program an image runs: `fdfind` → `/usr/bin/fdfind`, from the facts of its packages.

use std::sync::Arc;

use super::rootfs::{Content, Node, Root};
use super::segment::Segment;
use super::segment::canonical::canonical;
use crate::image::EntryKind;
use crate::{Error, Result};

/// PATH of an image that sets none: Debian's for root.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The absolute path of `command` in the image: as given when it is absolute, else found along `search`.
pub(super) fn resolve(command: &str, search: &str, root: &Root, application: &[Arc<Segment>]) -> Result<String> {
    let candidates: Vec<String> = match command {
        "" => return Err(Error::usage("the entrypoint is empty")),
        absolute if absolute.starts_with('/') => vec![absolute.to_owned()],
        relative if relative.contains('/') => {
            return Err(Error::usage(format!("entrypoint `{relative}` is neither a command nor an absolute path")));
        }
        command => search.split(':').filter(|f| f.starts_with('/')).map(|f| format!("{}/{command}", f.trim_end_matches('/'))).collect(),
    };
    let mut not_executable = None;
    for path in &candidates {
        let inside = path.trim_start_matches('/');
        match root.resolve(inside) {
            Some((_, node)) if is_executable(root, node) => return Ok(format!("/{}", canonical(inside))),
            Some(_) => not_executable = not_executable.or(Some(path)),
            None => {}
        }
    }
    let near = near(command, search, application);
    let hint = match near.is_empty() {
        true => "set `entrypoint` to a program that one of the packages ships".to_owned(),
        false => format!("its packages ship {}; set `entrypoint` to the right one", near.join(", ")),
    };
    Err(match not_executable {
        Some(path) => Error::failed(format!("entrypoint {path} is not an executable file")),
        None => Error::failed(format!("entrypoint `{command}` is not in the image")),
    }
    .hint(hint))
}

fn is_executable(root: &Root, node: &Node) -> bool {
    let is_file = match &node.content {
        Content::Packaged { .. } => root.entry(node).is_some_and(|e| matches!(e.kind, EntryKind::File { .. } | EntryKind::HardLink { .. })),
        content => matches!(content, Content::File(_) | Content::Local(_)),
    };
    is_file && node.mode & 0o111 != 0
}

/// The programs the application's packages ship, those most like `command` first.
fn near<'a>(command: &str, search: &str, application: &'a [Arc<Segment>]) -> Vec<&'a str> {
    let wanted = command.rsplit('/').next().unwrap_or(command);
    let folders: Vec<String> = search.split(':').map(|f| canonical(&format!("{}/x", f.trim_matches('/')))).collect();
    let mut programs: Vec<(f64, &str)> = application
        .iter()
        .flat_map(|segment| &segment.entries)
        .filter(|entry| entry.mode & 0o111 != 0 && !matches!(entry.kind, EntryKind::Special))
        .filter_map(|entry| entry.path.rsplit_once('/'))
        .filter(|(folder, _)| folders.iter().any(|f| f.strip_suffix("/x") == Some(folder)))
        .map(|(_, name)| {
            let within = f64::from(name.contains(wanted) || wanted.contains(name));
            (within + strsim::normalized_damerau_levenshtein(name, wanted), name)
        })
        .collect();
    programs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    programs.dedup_by(|a, b| a.1 == b.1);
    programs.into_iter().take(5).map(|(_, name)| name).collect()
}
