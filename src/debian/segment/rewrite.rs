//! The data tar of a .deb, rewritten: canonical paths, normalised headers, and the facts of every entry.
//!
//! A package is trusted no further than dpkg trusts one. What dpkg refuses is refused; so is what no package has a use
//! for in an image (devices), and whatever would cost memory or disk without end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use tar::EntryType;
use tokio_util::sync::CancellationToken;

use super::super::deb::{damaged, unreadable};
use super::canonical::{canonical, canonical_directory, clean, link_target};
use super::contents::{Bytes, Contents, is_kept, is_tool, max_kept};
use super::facts::Directory;
use super::member::MEMBER;
use super::scripts::{MAX_IN_FOLDERS, Mentions};
use super::tar_header::{TarEntry, pad};
use super::workers::{Buffer, Workers};
use crate::image::{ElfReader, Entry, EntryKind, read_shebang};
use crate::{Error, Result};

/// A package with more entries than this is refused: it bounds the sidecar (the largest in Debian has some 60,000).
const MAX_ENTRIES: usize = 1_000_000;
/// Bytes of all names and link targets of a package; Debian's largest has some 6 MB.
const MAX_NAMES: usize = 128 << 20;
/// Longest name in a `@LongLink` entry.
const MAX_NAME: u64 = 4097;
/// How much of a file is read at a time.
const PIECE: u64 = 64 << 10;

/// Facts gathered from the tar.
#[derive(Default)]
pub(super) struct Gathered {
    /// The non-directory entries, in the order of the tar.
    pub entries: Vec<Entry>,
    /// The directories, by physical path.
    pub directories: BTreeMap<String, Directory>,
    /// Kept files.
    pub contents: Contents,
    /// Newest modification time of the entries.
    pub newest: u64,
    seen: BTreeSet<String>,
    /// Bytes of all names and targets so far.
    names: usize,
}

/// Reads the tar `data`, hands its entries on as they go into layers, in pieces of [`MEMBER`] bytes, and returns their
/// facts and how many bytes were handed on. The bytes of files that the package's scripts mention are kept.
pub(super) fn rewrite(
    data: impl Read,
    mentions: Mentions,
    workers: &Workers,
    cancel: &CancellationToken,
    push: Push<'_>,
) -> Result<(Gathered, u64)> {
    let mut collector = Collector {
        gathered: Gathered::default(),
        mentions,
        in_folders: 0,
        elf: ElfReader::default(),
        buffer: workers.buffer(),
        workers,
        raw_size: 0,
        cancel,
    };
    collector.read(data, push)?;
    Ok((collector.gathered, collector.raw_size))
}

/// What [`rewrite`] makes of `data`, whole: for tests and fuzzing.
#[cfg(any(test, fuzzing))]
pub(in super::super) fn rewritten(data: impl Read) -> Result<(Vec<u8>, Vec<Entry>)> {
    let mut raw = Vec::new();
    let push = &mut |piece: Buffer| {
        raw.extend_from_slice(&piece);
        Ok(())
    };
    let (gathered, _) = rewrite(data, Mentions::default(), &Workers::new(1), &CancellationToken::new(), push)?;
    Ok((raw, gathered.entries))
}

struct Collector<'a> {
    gathered: Gathered,
    mentions: Mentions,
    /// Bytes kept of files whose folder a script names.
    in_folders: u64,
    elf: ElfReader,
    buffer: Buffer,
    workers: &'a Workers,
    raw_size: u64,
    cancel: &'a CancellationToken,
}

type Push<'a> = &'a mut dyn FnMut(Buffer) -> Result<()>;

impl Collector<'_> {
    fn read(&mut self, data: impl Read, push: Push<'_>) -> Result<()> {
        let mut archive = tar::Archive::new(data);
        let (mut long_name, mut long_link) = (None, None);
        for entry in archive.entries().map_err(unreadable)?.raw(true) {
            let mut entry = entry.map_err(unreadable)?;
            match entry.header().entry_type() {
                EntryType::GNULongName => long_name = Some(read_name(&mut entry)?),
                EntryType::GNULongLink => long_link = Some(read_name(&mut entry)?),
                _ => {
                    let name = long_name.take().unwrap_or_else(|| entry.header().path_bytes().into_owned());
                    let link = long_link.take().or_else(|| entry.header().link_name_bytes().map(|l| l.into_owned()));
                    self.entry(&mut entry, &name, link.as_deref().unwrap_or_default(), push)?;
                }
            }
        }
        // The end of the compressed stream carries its checksum. What follows the end of the archive is no part of it, as
        // for dpkg.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
        self.hand_on(push, 0)
    }

    fn entry(&mut self, entry: &mut tar::Entry<'_, impl Read>, name: &[u8], link: &[u8], push: Push<'_>) -> Result<()> {
        let header = entry.header();
        let kind = header.entry_type();
        let original = clean(name)?;
        let numbers = || Ok::<_, io::Error>((header.mode()? & 0o7777, header.uid()?, header.gid()?, header.mtime()?));
        let (mode, uid, gid, mtime) = numbers().map_err(|error| damaged(format!("the header of `{original}`: {error}")))?;
        if uid.max(gid) > u64::from(u32::MAX) {
            return Err(damaged(format!("`{original}` belongs to {uid}:{gid}, which no system can have")));
        }
        self.gathered.names += name.len() + link.len();
        if self.gathered.entries.len() + self.gathered.directories.len() >= MAX_ENTRIES || self.gathered.names > MAX_NAMES {
            return Err(damaged(format!("it has more than {MAX_ENTRIES} entries, or names of more than {MAX_NAMES} bytes")));
        }
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        if !is_file && entry.size() > 0 {
            // dpkg takes the content for the next header; two readers must not see two archives.
            return Err(damaged(format!("`{original}` is no regular file and has content")));
        }
        if kind == EntryType::Directory {
            let path = canonical_directory(&original);
            if !path.is_empty() {
                // Listed twice once merged (`./bin/` and `./usr/bin/`): the one that was in `/usr` already decides.
                let directory = Directory { path: path.clone(), mode, uid, gid, mtime };
                if original == path {
                    self.gathered.directories.insert(path, directory);
                } else {
                    self.gathered.directories.entry(path).or_insert(directory);
                }
            }
            return Ok(());
        }
        let path = canonical(&original);
        if path.is_empty() || !self.gathered.seen.insert(path.clone()) {
            return Err(damaged(format!("two of its entries are `/{path}` on a system with merged /usr")));
        }
        let target = || std::str::from_utf8(link).map_err(|_| damaged(format!("the target of `{path}` is not UTF-8")));
        let mut out = TarEntry { path: &path, kind, link: "", mode, uid, gid, size: 0, mtime };
        let fact = match kind {
            EntryType::Regular | EntryType::Continuous => {
                out.kind = EntryType::Regular;
                out.size = entry.size();
                out.write(&mut self.buffer);
                self.content(entry, &path, push)?
            }
            EntryType::Symlink => {
                let target = link_target(&original, &path, target()?);
                TarEntry { link: &target, mode: 0o777, ..out }.write(&mut self.buffer);
                EntryKind::Symlink { target }
            }
            EntryType::Link => {
                let target = canonical(&clean(link)?);
                if !self.gathered.seen.contains(&target) || target == path {
                    return Err(damaged(format!("`{path}` is a hard link to `{target}`, which it does not have")));
                }
                TarEntry { link: &target, ..out }.write(&mut self.buffer);
                EntryKind::HardLink { target }
            }
            EntryType::Fifo => {
                out.write(&mut self.buffer);
                EntryKind::Special
            }
            // Debian Policy 10.6; in a container they would open what the host's devices are.
            EntryType::Char | EntryType::Block => {
                return Err(damaged(format!("`{path}` is a device, which no package may ship (Debian Policy 10.6)")));
            }
            other => {
                return Err(damaged(format!(
                    "`{path}` is a tar entry of type {:?}, which dpkg does not have either",
                    other.as_byte() as char
                )));
            }
        };
        self.gathered.newest = self.gathered.newest.max(mtime);
        let mode = if kind == EntryType::Symlink { 0o777 } else { mode };
        self.gathered.entries.push(Entry { path, kind: fact, mode, uid, gid });
        self.hand_on(push, MEMBER)
    }

    /// Whether the bytes of `path` are kept: rules read them, or a script of the package names them.
    fn is_kept(&mut self, path: &str, size: u64) -> bool {
        if is_kept(path) || self.mentions.names(path) {
            return true;
        }
        let keep = self.mentions.names_folder_of(path) && self.in_folders + size <= MAX_IN_FOLDERS;
        self.in_folders += if keep { size } else { 0 };
        keep
    }

    /// Passes a regular file's content on and reads its facts on the way.
    fn content(&mut self, entry: &mut tar::Entry<'_, impl Read>, path: &str, push: Push<'_>) -> Result<EntryKind> {
        let size = entry.size();
        let (mut done, mut shebang) = (0u64, None);
        self.elf.begin();
        let mut keep = size <= max_kept(path) && self.is_kept(path, size);
        let mut kept = Vec::new();
        while done < size {
            let start = self.buffer.len();
            let piece = (size - done).min(PIECE);
            self.buffer.resize(start + piece as usize, 0);
            entry.read_exact(&mut self.buffer[start..]).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged(format!("its data ends within `{path}`")),
                _ => unreadable(error),
            })?;
            let bytes = &self.buffer[start..];
            if done == 0 {
                shebang = read_shebang(bytes);
                keep |= is_tool(path, size, shebang.as_deref());
            }
            self.elf.push(bytes);
            if keep {
                kept.extend_from_slice(bytes);
            }
            done += piece;
            self.hand_on(push, MEMBER)?;
        }
        pad(&mut self.buffer, size);
        if keep {
            self.gathered.contents.insert(path.to_owned(), Bytes(kept));
        }
        Ok(EntryKind::File { size, elf: self.elf.finish(size), shebang, capabilities: None })
    }

    /// Hands on whole members while more than `least` bytes have gathered; with 0 the rest as well.
    fn hand_on(&mut self, push: Push<'_>, least: usize) -> Result<()> {
        while self.buffer.len() >= least.max(1) {
            if self.cancel.is_cancelled() {
                return Err(Error::interrupted());
            }
            let piece = self.workers.cut(&mut self.buffer, MEMBER);
            self.raw_size += piece.len() as u64;
            push(piece)?;
        }
        Ok(())
    }
}

/// A name from a `@LongLink` entry, without its final NUL.
fn read_name(entry: &mut impl Read) -> Result<Vec<u8>> {
    let mut name = Vec::new();
    entry.take(MAX_NAME + 1).read_to_end(&mut name).map_err(unreadable)?;
    if name.len() as u64 > MAX_NAME {
        return Err(damaged("it has a name longer than 4096 bytes"));
    }
    while name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}
