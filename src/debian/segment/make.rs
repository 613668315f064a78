//! Makes a segment: one pass over a .deb, from its file to compressed members and facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tar::EntryType;
use tokio_util::sync::CancellationToken;

use super::super::LockedPackage;
use super::super::deb::{Control, Deb, damaged, unreadable};
use super::canonical::{canonical, canonical_directory, clean, link_target};
use super::contents::{Bytes, Contents, MAX_KEPT, is_kept};
use super::facts::{Directory, FORMAT, Segment};
use super::gzip::{MEMBER, compress};
use super::scripts::{self, MAX_IN_FOLDERS, Mentions, Script};
use super::tar_header::{TarEntry, pad};
use super::{pipeline, stanza};
use crate::error::IoContext;
use crate::image::{ElfReader, Entry, EntryKind, Hasher, read_shebang, record};
use crate::{Error, Result};

/// A package with more entries than this is refused: it bounds the sidecar (the largest in Debian has some 60,000).
const MAX_ENTRIES: usize = 1_000_000;
/// Longest name in a `@LongLink` entry.
const MAX_NAME: u64 = 4097;
/// How much of a file is read at a time.
const PIECE: u64 = 64 << 10;
/// Below this length of .deb, threads cost more than they bring.
const WORTH_THREADS: u64 = 256 << 10;

/// What making a segment needs to know.
pub(in super::super) struct Making<'a> {
    /// Which package the file must be.
    pub package: &'a LockedPackage,
    /// The .deb.
    pub deb: &'a Path,
    /// Where segments are kept.
    pub folder: &'a Path,
    /// Threads to compress on; the bytes are the same for any number.
    pub workers: usize,
    /// Stops the work.
    pub cancel: &'a CancellationToken,
}

/// Makes the segment of a .deb and puts it into the cache, members first, facts last.
pub(in super::super) fn make(making: &Making<'_>) -> Result<Segment> {
    let package = making.package;
    write_segment(making).map_err(|error| match error.is_interrupted() {
        true => error,
        false => error.context(format!("{} {} ({})", package.name, package.version, making.deb.display())),
    })
}

fn write_segment(making: &Making<'_>) -> Result<Segment> {
    fs::create_dir_all(making.folder).at("creating", making.folder)?;
    let mut out = tempfile::Builder::new().prefix(".new-").tempfile_in(making.folder).at("creating a segment in", making.folder)?;
    let file = File::open(making.deb).at("opening", making.deb)?;
    let mut deb = Deb::open(HashingReader { inner: file, hasher: Hasher::new(), length: 0 })?;
    let control = deb.control()?;
    let scripts = scripts::read(&control);
    let mut writer = Collector {
        gathered: Gathered::default(),
        mentions: Mentions::of(&scripts),
        in_folders: 0,
        elf: ElfReader::default(),
        buffer: Vec::with_capacity(2 * MEMBER),
        raw_size: 0,
        cancel: making.cancel,
    };
    let mut members = Vec::new();
    let workers = if making.package.size < WORTH_THREADS { 0 } else { making.workers };
    pipeline::ordered(
        workers,
        |push| writer.read_data(deb.data()?, push),
        |raw: Vec<u8>| compress(&raw),
        |member: Vec<u8>| {
            members.push(u32::try_from(member.len()).map_err(|_| Error::failed("a member is too long"))?);
            out.write_all(&member).at("writing a segment to", making.folder)
        },
    )?;
    let file = deb.drain()?;
    let (sha256, deb_size) = (file.hasher.finish(), file.length);
    if sha256 != making.package.sha256.0 {
        return Err(Error::failed(format!("the file's SHA-256 is {}, the lock says {}", sha256.hex(), making.package.sha256.0.hex()))
            .hint("delete that file and build again; if it comes back, the mirror serves something else than Debian signed"));
    }
    let Collector { gathered, raw_size, .. } = writer;
    let segment = describe(making.package, (&control, scripts), gathered, members, (deb_size, raw_size))?;
    let (path, facts) = Segment::paths(making.folder, &sha256);
    out.as_file().sync_data().at("syncing", &path)?;
    out.persist(&path).map_err(|error| error.error).at("writing", &path)?;
    record::write(&facts, &segment.sha256.0, &segment)?;
    Ok(segment)
}

/// Joins the control files and what was gathered from the tar.
fn describe(
    package: &LockedPackage,
    (control, scripts): (&Control, BTreeMap<String, Script>),
    gathered: Gathered,
    members: Vec<u32>,
    (deb_size, raw_size): (u64, u64),
) -> Result<Segment> {
    let stanza = control.get("control").map(|bytes| stanza::normalise(bytes)).transpose()?.unwrap_or_default();
    let named = |name: &str| stanza::field(&stanza, name).unwrap_or_default();
    for (field, expected) in [("Package", &package.name), ("Version", &package.version), ("Architecture", &package.architecture)] {
        if named(field) != *expected {
            return Err(Error::failed(format!("the .deb says `{field}: {}`, the lock says `{expected}`", named(field))));
        }
    }
    let md5sums = control.get("md5sums").map(|bytes| physical_md5sums(bytes)).transpose()?.unwrap_or_default();
    Ok(Segment {
        format: FORMAT,
        sha256: package.sha256,
        package: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        deb_size,
        raw_size,
        size: members.iter().map(|n| u64::from(*n)).sum(),
        members,
        newest: gathered.newest,
        entries: gathered.entries,
        directories: gathered.directories.into_values().collect(),
        control: stanza,
        md5sums,
        scripts,
        contents: gathered.contents,
    })
}

/// `md5sums` with the paths files really have, so that scanners find their owners; `DIGEST  PATH`, two spaces.
fn physical_md5sums(bytes: &[u8]) -> Result<String> {
    let mut out = String::with_capacity(bytes.len());
    for line in String::from_utf8_lossy(bytes).lines().filter(|line| !line.trim().is_empty()) {
        let Some((sum, path)) = line.split_once(' ').filter(|(sum, _)| sum.len() == 32) else {
            return Err(damaged(format!("its `md5sums` has the line `{line}`")));
        };
        let path = path.trim_start_matches([' ', '*']);
        out.push_str(&format!("{sum}  {}\n", canonical(&clean(path.as_bytes())?)));
    }
    Ok(out)
}

/// Facts gathered from the tar.
#[derive(Default)]
struct Gathered {
    entries: Vec<Entry>,
    directories: BTreeMap<String, Directory>,
    contents: Contents,
    newest: u64,
    seen: BTreeSet<String>,
}

/// Rewrites the data tar and hands it on in pieces of [`MEMBER`] bytes.
struct Collector<'a> {
    gathered: Gathered,
    mentions: Mentions,
    /// Bytes kept of files whose folder a script names.
    in_folders: u64,
    elf: ElfReader,
    buffer: Vec<u8>,
    raw_size: u64,
    cancel: &'a CancellationToken,
}

type Push<'a> = &'a mut dyn FnMut(Vec<u8>) -> Result<()>;

impl Collector<'_> {
    fn read_data(&mut self, data: Box<dyn Read + '_>, push: Push<'_>) -> Result<()> {
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
        // The end of the compressed stream carries its checksum.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
        self.hand_on(push, 0)
    }

    fn entry(&mut self, entry: &mut tar::Entry<'_, impl Read>, name: &[u8], link: &[u8], push: Push<'_>) -> Result<()> {
        let header = entry.header();
        let kind = header.entry_type();
        let original = clean(name)?;
        let numbers = || Ok::<_, io::Error>((header.mode()? & 0o7777, header.uid()?, header.gid()?, header.mtime()?));
        let (mode, uid, gid, mtime) = numbers().map_err(unreadable)?;
        if self.gathered.entries.len() + self.gathered.directories.len() >= MAX_ENTRIES {
            return Err(damaged(format!("it has more than {MAX_ENTRIES} entries")));
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
        let mut out = TarEntry { path: &path, kind, link: "", mode, uid, gid, size: 0, mtime, device: None };
        let fact = match kind {
            EntryType::Regular | EntryType::Continuous => {
                out.kind = EntryType::Regular;
                out.size = entry.size();
                out.write(&mut self.buffer)?;
                self.content(entry, &path, push)?
            }
            EntryType::Symlink => {
                let target = link_target(&original, &path, target()?);
                TarEntry { link: &target, mode: 0o777, ..out }.write(&mut self.buffer)?;
                EntryKind::Symlink { target }
            }
            EntryType::Link => {
                let target = canonical(&clean(link)?);
                if !self.gathered.seen.contains(&target) || target == path {
                    return Err(damaged(format!("`{path}` is a hard link to `{target}`, which it does not have")));
                }
                TarEntry { link: &target, ..out }.write(&mut self.buffer)?;
                EntryKind::HardLink { target }
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                let device = |n: io::Result<Option<u32>>| n.map(Option::unwrap_or_default).map_err(unreadable);
                out.device = Some((device(header.device_major())?, device(header.device_minor())?));
                out.write(&mut self.buffer)?;
                EntryKind::Special
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
        let keep = size <= MAX_KEPT && self.is_kept(path, size);
        let mut kept = Vec::new();
        while done < size {
            let start = self.buffer.len();
            let piece = (size - done).min(PIECE);
            let read = entry.by_ref().take(piece).read_to_end(&mut self.buffer).map_err(unreadable)?;
            if (read as u64) < piece {
                return Err(damaged(format!("its data ends within `{path}`")));
            }
            let bytes = &self.buffer[start..];
            if done == 0 {
                shebang = read_shebang(bytes);
            }
            self.elf.push(bytes);
            if keep {
                kept.extend_from_slice(bytes);
            }
            done += read as u64;
            self.hand_on(push, MEMBER)?;
        }
        pad(&mut self.buffer, size);
        if keep {
            self.gathered.contents.insert(path.to_owned(), Bytes(kept));
        }
        Ok(EntryKind::File { size, elf: self.elf.finish(), shebang })
    }

    /// Hands on whole members while more than `least` bytes have gathered; with 0 the rest as well.
    fn hand_on(&mut self, push: Push<'_>, least: usize) -> Result<()> {
        while self.buffer.len() >= least.max(1) {
            if self.cancel.is_cancelled() {
                return Err(Error::interrupted());
            }
            let mut rest = Vec::with_capacity(MEMBER + 2 * PIECE as usize);
            rest.extend_from_slice(&self.buffer[self.buffer.len().min(MEMBER)..]);
            let mut piece = std::mem::replace(&mut self.buffer, rest);
            piece.truncate(MEMBER);
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

/// Hashes what is read through it.
struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    length: u64,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..n]);
        self.length += n as u64;
        Ok(n)
    }
}
