//! What is inside a layer that was just written, told without reading it.

use super::super::rootfs::Content;
use super::cache::CachedLayer;
use super::plan::LayerPlan;
use crate::catalog::LayerCompression;
use crate::image::{Compression, ElfReader, Entries, Entry, EntryKind, FileCapabilities, KeptFile, LayerContent, read_shebang};

/// Longest path that verification takes (`PATH_MAX`).
const MAX_PATH: usize = 4096;

/// The content of `layer`, which was written from `plan`: exactly what a scan of the blob would find.
///
/// `None` when facts alone do not tell: a package ships a whiteout, or package metadata, accounts or a loader's cache of its own, or the
/// layer has local files, of which only hashes are known. Such a layer is scanned.
pub(in super::super) fn content(plan: &LayerPlan, layer: &CachedLayer) -> Option<LayerContent> {
    let (mut entries, mut kept) = (Entries::default(), Vec::new());
    let mut push = |entry: Entry| is_plain(&entry).then(|| entries.push(entry)).flatten();
    for d in &plan.directories {
        push(Entry { path: d.path.clone(), kind: EntryKind::Directory, mode: d.mode, uid: d.uid, gid: d.gid })?;
    }
    for (segment, edits) in &plan.segments {
        for entry in segment.entries.iter().filter_map(|entry| edits.apply(entry)) {
            if KeptFile::limit(&entry.path).is_some() && matches!(entry.kind, EntryKind::File { .. }) {
                let bytes = segment.contents.get(&entry.path)?;
                kept.push((entry.path.clone(), KeptFile::read(&entry.path, &bytes.0)?));
            }
            push(entry)?;
        }
    }
    for (path, file) in &plan.files {
        let (kind, mode) = match &file.content {
            Content::File(bytes) => {
                kept.extend(KeptFile::read(path, bytes).map(|file| (path.clone(), file)));
                let capabilities = file.capabilities.as_deref().map(|set| Box::new(FileCapabilities::Set(*set)));
                let (elf, shebang) = (ElfReader::whole(bytes), read_shebang(bytes));
                (EntryKind::File { size: bytes.len() as u64, elf, shebang, capabilities }, file.mode)
            }
            Content::Link(target) => (EntryKind::Symlink { target: target.clone() }, file.mode),
            Content::Local(_) => return None,
            Content::Directory | Content::Packaged { .. } => continue,
        };
        push(Entry { path: path.clone(), kind, mode, uid: file.uid, gid: file.gid })?;
    }
    entries.finish();
    Some(LayerContent {
        compression: match layer.compression {
            LayerCompression::Gzip => Compression::Gzip,
            LayerCompression::Zstd => Compression::Zstd,
        },
        diff_id: layer.diff_id,
        uncompressed_size: layer.raw_size,
        entries,
        kept,
    })
}

/// Whether a scan would take `entry` for what it is: no whiteout by its name, and not beyond what a path may have.
fn is_plain(entry: &Entry) -> bool {
    let link = match &entry.kind {
        EntryKind::Symlink { target } | EntryKind::HardLink { target } => target.len(),
        _ => 0,
    };
    let name = entry.path.rsplit('/').next().unwrap_or_default();
    !name.starts_with(".wh.") && entry.path.len().max(link) <= MAX_PATH
}
