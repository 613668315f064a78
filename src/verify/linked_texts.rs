//! passwd(5) and group(5) where they are links: which file is meant is known only once all layers are merged.
//!
//! Images of systems that keep their accounts elsewhere (`/etc/passwd` → `/usr/lib/passwd`) are few, so a layer with such a file is
//! read a second time for it, and a scan keeps nothing on suspicion.

use std::io::{self, BufRead};

use super::facts::ImageFacts;
use super::layer_path::normal;
use super::rootfs::{Lookup, MergedRoot};
use super::stream::stream;
use super::tarball::Members;
use super::usage::Usage;
use crate::image::{Blobs, Descriptor, EntryKind, Image, KEPT_TEXTS, MAX_KEPT_TEXT};
use crate::progress::Silent;
use crate::{Error, Result};

/// The text of a file that a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedText {
    /// Where it is looked for: `etc/passwd`.
    pub path: &'static str,
    /// What it says; bytes that are no UTF-8 become U+FFFD.
    pub text: String,
}

/// Reads what the images's links to kept texts lead to.
///
/// Same conditions as [`ImageFacts::gather`]; what cannot be read to its end is left out, and the layer's facts say so.
pub(super) fn read(image: &Image, facts: &ImageFacts, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Vec<LinkedText>> {
    // The texts themselves, or a folder above them.
    let leads_there =
        |path: &str| KEPT_TEXTS.iter().any(|text| text.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let is_link = |kind| matches!(kind, EntryKind::Symlink { .. } | EntryKind::HardLink { .. });
    let mut links = facts.layers.iter().flat_map(|layer| layer.entries.iter()).filter(|entry| is_link(entry.kind));
    if !links.any(|link| leads_there(&link.path())) {
        return Ok(Vec::new());
    }
    let root = MergedRoot::merge(&facts.layers);
    let mut texts = Vec::new();
    for path in KEPT_TEXTS {
        if facts.text(&root, path).is_some() {
            continue;
        }
        let Lookup::Found(_, node) = root.lookup(path) else { continue };
        let Some(entry) = node.entry else { continue };
        let EntryKind::File { size, elf: None, .. } = entry.kind else { continue };
        // A hard link of another layer shows the very entry of the file: it is in the layer whose entry that is.
        let layer = facts.layers.iter().find(|layer| std::ptr::eq(&layer.entries, entry.of()));
        let Some(layer) = layer.filter(|_| size <= MAX_KEPT_TEXT) else { continue };
        if let Some(bytes) = read_file(&*image.blobs, &layer.descriptor, &entry.path(), cancelled)? {
            texts.push(LinkedText { path, text: String::from_utf8_lossy(&bytes).into_owned() });
        }
    }
    Ok(texts)
}

/// The content of the last file called `path` in the layer `blob`.
fn read_file(blobs: &dyn Blobs, blob: &Descriptor, path: &str, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<Option<Vec<u8>>> {
    let usage = Usage::new(&Silent, blob.size);
    let (_, found) = stream(blobs, blob, &usage, cancelled, |content| find(&mut Members::new(content), path))?;
    if cancelled() { Err(Error::interrupted()) } else { Ok(found.unwrap_or_default()) }
}

fn find<R: BufRead>(members: &mut Members<R>, path: &str) -> io::Result<Option<Vec<u8>>> {
    let mut found = None;
    while let Some(member) = members.next()? {
        if !member.kind.is_file() || member.size > MAX_KEPT_TEXT || member.sparse.is_some() || normal(&member.path) != path {
            continue;
        }
        let mut bytes = Vec::new();
        members.stream(|piece| {
            bytes.extend_from_slice(piece);
            true
        })?;
        found = Some(bytes);
    }
    Ok(found)
}
