//! `Packages`: every binary package of one suite, component and architecture (Debian Wiki "RepositoryFormat").
//!
//! The index is scanned stanza by stanza as it comes out of the decompressor, and only what solving and fetching need is
//! kept, as plain lines of one text: a third of the index, nothing to decode, and the very bytes of the cache file
//! (`index_file.rs`).

use std::io::BufRead;

use memchr::memchr;

use super::stanzas::{Scanned, scan};
use crate::Result;

/// The packages of one index, sorted by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// Records of [`super::stanzas::LINES`] lines each, in the order of [`Record`]'s fields.
    pub(super) text: String,
    /// Where each record begins, sorted by name. Each is where a character of `text` begins, or its end.
    pub(super) starts: Vec<u32>,
    /// Who provides what: a hash of the provided name, and the provider's position. Sorted.
    pub(super) providers: Vec<(u64, u32)>,
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
    /// The first letter of `Priority`
    pub priority: &'a str,
    /// `Filename`; only its folder, with the slash, where the file is called as it should be.
    folder: &'a str,
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

impl Record<'_> {
    /// `Filename`
    pub fn path(&self) -> String {
        match self.folder.ends_with('/') {
            true => format!("{}{}", self.folder, file_name(self.name, self.version, self.architecture)),
            false => self.folder.to_owned(),
        }
    }
}

/// What the file of a package is called (Debian Wiki "RepositoryFormat"): the epoch is not in it.
pub(super) fn file_name(name: &str, version: &str, architecture: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    format!("{name}_{version}_{architecture}.deb")
}

impl Index {
    /// Scans a decompressed `Packages` file for packages of `architecture` and of `all`.
    pub fn scan(reader: impl BufRead, architecture: &str) -> Result<Self> {
        Ok(Self::sorted(scan(reader, architecture)?))
    }

    fn sorted(Scanned { text, mut starts, provided: mut providers }: Scanned) -> Self {
        if !starts.is_sorted_by_key(|start| first_line(&text, *start)) {
            let name = |number: u32| first_line(&text, starts[number as usize]);
            // Most names are told apart by their beginning, without a look into the text.
            let mut keyed: Vec<(u64, u32)> = (0..starts.len() as u32).map(|number| (beginning(name(number)), number)).collect();
            keyed.sort_unstable_by(|(a, this), (b, that)| a.cmp(b).then_with(|| name(*this).cmp(name(*that))).then(this.cmp(that)));
            let mut positions = vec![0; starts.len()];
            for (position, (_, number)) in keyed.iter().enumerate() {
                positions[*number as usize] = position as u32;
            }
            starts = keyed.into_iter().map(|(_, number)| starts[number as usize]).collect();
            providers.iter_mut().for_each(|(_, number)| *number = positions[*number as usize]);
        }
        providers.sort_unstable();
        providers.dedup();
        Index { text, starts, providers }
    }

    /// How many packages it has.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The record at `position`, below [`Index::len`].
    pub fn record(&self, position: usize) -> Record<'_> {
        let mut rest = self.starts.get(position).map_or("", |start| &self.text[*start as usize..]);
        let mut line = || {
            let line = first_line(rest, 0);
            rest = rest.get(line.len() + 1..).unwrap_or_default();
            line
        };
        let mut record = Record {
            name: line(),
            version: line(),
            architecture: line(),
            priority: line(),
            folder: line(),
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

    /// The positions of the packages that provide `name`, or another name with the same hash.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = usize> {
        let wanted = hash(name.as_bytes());
        let first = self.providers.partition_point(|(hash, _)| *hash < wanted);
        self.providers[first..].iter().take_while(move |(hash, _)| *hash == wanted).map(|(_, position)| *position as usize)
    }
}

fn first_line(text: &str, start: u32) -> &str {
    let rest = &text[start as usize..];
    memchr(b'\n', rest.as_bytes()).map_or(rest, |end| &rest[..end])
}

/// The first bytes of `name` as a number that is ordered as they are.
fn beginning(name: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = name.len().min(8);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

/// FNV-1a: the same everywhere, unlike the standard library's.
pub(crate) fn hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether `path` stays below the archive's root and is a plain relative path.
pub(crate) fn is_pool_path(path: &str) -> bool {
    let path = path.as_bytes();
    let mut parts = path.split(|c| *c == b'/');
    path.len() < 4096
        && path.iter().all(|c| c.is_ascii_graphic() && !matches!(c, b'\\' | b'?' | b'#'))
        && parts.clone().all(|part| !matches!(part, b"" | b"." | b".."))
        && !parts.next().unwrap_or_default().contains(&b':')
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
        assert_eq!((record.size, record.sha256, record.path().as_str()), (7, SHA, "pool/zsh.deb"));
        let usual = stanza("zsh", "").replace("pool/zsh.deb", "pool/z/zsh_1.0-1_amd64.deb").replace("1.0-1\n", "2:1.0-1\n");
        let usual = Index::scan(usual.as_bytes(), "amd64").unwrap();
        assert_eq!((usual.record(0).folder, usual.record(0).path().as_str()), ("pool/z/", "pool/z/zsh_1.0-1_amd64.deb"));
        assert_eq!(index.record(0).conflicts, "b, a");
        assert!(index.find("nothing").is_empty());
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

    #[test]
    fn names_without_end_do_not_fill_memory() {
        let names = (0..1_200_000).map(|n| format!("{n:x}")).collect::<Vec<_>>();
        let lines: Vec<String> = names.chunks(50_000).map(|some| format!(" {},", some.join(","))).collect();
        let stanza = stanza("a", &format!("Depends:\n{}\n", lines.join("\n")));
        assert!(Index::scan(stanza.as_bytes(), "amd64").unwrap_err().message().contains("too large"));
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
    }
}
