//! The scanner of `Packages`: stanzas in, the few lines of each that matter out (deb822(5)).
//!
//! It works on the stream as it comes out of the decompressor, and holds one stanza and the kept text, nothing else.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use super::index::{file_name, hash, is_pool_path};
use super::relation::{is_name, is_version};
use crate::{Error, Result};

/// The longest line accepted; Debian's longest has about 60 kB.
const MAX_LINE: u64 = 1 << 20;
/// The most text kept of one index; Debian's largest needs 25 MB.
pub(super) const MAX_TEXT: usize = 1 << 30;
/// Room for the kept text of Debian's largest index. Only what is written to is ever taken, while a text that grows may be
/// copied on the way.
const ROOM: usize = 36 << 20;
/// Lines of one record.
pub(super) const LINES: usize = 13;

/// The kept lines of every stanza of a decompressed `Packages` file that is of `architecture` or of `all`.
pub(super) fn scan(reader: impl BufRead, architecture: &str) -> Result<String> {
    let mut scanner = Scanner {
        architecture,
        text: Vec::with_capacity(ROOM),
        stanza: Default::default(),
        field: None,
        number: 1,
        mentioned: HashMap::new(),
    };
    scanner.read(reader)?;
    scanner.text.shrink_to_fit();
    String::from_utf8(scanner.text).map_err(|_| Error::network("it is not UTF-8 text"))
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

struct Scanner<'a> {
    architecture: &'a str,
    text: Vec<u8>,
    stanza: [Vec<u8>; FIELDS],
    field: Option<Field>,
    /// The stanza's number, from 1, for errors.
    number: usize,
    /// Hashes of the names mentioned so far, each with how many were mentioned before it.
    mentioned: HashMap<u64, u32>,
}

impl Scanner<'_> {
    fn read(&mut self, mut reader: impl BufRead) -> Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let n = reader
                .by_ref()
                .take(MAX_LINE)
                .read_until(b'\n', &mut line)
                .map_err(|error| Error::network("could not be read").source(error))?;
            let content = line.strip_suffix(b"\n").unwrap_or(&line);
            if n as u64 == MAX_LINE && content.len() == line.len() {
                return Err(Error::network(format!("a line of stanza {} is too long", self.number)));
            }
            if n == 0 || content.is_empty() {
                self.finish()?;
            } else {
                self.line(content);
            }
            if n == 0 {
                return Ok(());
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if line[0] == b' ' || line[0] == b'\t' {
            if let Some(field) = self.field {
                let value = &mut self.stanza[field as usize];
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
            return;
        }
        let colon = line.iter().take(16).position(|c| *c == b':');
        self.field = colon.and_then(|colon| Field::of(&line[..colon]));
        if let (Some(field), Some(colon)) = (self.field, colon) {
            let value = &mut self.stanza[field as usize];
            value.clear();
            value.extend_from_slice(line[colon + 1..].trim_ascii());
        }
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
            if self.text.len() > MAX_TEXT {
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
            for relation in stanza[field as usize].split(|c| matches!(c, b',' | b'|')) {
                let relation = relation.trim_ascii_start();
                let end = relation.iter().position(|c| matches!(c, b' ' | b'(' | b':')).unwrap_or(relation.len());
                if end > 0 && relation.get(end) != Some(&b':') {
                    note(&relation[..end]);
                }
            }
        }
    }

    /// `path` without the name that the file of this package has by convention.
    fn folder<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        let text = |field: Field| std::str::from_utf8(&self.stanza[field as usize]).unwrap_or_default();
        let name = file_name(text(Field::Package), text(Field::Version), text(Field::Architecture));
        path.strip_suffix(name.as_bytes()).filter(|folder| folder.ends_with(b"/")).unwrap_or(path)
    }

    fn keep(&mut self) {
        use Field::{Architecture, Breaks, Conflicts, Depends, Filename, Package, PreDepends, Priority, Provides, Recommends};
        use Field::{Sha256, Size, Version};
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
        self.text.extend_from_slice(format!("{mention}\n{essential}{important}\n").as_bytes());
    }
}
