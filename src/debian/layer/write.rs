//! Writes a layer's blob: cached members are copied, the rest is compressed, both digests are computed on the way.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tar::EntryType;
use tokio_util::sync::CancellationToken;

use super::super::rootfs::Content;
use super::super::segment::member::{MEMBER, compress};
use super::super::segment::tar_header::{TarEntry, pad};
use super::super::segment::{Buffer, Cached, Workers};
use super::cache::CachedLayer;
use super::filter::filter;
use super::plan::LayerPlan;
use crate::catalog::LayerCompression;
use crate::error::IoContext;
use crate::image::{Hasher, Store};
use crate::{Error, Result};

/// A piece of the layer on its way to the blob.
enum Piece {
    /// Uncompressed tar, at most [`MEMBER`] bytes.
    Raw(Buffer),
    /// A finished member: its segment, its number, where it begins.
    Member(Arc<Cached>, usize, u64),
}

/// Writes the layer into `store`, compressed as its segments are (`how`); they are read from `folder`. The same bytes for any number of threads.
pub(in super::super) fn write(
    plan: &LayerPlan,
    how: LayerCompression,
    folder: &Path,
    store: &Store,
    workers: &Workers,
    cancel: &CancellationToken,
) -> Result<CachedLayer> {
    let mut blob = store.writer()?;
    let (mut diff_id, mut raw_size) = (Hasher::new(), 0u64);
    workers.ordered(
        false,
        |push| {
            let mut push = |piece| {
                if cancel.is_cancelled() { Err(Error::interrupted()) } else { push(piece) }
            };
            let mut raw = Raw { buffer: workers.buffer(), workers };
            directories(plan, &mut raw.buffer);
            raw.flush(&mut push)?;
            for (segment, edits) in &plan.segments {
                let cached = Arc::new(Cached::open(folder, segment)?);
                if edits.is_none() {
                    cached.offsets().enumerate().try_for_each(|(index, offset)| push(Piece::Member(cached.clone(), index, offset)))?;
                } else {
                    filter(cached.content(workers), edits, &segment.package, &mut |bytes| raw.add(bytes, &mut push))?;
                    raw.flush(&mut push)?;
                }
            }
            for (path, file) in &plan.files {
                let (kind, link, size) = match &file.content {
                    Content::File(bytes) => (EntryType::Regular, "", bytes.len() as u64),
                    Content::Local(content) => (EntryType::Regular, "", content.size()),
                    Content::Link(target) => (EntryType::Symlink, target.as_str(), 0),
                    Content::Directory | Content::Packaged { .. } => continue,
                };
                TarEntry { path, kind, link, mode: file.mode, uid: file.uid, gid: file.gid, size, mtime: file.mtime }
                    .write_with(file.capabilities.as_deref().copied(), &mut raw.buffer);
                match &file.content {
                    Content::File(bytes) => raw.add(bytes, &mut push)?,
                    Content::Local(content) => content.read(&mut |bytes| raw.add(bytes, &mut push))?,
                    _ => {}
                }
                pad(&mut raw.buffer, size);
            }
            raw.flush(&mut push)?;
            // Two zero blocks end an archive (POSIX pax, "ustar Interchange Format").
            raw.buffer.resize(1024, 0);
            raw.flush(&mut push)
        },
        |piece| match piece {
            Piece::Raw(raw) => {
                let mut member = workers.buffer();
                compress(how, &raw, &mut member)?;
                Ok((member, raw))
            }
            Piece::Member(cached, index, offset) => {
                let (mut member, mut raw) = (workers.buffer(), workers.buffer());
                cached.read(index, offset, &mut member, &mut raw)?;
                Ok((member, raw))
            }
        },
        |(member, raw): (Buffer, Buffer)| {
            diff_id.update(&raw);
            raw_size += raw.len() as u64;
            blob.write_all(&member).at("writing a layer to", store.root())
        },
    )?;
    let (digest, size) = blob.finish()?;
    Ok(CachedLayer { digest, diff_id: diff_id.finish(), size, raw_size, compression: how })
}

fn directories(plan: &LayerPlan, out: &mut Vec<u8>) {
    for d in &plan.directories {
        let (kind, mode, uid, gid, mtime) = (EntryType::Directory, d.mode, d.uid, d.gid, d.mtime);
        TarEntry { path: &d.path, kind, link: "", mode, uid, gid, size: 0, mtime }.write(out);
    }
}

/// Gathers uncompressed tar into pieces.
struct Raw<'a> {
    buffer: Buffer,
    workers: &'a Workers,
}

impl Raw<'_> {
    fn add(&mut self, bytes: &[u8], push: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < MEMBER { Ok(()) } else { self.hand_on(push, MEMBER) }
    }

    fn flush(&mut self, push: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        self.hand_on(push, 1)
    }

    fn hand_on(&mut self, push: &mut dyn FnMut(Piece) -> Result<()>, least: usize) -> Result<()> {
        while self.buffer.len() >= least {
            push(Piece::Raw(self.workers.cut(&mut self.buffer, MEMBER)))?;
        }
        Ok(())
    }
}
