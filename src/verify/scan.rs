//! One pass over one layer: digests, and a fact for every entry of its tar. Nothing is unpacked.
//!
//! Three threads share the work: one reads and decompresses the blob, one hashes it and what it decompresses to, the last looks
//! at the tar. Whatever the layer is, they hold a dozen pieces of it and one file head.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::file_head::FileHead;
use super::layer_path::{leaves, normal, text_of_path, whiteout};
use super::stream::{Streamed, stream};
use super::tarball::{Member, Members};
use super::usage::{MAX_FACTS, Usage};
use crate::image::{
    Blobs, Compression, Descriptor, Digest, ELF_HEAD, ElfReader, Entries, Entry, EntryKind, KeptFile, LayerContent, SHEBANG_HEAD,
    read_shebang,
};
use crate::{Error, Result};

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
    /// Why the digest is another than the manifest says, where more is known than that.
    pub why_other: Option<String>,
    /// Every entry, in the order of the tar.
    pub entries: Entries,
    /// Small files whose content checks read, by path, in the order of the tar.
    pub kept: Vec<(String, KeptFile)>,
}

impl LayerFacts {
    /// Facts of the blob `blob`, which is what its descriptor says and is known to hold `content`.
    pub(super) fn recalled(blob: &Descriptor, content: LayerContent) -> Self {
        let LayerContent { compression, diff_id, uncompressed_size, entries, kept } = content;
        let (descriptor, digest, size, damage) = (blob.clone(), Some(blob.digest), blob.size, None);
        LayerFacts { descriptor, digest, size, compression, diff_id, uncompressed_size, damage, why_other: None, entries, kept }
    }

    /// What the file at `path` says, when it is kept. Within one layer the last entry of a path is the one that stays.
    pub fn kept(&self, path: &str) -> Option<&KeptFile> {
        self.kept.iter().rev().find(|(at, _)| at == path).map(|(_, file)| file)
    }
}

/// Scans the layer `blob`. Damage of the layer is a fact; an error is what says nothing about the layer.
pub(super) fn scan_layer(
    blobs: &dyn Blobs,
    blob: &Descriptor,
    usage: &Usage<'_>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<LayerFacts> {
    let mut found = Found::new(usage);
    let (streamed, tar_damage) =
        stream(blobs, blob, usage, cancelled, |content| found.read(&mut Members::new(content)).err().map(|error| error.to_string()))?;
    if cancelled() {
        return Err(Error::interrupted());
    }
    let Streamed { digest, size, compression, diff_id, uncompressed_size, damage } = streamed;
    found.entries.finish();
    Ok(LayerFacts {
        descriptor: blob.clone(),
        digest,
        size,
        compression,
        diff_id,
        uncompressed_size,
        // A stream that ends early also cuts the tar; the cause is the better message.
        damage: damage.or(tar_damage),
        why_other: digest.filter(|digest| *digest != blob.digest).and_then(|_| blobs.why_other(blob)).map(|why| why.message()),
        entries: found.entries,
        kept: found.kept,
    })
}

/// Facts gathered so far.
struct Found<'a> {
    usage: &'a Usage<'a>,
    entries: Entries,
    kept: Vec<(String, KeptFile)>,
    head: Vec<u8>,
    reader: ElfReader,
}

impl<'a> Found<'a> {
    fn new(usage: &'a Usage<'a>) -> Self {
        Found { usage, entries: Entries::default(), kept: Vec::new(), head: Vec::new(), reader: ElfReader::default() }
    }

    fn read<R: BufRead>(&mut self, members: &mut Members<R>) -> io::Result<()> {
        while let Some(member) = members.next()? {
            let entry = self.entry(members, member)?;
            let cost = self.entries.push(entry).ok_or_else(too_much)?;
            self.take(1, cost)?;
        }
        Ok(())
    }

    /// Counts facts against what an image may have.
    fn take(&self, entries: u64, bytes: usize) -> io::Result<()> {
        if self.usage.take(entries, bytes as u64) { Ok(()) } else { Err(too_much()) }
    }

    fn entry<R: BufRead>(&mut self, members: &mut Members<R>, member: Member) -> io::Result<Entry> {
        // A symbolic link may name anything; it is followed inside of the image.
        let linked = (member.kind == EntryType::Link).then_some(&member.link);
        if let Some(name) = [&member.path].into_iter().chain(linked).find(|name| leaves(name)) {
            let name = text_of_path(name);
            return Err(io::Error::other(format!("the name `{name}` leads out of the image, and Docker unpacks no such layer")));
        }
        let path = normal(&member.path);
        let (mode, uid, gid) = (member.mode, member.uid, member.gid);
        let (path, kind) = match member.kind {
            EntryType::Directory => (path, EntryKind::Directory),
            EntryType::Symlink => (path, EntryKind::Symlink { target: text_of_path(&member.link) }),
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
            elf = file.elf(&self.head, &mut self.reader)?;
        } else if self.head.starts_with(b"#!") {
            file.grow(&mut self.head, SHEBANG_HEAD as u64)?;
            shebang = read_shebang(&self.head);
        }
        if KeptFile::limit(path).is_some_and(|limit| size <= limit) && member.sparse.is_none() && elf.is_none() {
            file.grow(&mut self.head, size)?;
            if let Some(kept) = KeptFile::read(path, &self.head) {
                // A large buffer is not kept for the rest of the layer.
                self.head = Vec::new();
                self.take(0, path.len() + kept.memory())?;
                self.kept.push((path.to_owned(), kept));
            }
        }
        Ok(EntryKind::File { size, elf, shebang, capabilities: member.capabilities.clone().map(Box::new) })
    }
}

fn too_much() -> io::Error {
    let limit = MAX_FACTS >> 20;
    io::Error::other(format!(
        "the image has more paths, or longer ones, than are looked at: what is known of them would take more than {limit} MiB"
    ))
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
