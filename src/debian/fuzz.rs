//! Where fuzz targets and the replay of their corpus come in: every reader of bytes from a mirror or a repository, as a
//! function that panics when a promise is broken. Exists under `cfg(fuzzing)` and in tests only.
//!
//! What these functions are given is refused or read; it never panics in them, and what is read holds the invariants that
//! the rest of the room relies on.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::deb::Deb;
use super::index::Index;
use super::keyring::Keyring;
use super::release::Policy;
use super::segment::{canonical, rewritten, stanza};
use super::{index_file, lock_file, relation, release, signature, version};
use crate::image::fuzz::{Target, mended};
use crate::image::{Digest, Entry, EntryKind};

/// Every target: its name, as in `fuzz/fuzz_targets` and `fuzz/corpus`, and its function.
pub const TARGETS: [(&str, Target); 7] =
    [("deb", deb), ("tar", tar), ("index", index), ("relation", relation), ("version", version), ("release", release), ("lock", lock)];

/// A whole .deb.
pub fn deb(bytes: &[u8]) {
    let Ok(mut deb) = Deb::open(bytes) else { return };
    let Ok(control) = deb.control() else { return };
    if let Ok(text) = stanza::normalise(&control["control"]) {
        assert_eq!(stanza::normalise(text.as_bytes()).as_ref().ok(), Some(&text), "a normal stanza is normal");
    }
    if let Ok(data) = deb.data()
        && let Ok((raw, entries)) = rewritten(data)
    {
        judge(&raw, &entries);
    }
}

/// A data tar. Header checksums are mended first: a fuzzer cannot find them, and whoever means harm can.
pub fn tar(bytes: &[u8]) {
    if let Ok((raw, entries)) = rewritten(&mended(bytes)[..]) {
        judge(&raw, &entries);
    }
}

/// A `Packages` index.
pub fn index(bytes: &[u8]) {
    let Ok(index) = Index::scan(bytes, "amd64") else { return };
    for position in 0..index.len() {
        let record = index.record(position);
        assert!(index.find(record.name).contains(&position), "{:?} is not found", record.name);
        assert!(matches!(record.architecture, "amd64" | "all"), "{record:?}");
        assert!(!record.path().starts_with('/') && !record.path().split('/').any(|part| part == ".."), "{record:?}");
    }
    let (mut file, of) = (Vec::new(), Digest::of(bytes));
    assert!(index_file::write(&mut file, &of, &index).is_ok());
    assert_eq!(index_file::read(&file[..], file.len() as u64, &of), Some(index), "the cache gives back what was scanned");
}

/// A field of relationships.
pub fn relation(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for group in relation::alternatives(text).flatten() {
        for relation in group {
            let shown = relation.to_string();
            assert_eq!(relation::relation(&shown), Ok(relation), "what is shown is read back");
            let _ = relation.accepts("1.0-1");
        }
    }
    relation::relations(text).for_each(drop);
}

/// Two versions, one per line: compared both ways.
pub fn version(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (a, b) = text.split_once('\n').unwrap_or((text, ""));
    assert_eq!(compare(a, b), compare(b, a).reverse(), "{a:?} and {b:?}");
    assert!(compare(a, a).is_eq(), "{a:?}");
    assert!(a.starts_with(version::without_rebuild(a)));
}

/// How two versions compare, for a second opinion.
pub fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    version::compare(a, b)
}

/// Whether `text` has only the characters of a version.
pub fn is_version(text: &str) -> bool {
    relation::is_version(text)
}

/// An `InRelease`: the signature around it, and the fields in it as if it were signed.
pub fn release(bytes: &[u8]) {
    static KEYS: std::sync::OnceLock<Keyring> = std::sync::OnceLock::new();
    let keys = KEYS.get_or_init(|| Keyring::embedded().unwrap_or_default());
    let now = Timestamp::from_second(1_795_000_000).unwrap_or_default();
    // None of the corpus is signed by Debian.
    assert!(signature::signed_text(bytes, keys, 1_795_000_000, false, "it").is_err());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(release) = release::parse(text, "trixie", Policy { now, check_valid_until: true, past: false }, "[debian]") {
        assert!(release.date <= now + jiff::SignedDuration::from_hours(24), "{}", release.date);
        assert!(!release.files.is_empty());
    }
}

/// A `containers.lock`.
pub fn lock(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(lock) = lock_file::parse(text) else { return };
    let again = lock_file::text(&lock).and_then(|text| lock_file::parse(&text)).ok();
    assert_eq!(again.as_ref(), Some(&lock), "a lock is read as it was written");
}

/// What an independent reader sees in the rewritten tar must be what the facts say, and fit to be unpacked anywhere.
fn judge(raw: &[u8], entries: &[Entry]) {
    let mut seen = BTreeSet::new();
    let mut archive = ::tar::Archive::new(raw);
    let mut facts = entries.iter();
    for entry in archive.entries().into_iter().flatten() {
        let Ok(mut entry) = entry else { panic!("an entry cannot be read") };
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(fact) = facts.next() else { panic!("`{path}` has no facts") };
        assert_eq!(path, fact.path);
        assert!(!path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?} is not plain");
        assert_eq!(canonical::canonical(&path), path, "{path:?} is not canonical");
        let length = std::io::copy(&mut entry, &mut std::io::sink()).unwrap_or(u64::MAX);
        match &fact.kind {
            EntryKind::File { size, .. } => assert_eq!(length, *size, "{path}"),
            EntryKind::HardLink { target } => assert!(seen.contains(target), "{path} is a link to {target}, which is not before it"),
            _ => assert_eq!(length, 0, "{path}"),
        }
        assert!(seen.insert(path), "a path is in it twice");
    }
    assert!(facts.next().is_none(), "facts without entries");
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_is_read_or_refused() {
        crate::image::fuzz::replay(&super::TARGETS);
    }
}
