//! A package index as it lies in the cache. It is opened in milliseconds: nothing in it has to be looked for, only to be read.
//!
//! A first line says of which `Packages` file it is, then come two tables, then the text:
//!
//! ```text
//! catamaran-index 4 SHA-256 CRC-32 RECORDS PROVIDERS
//! RECORDS × u32       where each record begins in the text
//! PROVIDERS × (u64, u32)  hash of a provided name, number of the provider
//! the records
//! ```
//!
//! Numbers are little-endian; the checksum is over both counts and everything behind the first line. It is there for disks and crashes: whoever can
//! write to the cache can do without.

use std::io::{self, BufRead, BufReader, Read, Write};

use libdeflater::Crc;

use super::index::Index;
use crate::image::Digest;

const KIND: &str = "catamaran-index 4";
/// Longer than any first line.
const MAX_HEADER: u64 = 200;
const START: usize = size_of::<u32>();
const PROVIDER: usize = size_of::<u64>() + size_of::<u32>();

/// Writes `index`, which is of the `Packages` file with the digest `packages`.
pub(super) fn write(out: &mut dyn Write, packages: &Digest, index: &Index) -> io::Result<()> {
    let mut tables = Vec::with_capacity(index.starts.len() * START + index.providers.len() * PROVIDER);
    index.starts.iter().for_each(|start| tables.extend_from_slice(&start.to_le_bytes()));
    for (hash, position) in &index.providers {
        tables.extend_from_slice(&hash.to_le_bytes());
        tables.extend_from_slice(&position.to_le_bytes());
    }
    let counts = format!("{} {}", index.starts.len(), index.providers.len());
    let crc = crc([counts.as_bytes(), &tables, index.text.as_bytes()]);
    writeln!(out, "{KIND} {} {crc:08x} {counts}", packages.hex())?;
    out.write_all(&tables)?;
    out.write_all(index.text.as_bytes())
}

/// Reads what [`write()`] wrote, `length` bytes of it; `None` when it is of another `Packages` file, of another version, or damaged.
pub(super) fn read(file: impl Read, length: u64, packages: &Digest) -> Option<Index> {
    let mut file = BufReader::new(file);
    let mut header = String::new();
    file.by_ref().take(MAX_HEADER).read_line(&mut header).ok()?;
    let rest = header.strip_suffix('\n')?.strip_prefix(KIND)?.strip_prefix(' ')?;
    let (of, rest) = rest.split_once(' ')?;
    let (noted, counts) = rest.split_once(' ')?;
    if of != packages.hex() {
        return None;
    }
    let (records, providers) = counts.split_once(' ')?;
    let (records, providers): (usize, usize) = (records.parse().ok()?, providers.parse().ok()?);
    let starts_length = records.checked_mul(START)?;
    let tables_length = starts_length.checked_add(providers.checked_mul(PROVIDER)?)?;
    // Whatever the first line says, no more is asked for than there can be.
    let text_length = usize::try_from(length).ok()?.checked_sub(header.len())?.checked_sub(tables_length)?;

    let mut tables = vec![0; tables_length];
    file.read_exact(&mut tables).ok()?;
    let mut text = vec![0; text_length];
    file.read_exact(&mut text).ok()?;
    if u32::from_str_radix(noted, 16).ok()? != crc([counts.as_bytes(), &tables, &text]) {
        return None;
    }
    let text = String::from_utf8(text).ok()?;
    let (starts, providers) = tables.split_at(starts_length);
    let starts: Vec<u32> = starts.as_chunks().0.iter().map(|start| u32::from_le_bytes(*start)).collect();
    let provider = |bytes: &[u8; PROVIDER]| {
        let (hash, position) = bytes.split_first_chunk()?;
        Some((u64::from_le_bytes(*hash), u32::from_le_bytes(position.try_into().ok()?)))
    };
    let providers: Vec<(u64, u32)> = providers.as_chunks().0.iter().map(provider).collect::<Option<_>>()?;
    let fits = starts.iter().all(|start| text.is_char_boundary(*start as usize))
        && providers.iter().all(|(_, position)| (*position as usize) < starts.len());
    fits.then_some(Index { text, starts, providers })
}

fn crc(parts: [&[u8]; 3]) -> u32 {
    let mut crc = Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scanned() -> Index {
        let stanza = |name: &str, provides: &str| {
            let sha256 = Digest::of(name.as_bytes()).hex();
            format!("Package: {name}\nVersion: 1\nArchitecture: all\nFilename: a\nSize: 1\nSHA256: {sha256}\nProvides: {provides}\n\n")
        };
        Index::scan((stanza("bb", "awk (= 1), x") + &stanza("aa", "awk") + &stanza("cc", "")).as_bytes(), "amd64").unwrap()
    }

    fn file(index: &Index) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, &Digest::of(b"1"), index).unwrap();
        out
    }

    fn opened(file: &[u8]) -> Option<Index> {
        read(file, file.len() as u64, &Digest::of(b"1"))
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let (index, written) = (scanned(), file(&scanned()));
        let again = opened(&written).unwrap();
        assert_eq!(again, index);
        assert_eq!(again.providers("awk").map(|position| again.name(position)).collect::<Vec<_>>(), ["aa", "bb"]);
        assert!(read(&written[..], written.len() as u64, &Digest::of(b"2")).is_none());
        for at in 0..written.len() {
            let mut damaged = written.clone();
            damaged[at] ^= 1;
            assert!(opened(&damaged).is_none(), "byte {at}");
            assert!(opened(&written[..at]).is_none(), "{at} bytes of it");
        }
    }

    #[test]
    fn tables_that_do_not_fit_the_text_are_refused() {
        let index = || Index { text: "é\n".into(), starts: vec![0, 3], providers: vec![(7, 1)] };
        assert!(opened(&file(&index())).is_some());
        for broken in [
            Index { starts: vec![1], ..index() },
            Index { starts: vec![4], ..index() },
            Index { starts: vec![0], ..index() },
            Index { providers: vec![(7, 2)], ..index() },
        ] {
            assert!(opened(&file(&broken)).is_none(), "{broken:?}");
        }
        let header = format!("{KIND} {} 00000000 {} {}\n", Digest::of(b"1").hex(), usize::MAX, usize::MAX / 8);
        assert!(opened(header.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn any_tables_over_any_text_are_taken_or_refused(
            text in "[a-bé\n]{0,40}", starts in proptest::collection::vec(0u32..50, 0..5), providers in proptest::collection::vec((0u64..3, 0u32..6), 0..5)
        ) {
            if let Some(index) = opened(&file(&Index { text, starts, providers })) {
                for position in 0..index.len() { index.record(position); }
                index.find("a");
                for position in index.providers("a") { index.record(position); }
            }
        }
    }
}
