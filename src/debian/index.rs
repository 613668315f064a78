//! `Packages`: every binary package of one suite, component and architecture (Debian Wiki "RepositoryFormat").
//!
//! The index is scanned stanza by stanza as it comes out of the decompressor, and only what solving and fetching need is
//! kept, as plain lines of one text: a third of the index, nothing to decode, and the very bytes of the cache file.

use std::collections::HashMap;
use std::io::{BufRead, Read};

use super::relation::{is_name, is_version};
use crate::{Error, Result};

/// The longest line accepted; Debian's longest has about 60 kB.
const MAX_LINE: u64 = 1 << 20;
/// The most text kept of one index; Debian's largest needs 25 MB.
const MAX_TEXT: usize = 1 << 30;
/// Lines of one record.
const LINES: usize = 13;

/// The packages of one index, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Records of [`LINES`] lines each, in the order of [`Record`]'s fields.
    text: String,
    /// Where each record begins, sorted by name.
    starts: Vec<u32>,
}

/// One package, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// `Package`
    pub name: &'a str,
    /// `Version`
    pub version: &'a str,
    /// `Architecture`: Debian's name, or `all`.
    pub architecture: &'a str,
    /// `Priority`
    pub priority: &'a str,
    /// `Filename`
    pub path: &'a str,
    /// `Size`, in bytes
    pub size: u64,
    /// `SHA256`
    pub sha256: &'a str,
    /// `Pre-Depends` and `Depends`
    pub depends: &'a str,
    /// `Provides`
    pub provides: &'a str,
    /// `Conflicts` and `Breaks`
    pub conflicts: &'a str,
    /// `Recommends`
    pub recommends: &'a str,
    /// `Essential: yes`
    pub essential: bool,
    /// `Important: yes` or `Protected: yes`
    pub important: bool,
    /// How many names the index mentions before it mentions this one, in any stanza: what apt numbers packages by.
    pub mention: u32,
}

impl Index {
    /// Scans a decompressed `Packages` file for packages of `architecture` and of `all`.
    pub fn scan(reader: impl BufRead, architecture: &str) -> Result<Self> {
        let mut scanner =
            Scanner { architecture, text: Vec::new(), stanza: Default::default(), field: None, number: 1, mentioned: HashMap::new() };
        scanner.read(reader)?;
        let text = String::from_utf8(scanner.text).map_err(|_| Error::network("it is not UTF-8 text"))?;
        Self::from_text(text).ok_or_else(|| Error::network("it is too large"))
    }

    /// The index that [`Index::text`] came from, if `text` has its form.
    pub fn from_text(text: String) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let mut starts = Vec::new();
        let (mut start, mut lines) = (0, 0);
        for (at, _) in text.match_indices('\n') {
            lines += 1;
            if lines == LINES {
                starts.push(u32::try_from(start).ok()?);
                (start, lines) = (at + 1, 0);
            }
        }
        if start != text.len() {
            return None;
        }
        let mut index = Index { text, starts };
        let name = |start: &u32| first_line(&index.text, *start);
        if !index.starts.is_sorted_by_key(name) {
            let mut starts = std::mem::take(&mut index.starts);
            starts.sort_by(|a, b| first_line(&index.text, *a).cmp(first_line(&index.text, *b)).then(a.cmp(b)));
            index.starts = starts;
        }
        Some(index)
    }

    /// The whole index as one text, for the cache.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many packages it has.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The record at `position`, below [`Index::len`].
    pub fn record(&self, position: usize) -> Record<'_> {
        let mut lines = self.starts.get(position).map_or("", |start| &self.text[*start as usize..]).split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let mut record = Record {
            name: line(),
            version: line(),
            architecture: line(),
            priority: line(),
            path: line(),
            size: line().parse().unwrap_or(0),
            sha256: line(),
            depends: line(),
            provides: line(),
            conflicts: line(),
            recommends: line(),
            essential: false,
            important: false,
            mention: line().parse().unwrap_or(0),
        };
        let flags = line();
        (record.essential, record.important) = (flags.contains('e'), flags.contains('i'));
        record
    }

    /// The name of the package at `position`.
    pub fn name(&self, position: usize) -> &str {
        first_line(&self.text, self.starts[position])
    }

    /// The positions of all versions of the package `name`.
    pub fn find(&self, name: &str) -> std::ops::Range<usize> {
        let first = self.starts.partition_point(|start| first_line(&self.text, *start) < name);
        let count = self.starts[first..].iter().take_while(|start| first_line(&self.text, **start) == name).count();
        first..first + count
    }
}

fn first_line(text: &str, start: u32) -> &str {
    text[start as usize..].split('\n').next().unwrap_or_default()
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
                let value = &self.stanza[*field as usize];
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

/// FNV-1a: the same everywhere, unlike the standard library's.
pub(crate) fn hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether `path` stays below the archive's root and is a plain relative path.
pub(crate) fn is_pool_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() < 4096
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && path.bytes().all(|c| c.is_ascii_graphic() && !matches!(c, b'\\' | b'?' | b'#'))
        && !path.split('/').next().unwrap_or_default().contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "42c23aaca08e8225ed0449360724b91531952cbe4ce3bbf189298a7108f40a85";

    fn stanza(name: &str, rest: &str) -> String {
        format!("Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\nFilename: pool/{name}.deb\nSize: 7\nSHA256: {SHA}\n{rest}")
    }

    #[test]
    fn only_what_is_needed_is_kept_sorted_by_name() {
        let text = format!(
            "{}\n\n{}\n{}",
            stanza("zsh", "Pre-Depends: init\nDepends: libc6 (>= 2.38),\n  libtinfo6\nDescription: a shell\n Depends: nothing\n"),
            stanza("bash", "Priority: required\nBreaks: a\nConflicts: b").replace("amd64", "all"),
            "\nPackage: other\nArchitecture: arm64\n"
        );
        let index = Index::scan(text.as_bytes(), "amd64").unwrap();
        assert_eq!(index.len(), 2);
        assert_eq!((index.name(0), index.name(1)), ("bash", "zsh"));
        let record = index.record(index.find("zsh").start);
        assert_eq!(record.depends, "init, libc6 (>= 2.38), libtinfo6");
        assert_eq!((record.size, record.sha256, record.path), (7, SHA, "pool/zsh.deb"));
        assert_eq!(index.record(0).conflicts, "b, a");
        assert!(index.find("nothing").is_empty());
        let again = Index::from_text(index.text().to_owned()).unwrap();
        assert_eq!(again.record(1), index.record(1));
    }

    #[test]
    fn a_damaged_stanza_is_named() {
        for (field, bad) in
            [("Size: 7", "Size: x"), ("pool/a.deb", "../a.deb"), ("SHA256: 4", "SHA256: g"), ("Version: 1.0-1", "Version: ")]
        {
            let error = Index::scan(stanza("a", "").replace(field, bad).as_bytes(), "amd64").unwrap_err();
            assert!(error.message().starts_with("stanza 1 (\"a\")"), "{error}");
        }
    }

    #[test]
    fn a_line_without_end_does_not_fill_memory() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert!(Index::scan(endless, "amd64").unwrap_err().message().contains("too long"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_scanned_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Index::scan(&bytes[..], "amd64");
        }

        #[test]
        fn any_stanzas_are_scanned_or_refused(text in "(Package: a\n|Version: 1\n|Architecture: all\n|Size: 1\n|Filename: a\n|\n| x\n|[ -~]){0,30}") {
            let _ = Index::scan(text.as_bytes(), "amd64");
        }

        #[test]
        fn any_cached_text_is_taken_or_refused(text in "[a-b\n]{0,80}") {
            if let Some(index) = Index::from_text(text) {
                for position in 0..index.len() { index.record(position); }
                index.find("a");
            }
        }
    }
}
