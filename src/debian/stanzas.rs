//! The scanner of `Packages`: stanzas in, the few lines of each that matter out (deb822(5)).
//!
//! It works on the stream as it comes out of the decompressor, and holds one stanza and the kept text, nothing else.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{BufRead, Write};

use memchr::{memchr, memchr2_iter};

use super::index::{hash, is_pool_path};
use super::relation::{is_name, is_version, relations};
use crate::{Error, Result};

/// The longest line accepted; Debian's longest has about 60 kB.
const MAX_LINE: usize = 1 << 20;
/// The most text kept of one index; Debian's largest needs 25 MB.
pub(super) const MAX_TEXT: usize = 1 << 30;
/// Room for the kept text of Debian's largest index. Only what is written to is ever taken, while a text that grows may be
/// copied on the way.
const ROOM: usize = 36 << 20;
/// Room for the names that Debian's largest index mentions.
const NAMES: usize = 100_000;
/// More names than are followed.
const MAX_NAMES: usize = 1 << 20;
/// Lines of one record.
pub(super) const LINES: usize = 13;

/// What a scan leaves, in the order of the file.
pub(super) struct Scanned {
    /// Records of [`LINES`] lines each.
    pub text: String,
    /// Where each record begins.
    pub starts: Vec<u32>,
    /// Hashes of the names that records provide, each with its record's number.
    pub provided: Vec<(u64, u32)>,
}

/// The kept lines of every stanza of a decompressed `Packages` file that is of `architecture` or of `all`.
pub(super) fn scan(reader: impl BufRead, architecture: &str) -> Result<Scanned> {
    let mut scanner = Scanner {
        architecture,
        text: Vec::with_capacity(ROOM),
        starts: Vec::new(),
        provided: Vec::new(),
        stanza: Default::default(),
        field: None,
        number: 1,
        mentioned: HashMap::with_capacity_and_hasher(NAMES, Default::default()),
    };
    scanner.read(reader)?;
    scanner.text.shrink_to_fit();
    let text = String::from_utf8(scanner.text).map_err(|_| Error::network("it is not UTF-8 text"))?;
    Ok(Scanned { text, starts: scanner.starts, provided: scanner.provided })
}

/// The fields that are kept.
#[derive(Clone, Copy)]
enum Field {
    Package,
    Version,
    Architecture,
    Priority,
    Filename,
    Size,
    Sha256,
    PreDepends,
    Depends,
    Provides,
    Conflicts,
    Breaks,
    Recommends,
    Suggests,
    Replaces,
    Enhances,
    Essential,
    Important,
    Protected,
}

const FIELDS: usize = Field::Protected as usize + 1;

/// The fields that mention packages, in the order in which apt reads them.
const MENTIONS: [Field; 9] = [
    Field::PreDepends,
    Field::Depends,
    Field::Conflicts,
    Field::Breaks,
    Field::Recommends,
    Field::Suggests,
    Field::Replaces,
    Field::Enhances,
    Field::Provides,
];

impl Field {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"Package" => Field::Package,
            b"Version" => Field::Version,
            b"Architecture" => Field::Architecture,
            b"Priority" => Field::Priority,
            b"Filename" => Field::Filename,
            b"Size" => Field::Size,
            b"SHA256" => Field::Sha256,
            b"Pre-Depends" => Field::PreDepends,
            b"Depends" => Field::Depends,
            b"Provides" => Field::Provides,
            b"Conflicts" => Field::Conflicts,
            b"Breaks" => Field::Breaks,
            b"Recommends" => Field::Recommends,
            b"Suggests" => Field::Suggests,
            b"Replaces" => Field::Replaces,
            b"Enhances" => Field::Enhances,
            b"Essential" => Field::Essential,
            b"Important" => Field::Important,
            b"Protected" => Field::Protected,
            _ => return None,
        })
    }
}

/// Hashes what is a hash already: a name is looked up some two million times in an index.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

struct Scanner<'a> {
    architecture: &'a str,
    text: Vec<u8>,
    starts: Vec<u32>,
    provided: Vec<(u64, u32)>,
    stanza: [Vec<u8>; FIELDS],
    field: Option<Field>,
    /// The stanza's number, from 1, for errors.
    number: usize,
    /// Hashes of the names mentioned so far, each with how many were mentioned before it.
    mentioned: HashMap<u64, u32, BuildHasherDefault<AsItIs>>,
}

impl Scanner<'_> {
    fn read(&mut self, mut reader: impl BufRead) -> Result<()> {
        // What of a line came before the piece at hand.
        let mut begun = Vec::new();
        loop {
            let piece = reader.fill_buf().map_err(|error| Error::network("could not be read").source(error))?;
            let (length, mut rest) = (piece.len(), piece);
            while let Some(end) = memchr(b'\n', rest) {
                if begun.is_empty() {
                    self.line(&rest[..end])?;
                } else {
                    begun.extend_from_slice(&rest[..end]);
                    self.line(&begun)?;
                    begun.clear();
                }
                rest = &rest[end + 1..];
            }
            if begun.len() + rest.len() > MAX_LINE {
                return Err(Error::network(format!("a line of stanza {} is too long", self.number)));
            }
            begun.extend_from_slice(rest);
            if length == 0 {
                // The last line may have no end, the last stanza no empty line behind it.
                if !begun.is_empty() {
                    self.line(&begun)?;
                }
                return self.finish();
            }
            reader.consume(length);
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<()> {
        match line.first() {
            None => return self.finish(),
            Some(b' ' | b'\t') => {
                if let Some(field) = self.field {
                    let value = &mut self.stanza[field as usize];
                    value.push(b' ');
                    value.extend_from_slice(line.trim_ascii());
                }
            }
            Some(_) => {
                let colon = line.iter().take(16).position(|c| *c == b':');
                self.field = colon.and_then(|colon| Field::of(&line[..colon]));
                if let (Some(field), Some(colon)) = (self.field, colon) {
                    let value = &mut self.stanza[field as usize];
                    value.clear();
                    value.extend_from_slice(line[colon + 1..].trim_ascii());
                }
            }
        }
        Ok(())
    }

    /// The end of a stanza.
    fn finish(&mut self) -> Result<()> {
        self.field = None;
        if self.stanza.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let architecture = &self.stanza[Field::Architecture as usize];
        if architecture == self.architecture.as_bytes() || architecture == b"all" {
            self.check()?;
            self.mention();
            self.keep();
            if self.text.len() > MAX_TEXT || self.mentioned.len() > MAX_NAMES {
                return Err(Error::network("it is too large"));
            }
        }
        self.stanza.iter_mut().for_each(Vec::clear);
        self.number += 1;
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let text = |field: Field| std::str::from_utf8(&self.stanza[field as usize]).unwrap_or_default();
        let sha256 = text(Field::Sha256);
        let problem = if !is_name(text(Field::Package)) {
            "has no valid Package"
        } else if !is_version(text(Field::Version)) {
            "has no valid Version"
        } else if text(Field::Size).parse::<u64>().is_err() {
            "has no valid Size"
        } else if sha256.len() != 64 || !sha256.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)) {
            "has no valid SHA256"
        } else if !is_pool_path(text(Field::Filename)) {
            "has no valid Filename"
        } else {
            return Ok(());
        };
        Err(Error::network(format!("stanza {} ({:?}) {problem}", self.number, text(Field::Package))))
    }

    /// Notes the stanza's names. A name with an architecture (`python3:any`) is a package of its own to apt.
    fn mention(&mut self) {
        let Scanner { stanza, mentioned, .. } = self;
        let mut note = |name: &[u8]| {
            let next = mentioned.len() as u32;
            mentioned.entry(hash(name)).or_insert(next);
        };
        note(&stanza[Field::Package as usize]);
        for field in MENTIONS {
            let value = stanza[field as usize].as_slice();
            let mut start = 0;
            for stop in memchr2_iter(b',', b'|', value).chain([value.len()]) {
                let relation = value[start..stop].trim_ascii_start();
                start = stop + 1;
                let end = relation.iter().position(|c| matches!(c, b' ' | b'(' | b':')).unwrap_or(relation.len());
                if end > 0 && relation.get(end) != Some(&b':') {
                    note(&relation[..end]);
                }
            }
        }
    }

    /// `path` without the name that the file of this package has by convention ([`super::index::file_name`]).
    fn folder<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        let [name, version, architecture] =
            [Field::Package, Field::Version, Field::Architecture].map(|field| self.stanza[field as usize].as_slice());
        let version = memchr(b':', version).map_or(version, |colon| &version[colon + 1..]);
        let parts: [&[u8]; 6] = [b".deb", architecture, b"_", version, b"_", name];
        let folder = parts.iter().try_fold(path, |left, part| left.strip_suffix(*part));
        folder.filter(|folder| folder.ends_with(b"/")).unwrap_or(path)
    }

    fn keep(&mut self) {
        use Field::{Architecture, Breaks, Conflicts, Depends, Filename, Package, PreDepends, Priority, Provides, Recommends};
        use Field::{Sha256, Size, Version};
        // Below `MAX_TEXT`, which is looked at after every record.
        let number = self.starts.len() as u32;
        self.starts.push(self.text.len() as u32);
        let provides = std::str::from_utf8(&self.stanza[Provides as usize]).unwrap_or_default();
        self.provided.extend(relations(provides).flatten().map(|provided| (hash(provided.name.as_bytes()), number)));
        let lines: [&[Field]; LINES - 2] = [
            &[Package],
            &[Version],
            &[Architecture],
            &[Priority],
            &[Filename],
            &[Size],
            &[Sha256],
            &[PreDepends, Depends],
            &[Provides],
            &[Conflicts, Breaks],
            &[Recommends],
        ];
        for fields in lines {
            let mut first = true;
            for field in fields {
                let value = self.stanza[*field as usize].as_slice();
                let value = match field {
                    Filename => self.folder(value),
                    Priority => &value[..value.len().min(1)],
                    _ => value,
                };
                if !value.is_empty() {
                    if !first {
                        self.text.extend_from_slice(b", ");
                    }
                    first = false;
                    self.text.extend_from_slice(value);
                }
            }
            self.text.push(b'\n');
        }
        let name = &self.stanza[Package as usize];
        let mention = self.mentioned.get(&hash(name)).copied().unwrap_or_default();
        let yes = |field: Field| self.stanza[field as usize] == b"yes";
        let essential = if yes(Field::Essential) { "e" } else { "" };
        let important = if yes(Field::Important) || yes(Field::Protected) { "i" } else { "" };
        let _ = write!(self.text, "{mention}\n{essential}{important}\n"); // into memory
    }
}
