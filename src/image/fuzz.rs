//! What fuzz targets of all rooms need, and the targets for this room's readers. Exists under `cfg(fuzzing)` and in tests only.
//!
//! A target panics when a promise is broken: see docs/fuzzing.md.

use super::{ElfReader, ImageConfig, Index, Manifest, Metadata, read_elf, read_shebang};

/// What a fuzzer calls with the bytes it has thought of.
pub type Target = fn(&[u8]);

/// This room's targets: the name, as in `fuzz/fuzz_targets` and `fuzz/corpus`, and the function.
pub const TARGETS: [(&str, Target); 2] = [("elf", elf), ("json", json)];

/// The head of a file, as what it may be: an ELF file, a script, a list of packages.
pub fn elf(bytes: &[u8]) {
    let whole = ElfReader::whole(bytes);
    let mut reader = ElfReader::default();
    reader.begin();
    // However a stream is cut, the same is read.
    for piece in bytes.chunks(97) {
        reader.push(piece);
    }
    assert_eq!(reader.finish(bytes.len() as u64), whole, "what is read depends on how the file arrives");
    let _ = read_elf(bytes);
    assert!(read_shebang(bytes).is_none_or(|line| line.chars().count() <= 255 && !line.contains('\n')));
    for metadata in [Metadata::Dpkg, Metadata::Apk] {
        assert!(metadata.read(bytes).len() <= bytes.len());
    }
}

/// A manifest, an index, a config: what is read is written so that it is read again.
pub fn json(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes, "it") {
        assert_eq!(Manifest::parse(&manifest.to_bytes(), "it").ok(), Some(manifest));
    }
    if let Ok(index) = Index::parse(bytes, "it") {
        assert_eq!(Index::parse(&index.to_bytes(), "it").ok(), Some(index));
    }
    if let Ok(config) = ImageConfig::parse(bytes, "it") {
        assert_eq!(ImageConfig::parse(&config.to_bytes(), "it").ok(), Some(config));
    }
}

/// `bytes` as a tar whose header checksums are right.
pub fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(block) = out.get_mut(at..).and_then(|rest| rest.get_mut(..512)) {
        let mut header = ::tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        let content = header.entry_size().unwrap_or(0).div_ceil(512).saturating_mul(512);
        let Some(next) = usize::try_from(content).ok().and_then(|n| at.checked_add(512)?.checked_add(n)) else { break };
        at = next;
    }
    out
}

/// Replays the corpus of `targets`: what the fuzzers found worth keeping, and what once broke something.
#[cfg(test)]
pub(crate) fn replay(targets: &[(&str, Target)]) {
    for (name, target) in targets {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 3, "{} has {} files", folder.display(), files.len());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            assert!(std::panic::catch_unwind(|| target(&bytes)).is_ok(), "{}", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_is_read_or_refused() {
        super::replay(&super::TARGETS);
    }
}
