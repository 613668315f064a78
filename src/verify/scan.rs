//! One pass over one layer: digests, and a fact for every entry of its tar. Nothing is unpacked.
//!
//! Two threads share the work: one reads, hashes and decompresses the blob, the other hashes the content and looks at
//! the tar. Whatever the layer is, they hold [`CHUNKS`] pieces of it and one file head.

use std::io::{self, BufRead};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::decode::{CHUNKS, Compression, Content, Decoded, decode};
use super::packages::{MAX_METADATA, Metadata};
use super::sparse::Piece;
use super::tarball::{Member, Members};
use crate::image::{Blobs, Descriptor, Digest, ELF_HEAD, Entry, EntryKind, InstalledPackage, read_elf};
use crate::progress::{Progress, Unit};
use crate::{Error, Result};

/// The most entries the layers of one image may have together.
pub const MAX_ENTRIES: u64 = 2_000_000;
/// The most bytes that all paths, link targets and other texts of one image may have together.
const MAX_TEXT: u64 = 512 << 20;
/// `#!` and the longest interpreter line we keep.
const SHEBANG: u64 = 257;

/// What one pass over a layer's blob found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// What the manifest says the blob is.
    pub descriptor: Descriptor,
    /// The blob's real digest; `None` when it could not be read whole or is longer than the manifest says.
    pub digest: Option<Digest>,
    /// How many bytes the blob really has. Reading ends one byte after the declared size.
    pub size: u64,
    /// How it is compressed, by its own bytes.
    pub compression: Compression,
    /// The digest of the uncompressed content, as far as it could be read.
    pub diff_id: Digest,
    /// Length of the uncompressed content.
    pub uncompressed_size: u64,
    /// Why blob or tar could not be read to the end. The other facts are then only part of the truth.
    pub damage: Option<String>,
    /// Every entry, in the order of the tar.
    pub entries: Vec<Entry>,
    /// Package metadata: the path of the file, and the installed packages it names.
    pub packages: Vec<(String, Vec<InstalledPackage>)>,
}

/// What the layers of one image may use up together, and how far the scan is.
pub(super) struct Usage<'a> {
    entries: AtomicU64,
    text: AtomicU64,
    read: AtomicU64,
    total: u64,
    progress: &'a dyn Progress,
}

impl<'a> Usage<'a> {
    /// Nothing used yet, of blobs with `total` bytes.
    pub(super) fn new(progress: &'a dyn Progress, total: u64) -> Self {
        Usage { entries: AtomicU64::new(0), text: AtomicU64::new(0), read: AtomicU64::new(0), total, progress }
    }

    /// Tells that `count` more bytes of blobs were read.
    pub(super) fn read(&self, count: u64) {
        let read = self.read.fetch_add(count, Ordering::Relaxed) + count;
        self.progress.amount(read.min(self.total), self.total, Unit::Bytes);
    }
}

/// Scans the layer `blob`. Damage of the layer is a fact; an error is what says nothing about the layer.
pub(super) fn scan_layer(
    blobs: &dyn Blobs,
    blob: &Descriptor,
    usage: &Usage<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<LayerFacts> {
    let (pieces, received) = mpsc::sync_channel(CHUNKS);
    let (spare, returned) = mpsc::channel();
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || decode(blobs, blob, pieces, returned, usage, cancelled));
        let mut found = Found { usage, entries: Vec::new(), packages: Vec::new(), head: Vec::new() };
        let mut members = Members::new(Content::new(received, spare));
        let tar_damage = found.read(&mut members).err().map(|error| error.to_string());
        let (diff_id, uncompressed_size) = members.into_inner().finish();
        let Decoded { digest, size, compression, damage } =
            decoder.join().map_err(|_| Error::failed(format!("reading the layer {} broke off", blob.digest)))??;
        if cancelled() {
            return Err(Error::interrupted());
        }
        Ok(LayerFacts {
            descriptor: blob.clone(),
            digest,
            size,
            compression,
            diff_id,
            uncompressed_size,
            // A stream that ends early also cuts the tar; the cause is the better message.
            damage: damage.or(tar_damage),
            entries: found.entries,
            packages: found.packages,
        })
    })
}

/// Facts gathered so far.
struct Found<'a> {
    usage: &'a Usage<'a>,
    entries: Vec<Entry>,
    packages: Vec<(String, Vec<InstalledPackage>)>,
    head: Vec<u8>,
}

impl Found<'_> {
    fn read<R: BufRead>(&mut self, members: &mut Members<R>) -> io::Result<()> {
        while let Some(member) = members.next()? {
            let entry = self.entry(members, member)?;
            self.account(&entry)?;
            self.entries.push(entry);
        }
        Ok(())
    }

    fn entry<R: BufRead>(&mut self, members: &mut Members<R>, member: Member) -> io::Result<Entry> {
        let path = normal(&member.path);
        let (mode, uid, gid) = (member.mode, member.uid, member.gid);
        let (path, kind) = match member.kind {
            EntryType::Directory => (path, EntryKind::Directory),
            EntryType::Symlink => (path, EntryKind::Symlink { target: String::from_utf8_lossy(&member.link).into_owned() }),
            EntryType::Link => (path, EntryKind::HardLink { target: normal(&member.link) }),
            EntryType::Char | EntryType::Block | EntryType::Fifo => (path, EntryKind::Special),
            _ => match whiteout(&path) {
                Some(hidden) => hidden,
                None => {
                    let kind = self.file(members, &member, &path)?;
                    (path, kind)
                }
            },
        };
        Ok(Entry { path, kind, mode, uid, gid })
    }

    fn file<R: BufRead>(&mut self, members: &mut Members<R>, member: &Member, path: &str) -> io::Result<EntryKind> {
        let size = member.size;
        self.head.clear();
        let mut file = FileHead { members, pieces: member.sparse.clone(), stored_at: 0, size };
        file.grow(&mut self.head, 4)?;
        let (mut elf, mut shebang) = (None, None);
        if self.head.starts_with(b"\x7fELF") {
            file.grow(&mut self.head, ELF_HEAD as u64)?;
            elf = read_elf(&self.head);
        } else if self.head.starts_with(b"#!") {
            file.grow(&mut self.head, SHEBANG)?;
            let line = self.head[2..].split(|b| *b == b'\n').next().unwrap_or_default();
            shebang = Some(String::from_utf8_lossy(line.trim_ascii()).into_owned());
        }
        if let Some(metadata) = Metadata::of_path(path)
            && size <= MAX_METADATA
            && member.sparse.is_none()
        {
            file.grow(&mut self.head, size)?;
            let packages = metadata.read(&self.head);
            let text = packages.iter().map(|p| (p.name.len() + p.version.len() + p.architecture.len()) as u64 + 72).sum();
            self.usage.text.fetch_add(text, Ordering::Relaxed);
            self.packages.push((path.to_owned(), packages));
            // A large buffer is not kept for the rest of the layer.
            self.head = Vec::new();
        }
        Ok(EntryKind::File { size, elf, shebang })
    }

    /// Counts `entry` against what an image may have.
    fn account(&self, entry: &Entry) -> io::Result<()> {
        let more = match &entry.kind {
            EntryKind::Symlink { target } | EntryKind::HardLink { target } => target.len(),
            EntryKind::File { elf, shebang, .. } => {
                let elf =
                    elf.as_ref().map_or(0, |e| e.interpreter.as_ref().map_or(0, String::len) + e.damage.as_ref().map_or(0, String::len));
                elf + shebang.as_ref().map_or(0, String::len)
            }
            _ => 0,
        };
        let text = (entry.path.len() + more) as u64;
        if self.usage.entries.fetch_add(1, Ordering::Relaxed) >= MAX_ENTRIES {
            return Err(io::Error::other(format!("the image has more than {MAX_ENTRIES} entries")));
        }
        if self.usage.text.fetch_add(text, Ordering::Relaxed) + text > MAX_TEXT {
            return Err(io::Error::other(format!("the image's paths have more than {} MiB together", MAX_TEXT >> 20)));
        }
        Ok(())
    }
}

/// The head of a file, put together from its stored pieces when it is sparse.
struct FileHead<'a, R> {
    members: &'a mut Members<R>,
    pieces: Option<Vec<Piece>>,
    /// How many stored bytes were read.
    stored_at: u64,
    size: u64,
}

impl<R: BufRead> FileHead<'_, R> {
    /// Makes `head` the file's first `length` bytes, or all of it when it is shorter.
    fn grow(&mut self, head: &mut Vec<u8>, length: u64) -> io::Result<()> {
        let length = length.min(self.size);
        let Some(pieces) = &self.pieces else {
            return self.members.head(head, length.saturating_sub(head.len() as u64));
        };
        // Where the stored bytes of each piece begin is the sum of those before it.
        let mut stored = 0;
        for piece in pieces {
            let end = piece.offset.saturating_add(piece.length).min(length);
            let have = head.len() as u64;
            if end > have && piece.offset < length {
                if piece.offset > have {
                    head.resize(piece.offset as usize, 0);
                }
                let from = stored + (head.len() as u64).saturating_sub(piece.offset);
                self.members.pass(from.saturating_sub(self.stored_at))?;
                let wanted = end - head.len() as u64;
                self.members.head(head, wanted)?;
                self.stored_at = from + wanted;
            }
            stored += piece.length;
        }
        if (head.len() as u64) < length {
            head.resize(length as usize, 0);
        }
        Ok(())
    }
}

/// The path in the image: as engines see it, `/`-rooted and cleaned, without the leading slash.
pub(super) fn normal(path: &[u8]) -> String {
    let mut out: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(out.pop()),
            part => out.push(part),
        }
    }
    String::from_utf8_lossy(&out.join(&b'/')).into_owned()
}

/// Whiteouts (image-spec, "Image Layer Filesystem Changeset"): what `path` hides, when it is one.
fn whiteout(path: &str) -> Option<(String, EntryKind)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let hidden = name.strip_prefix(".wh.")?;
    if hidden == ".wh..opq" {
        return Some((folder.to_owned(), EntryKind::Opaque));
    }
    let path = if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") };
    Some((path, EntryKind::Whiteout))
}
