//! One pass over one layer: digests, and a fact for every entry of its tar. Nothing is unpacked.
//!
//! Two threads share the work: one reads, hashes and decompresses the blob, the other hashes the content and looks at
//! the tar. Whatever the layer is, they hold [`CHUNKS`] pieces of it and one file head.

use std::io::{self, BufRead};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use tar::EntryType;

use super::decode::{CHUNKS, Content, Decoded, decode};
use super::sparse::Piece;
use super::tarball::{Member, Members};
use crate::image::{
    Blobs, Compression, Descriptor, Digest, ELF_HEAD, Elf, ElfReader, Entry, EntryKind, InstalledPackage, LayerContent, LoaderFile,
    MAX_KEPT_TEXT, MAX_LOADER_FILE, MAX_METADATA, Metadata, SHEBANG_HEAD, is_kept_text, kept_text, read_shebang,
};
use crate::progress::{Progress, Unit};
use crate::{Error, Result};

/// The most entries the layers of one image may have together.
pub const MAX_ENTRIES: u64 = 2_000_000;
/// The most bytes that all paths, link targets and other texts of one image may have together.
const MAX_TEXT: u64 = 512 << 20;

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
    /// Files that tell loaders where libraries are, by path.
    pub loader_files: Vec<(String, LoaderFile)>,
    /// Small text files that checks read: path and content.
    pub texts: Vec<(String, String)>,
}

impl LayerFacts {
    /// Facts of the blob `blob`, which is what its descriptor says and is known to hold `content`.
    pub(super) fn recalled(blob: &Descriptor, content: LayerContent) -> Self {
        let LayerContent { compression, diff_id, uncompressed_size, entries, packages, loader_files, texts } = content;
        let (descriptor, digest, size, damage) = (blob.clone(), Some(blob.digest), blob.size, None);
        LayerFacts { descriptor, digest, size, compression, diff_id, uncompressed_size, damage, entries, packages, loader_files, texts }
    }
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

    /// Counts recorded content as if it were scanned; `false`, and nothing is counted, when there would be too much of it.
    pub(super) fn take_in(&self, content: &LayerContent) -> bool {
        let (entries, text) = extent(content);
        let (all_entries, all_text) =
            (self.entries.fetch_add(entries, Ordering::Relaxed) + entries, self.text.fetch_add(text, Ordering::Relaxed) + text);
        let fits = all_entries <= MAX_ENTRIES && all_text <= MAX_TEXT;
        if !fits {
            self.give_back(content);
        }
        fits
    }

    /// Undoes [`Usage::take_in`].
    pub(super) fn give_back(&self, content: &LayerContent) {
        let (entries, text) = extent(content);
        self.entries.fetch_sub(entries, Ordering::Relaxed);
        self.text.fetch_sub(text, Ordering::Relaxed);
    }

    /// Tells that `count` more bytes of blobs were read.
    pub(super) fn read(&self, count: u64) {
        let read = self.read.fetch_add(count, Ordering::Relaxed) + count;
        self.progress.amount(read.min(self.total), self.total, Unit::Bytes);
    }
}

/// How many entries there are, and the bytes of their texts.
fn extent(content: &LayerContent) -> (u64, u64) {
    let packages = content.packages.iter().map(|(_, packages)| text_of_packages(packages));
    let loader_files = content.loader_files.iter().map(|(_, file)| file.text() as u64);
    let texts = content.texts.iter().map(|(_, text)| text.len() as u64);
    let entries = content.entries.iter().map(text_of_entry);
    (content.entries.len() as u64, entries.chain(packages).chain(loader_files).chain(texts).sum())
}

fn text_of_packages(packages: &[InstalledPackage]) -> u64 {
    packages.iter().map(|p| (p.name.len() + p.version.len() + p.architecture.len()) as u64 + 72).sum()
}

fn text_of_entry(entry: &Entry) -> u64 {
    let more = match &entry.kind {
        EntryKind::Symlink { target } | EntryKind::HardLink { target } => target.len(),
        EntryKind::File { elf, shebang, .. } => elf.as_ref().map_or(0, Elf::text) + shebang.as_ref().map_or(0, String::len),
        _ => 0,
    };
    (entry.path.len() + more) as u64
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
        let mut found = Found::new(usage);
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
            loader_files: found.loader_files,
            texts: found.texts,
        })
    })
}

/// Facts gathered so far.
struct Found<'a> {
    usage: &'a Usage<'a>,
    entries: Vec<Entry>,
    packages: Vec<(String, Vec<InstalledPackage>)>,
    loader_files: Vec<(String, LoaderFile)>,
    texts: Vec<(String, String)>,
    head: Vec<u8>,
    reader: ElfReader,
}

impl<'a> Found<'a> {
    fn new(usage: &'a Usage<'a>) -> Self {
        let (entries, packages, head) = (Vec::new(), Vec::new(), Vec::new());
        Found { usage, entries, packages, loader_files: Vec::new(), texts: Vec::new(), head, reader: ElfReader::default() }
    }

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
        if let Some(metadata) = Metadata::of_path(path)
            && size <= MAX_METADATA
            && member.sparse.is_none()
            && elf.is_none()
        {
            file.grow(&mut self.head, size)?;
            let packages = metadata.read(&self.head);
            self.usage.text.fetch_add(text_of_packages(&packages), Ordering::Relaxed);
            self.packages.push((path.to_owned(), packages));
            // A large buffer is not kept for the rest of the layer.
            self.head = Vec::new();
        }
        if LoaderFile::is_at(path) && size <= MAX_LOADER_FILE && member.sparse.is_none() && elf.is_none() {
            file.grow(&mut self.head, size)?;
            if let Some(read) = LoaderFile::read(path, &self.head) {
                self.usage.text.fetch_add(read.text() as u64, Ordering::Relaxed);
                self.loader_files.push((path.to_owned(), read));
            }
            self.head = Vec::new();
        }
        if is_kept_text(path) && size <= MAX_KEPT_TEXT && member.sparse.is_none() && elf.is_none() {
            file.grow(&mut self.head, size)?;
            if let Some(text) = kept_text(path, &self.head) {
                self.usage.text.fetch_add(text.len() as u64, Ordering::Relaxed);
                self.texts.push((path.to_owned(), text));
            }
            self.head = Vec::new();
        }
        Ok(EntryKind::File { size, elf, shebang })
    }

    /// Counts `entry` against what an image may have.
    fn account(&self, entry: &Entry) -> io::Result<()> {
        let text = text_of_entry(entry);
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
    /// Reads the ELF file that begins with `head` on to where it names its libraries. Of a sparse file the head alone is read.
    fn elf(&mut self, head: &[u8], reader: &mut ElfReader) -> io::Result<Option<Elf>> {
        reader.begin();
        reader.push(head);
        if self.pieces.is_none() {
            self.members.stream(|piece| {
                reader.push(piece);
                reader.wants_more()
            })?;
        }
        Ok(reader.finish())
    }

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
    text_of_path(&out.join(&b'/'))
}

/// A path as text. Bytes that are no UTF-8 are written as `\xff`, so that two paths that differ in them stay two.
fn text_of_path(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::media_type;
    use crate::progress::Silent;
    use crate::verify::ImageFacts;
    use crate::verify::samples::{Layer, Sample, elf, gzip};
    use proptest::prelude::*;

    fn facts(media_type: &'static str, blob: Vec<u8>) -> LayerFacts {
        let image = Sample::new("amd64").raw(media_type, blob, b"").image();
        let facts = ImageFacts::gather(&image, &Silent, &|| false).unwrap();
        (*facts.layers[0]).clone()
    }

    fn header(kind: u8, name: &[u8], size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(0o755);
        header.set_size(size);
        header.set_cksum();
        header
    }

    fn padded(bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        out.resize(bytes.len().next_multiple_of(512), 0);
        out
    }

    #[test]
    fn long_names_pax_records_shebangs_and_elf_are_read() {
        let long = format!("{}/x", ["d"; 150].join("/"));
        let mut layer =
            Layer::new().file(&long, 0o4755, b"#! /bin/sh -e\nexit").symlink("link", &long).file("bin/./tool", 0o755, &elf(62, "/ld"));
        layer.0.append_pax_extensions([("path", "pax/ü".as_bytes()), ("uid", b"70000")]).unwrap();
        let layer = layer.file("short", 0o644, b"x");
        let facts = facts(media_type::LAYER_TAR, layer.tar());
        assert_eq!(facts.damage, None);
        let paths: Vec<&str> = facts.entries.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, [&long, "link", "bin/tool", "pax/ü"]);
        assert_eq!(facts.entries[0].kind, EntryKind::File { size: 18, elf: None, shebang: Some("/bin/sh -e".into()) });
        assert_eq!((facts.entries[0].mode, facts.entries[3].uid), (0o4755, 70000));
        assert!(matches!(&facts.entries[2].kind, EntryKind::File { elf: Some(elf), .. } if elf.interpreter.as_deref() == Some("/ld")));
    }

    #[test]
    fn what_pads_the_last_member_may_be_missing_and_nothing_else() {
        let tar = Layer::new().file("a", 0o644, b"first").file("b", 0o644, b"second").tar();
        let whole = facts(media_type::LAYER_TAR, tar.clone());
        let end_of_data = 3 * 512 + 6;
        for length in [end_of_data, end_of_data + 512 - 6] {
            let short = facts(media_type::LAYER_TAR, tar[..length].to_vec());
            assert_eq!((short.damage, short.entries), (None, whole.entries.clone()), "{length}");
        }
        for length in [end_of_data - 1, end_of_data + 1, 512 + 5 + 3] {
            assert!(facts(media_type::LAYER_TAR, tar[..length].to_vec()).damage.is_some(), "{length}");
        }
    }

    #[test]
    fn sparse_files_are_put_together_and_their_claims_cost_nothing() {
        let content = elf(183, "/ld");
        // Old GNU: the ELF header's two halves as two pieces, the end 7 GiB away.
        let mut sparse = header(b'S', b"gnu", 512 + content.len() as u64 - 64);
        let gnu = sparse.as_gnu_mut().unwrap();
        let mut piece = |at: usize, offset: u64, length: u64| {
            gnu.sparse[at].offset.copy_from_slice(format!("{offset:011o}\0").as_bytes());
            gnu.sparse[at].numbytes.copy_from_slice(format!("{length:011o}\0").as_bytes());
        };
        piece(0, 0, 64);
        piece(1, 64, content.len() as u64 - 64);
        piece(2, 7 << 30, 0);
        gnu.set_real_size(7 << 30);
        sparse.set_size(content.len() as u64);
        sparse.set_cksum();
        let mut tar = [sparse.as_bytes().as_slice(), &padded(&content)].concat();
        // PAX 1.0: a map before the data.
        let map = padded(format!("2\n0\n{}\n7516192768\n0\n", content.len()).as_bytes());
        let mut records = Vec::new();
        for (key, value) in [("major", "1"), ("minor", "0"), ("name", "pax"), ("realsize", "7516192768")] {
            let record = format!(" GNU.sparse.{key}={value}\n");
            records.extend(format!("{}{record}", record.len() + 2).into_bytes());
        }
        tar.extend([header(b'x', b"x", records.len() as u64).as_bytes().as_slice(), &padded(&records)].concat());
        tar.extend(header(b'0', b"GNUSparseFile.0/pax", (map.len() + content.len()) as u64).as_bytes());
        tar.extend([map, padded(&content), header(b'0', b"last", 0).as_bytes().to_vec()].concat());
        let facts = facts(media_type::LAYER_TAR, tar);
        assert_eq!(facts.damage, None);
        let paths: Vec<&str> = facts.entries.iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, ["gnu", "pax", "last"]);
        for entry in &facts.entries[..2] {
            let EntryKind::File { size, elf: Some(elf), .. } = &entry.kind else { panic!("{entry:?}") };
            assert_eq!((*size, elf.machine, elf.interpreter.as_deref()), (7 << 30, 183, Some("/ld")));
        }
    }

    #[test]
    fn claims_beyond_reason_are_damage() {
        for (name, tar) in [
            ("long name", header(b'L', b"l", 1 << 40).as_bytes().to_vec()),
            ("file", header(b'0', b"f", (1 << 63) + 5).as_bytes().to_vec()),
            ("cut", header(b'0', b"f", 100).as_bytes().to_vec()),
            ("nothing follows", [header(b'L', b"l", 1).as_bytes().to_vec(), padded(b"x")].concat()),
            ("no tar", vec![b'x'; 1000]),
        ] {
            let facts = facts(media_type::LAYER_GZIP, gzip(&tar));
            assert!(facts.damage.is_some() && facts.diff_id == Digest::of(&tar), "{name}: {facts:?}");
        }
    }

    #[test]
    fn no_path_leaves_the_image() {
        assert_eq!(normal(b"/../..//a/./b/../c/"), "a/c");
        assert_eq!(normal(b"./"), "");
    }

    #[test]
    fn a_hundred_thousand_entries_are_read() {
        let mut tar = Vec::new();
        for n in 0..100_000 {
            tar.extend(header(b'0', format!("f{n}").as_bytes(), 0).as_bytes());
        }
        assert_eq!(facts(media_type::LAYER_TAR, tar).entries.len(), 100_000);
    }

    #[test]
    fn a_scan_can_be_stopped() {
        let image = Sample::new("amd64").layer(Layer::new().file("a", 0o644, &[1; 1000])).image();
        assert!(ImageFacts::gather(&image, &Silent, &|| true).unwrap_err().is_interrupted());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn any_bytes_are_a_layer(blob in proptest::collection::vec(any::<u8>(), 0..3000), magic in 0..3usize) {
            let head: &[u8] = [&b""[..], b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"][magic];
            let blob = [head, &blob].concat();
            let facts = facts(media_type::LAYER_GZIP, blob.clone());
            prop_assert_eq!(facts.digest, Some(Digest::of(&blob)));
        }

        #[test]
        fn any_change_of_a_tar_is_survived(at in 0usize..6000, byte: u8, cut in 0usize..6000) {
            let mut layer = Layer::new().file("a", 0o755, &elf(62, "/ld")).symlink("b", "a").hard_link("c", "a");
            layer.0.append_pax_extensions([("path", b"p".as_slice()), ("size", b"3")]).unwrap();
            let mut tar = layer.file(&"n".repeat(200), 0o644, b"abc").tar();
            let length = tar.len();
            tar[at % length] = byte;
            tar.truncate(cut.max(512));
            let image = Sample::new("amd64").raw(media_type::LAYER_TAR, tar, b"").entrypoint("a").image();
            crate::verify::samples::report(&image);
        }
    }
}
