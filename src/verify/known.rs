//! What is known of a layer without decompressing it: a record of its content, and a blob that is what its digest says.

use std::io::Read;

use super::scan::{LayerFacts, scan_layer};
use super::usage::Usage;
use crate::image::{Blobs, Descriptor, Hasher, LayerContent, LayerRecords, Proofs, ScriptRecords, Stamp, Witnessed};
use crate::{Error, Result};

/// How much of a blob is read and hashed at a time.
const PIECE: usize = 256 << 10;

/// What a verification may take for known, and where it leaves what it learns. The default knows nothing and keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Records of what is inside blobs; a blob that has one is hashed and not decompressed.
    pub records: Option<LayerRecords>,
    /// Whether what is learnt is written to the records.
    pub keep: bool,
    /// Files of blobs that were hashed before, and need not be again as long as nobody has touched them. For our own store only.
    pub proofs: Option<Proofs>,
    /// Blobs of this run that need not even be hashed. What turns out to be whole is added: so this is for blobs of one place, and
    /// another that claims to have the same is read.
    pub witnessed: Witnessed,
    /// What became of the scripts of the images we built.
    pub scripts: Option<ScriptRecords>,
}

impl Known {
    /// The facts of the layer `blob`: recalled, or else read from it and recorded.
    ///
    /// Whatever does not fit is read as if nothing were known, so the facts are the same either way.
    pub(super) fn layer(
        &self,
        blobs: &dyn Blobs,
        blob: &Descriptor,
        usage: &Usage<'_>,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<LayerFacts> {
        if let Some(content) = self.records.as_ref().and_then(|records| records.load(&blob.digest))
            && usage.take_in(&content)
        {
            if self.witnessed.has(&blob.digest) || self.is_proven(blobs, blob) || self.hash(blobs, blob, cancelled)? {
                self.witnessed.add(blob.digest);
                usage.read(blob.size);
                return Ok(LayerFacts::recalled(blob, content));
            }
            usage.give_back(&content);
        }
        let stamp = blobs.stamp(blob);
        let facts = scan_layer(blobs, blob, usage, cancelled)?;
        if facts.damage.is_some() || facts.digest != Some(blob.digest) || facts.size != blob.size {
            return Ok(facts);
        }
        self.witnessed.add(blob.digest);
        self.prove(blobs, blob, stamp);
        let Some(records) = self.records.as_ref().filter(|_| self.keep) else { return Ok(facts) };
        let LayerFacts { descriptor, compression, diff_id, uncompressed_size, entries, kept, .. } = facts;
        let content = LayerContent { compression, diff_id, uncompressed_size, entries, kept };
        // A record only saves time; without it the blob is read again.
        let _ = records.keep(&blob.digest, &content);
        Ok(LayerFacts::recalled(&descriptor, content))
    }

    /// Whether the blob's file is the one that was hashed, and has not been touched since.
    fn is_proven(&self, blobs: &dyn Blobs, blob: &Descriptor) -> bool {
        let stamp = blobs.stamp(blob).filter(|stamp| stamp.size == blob.size);
        self.proofs.as_ref().zip(stamp).is_some_and(|(proofs, stamp)| proofs.hold(&blob.digest, &stamp))
    }

    fn hash(&self, blobs: &dyn Blobs, blob: &Descriptor, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<bool> {
        let stamp = blobs.stamp(blob);
        let whole = is_whole(blobs, blob, cancelled)?;
        if whole {
            self.prove(blobs, blob, stamp);
        }
        Ok(whole)
    }

    /// Notes that the file, which looked like `before` when reading it began, holds the blob: unless it was changed meanwhile.
    fn prove(&self, blobs: &dyn Blobs, blob: &Descriptor, before: Option<Stamp>) {
        if let Some((proofs, before)) = self.proofs.as_ref().zip(before)
            && before.is_settled()
            && blobs.stamp(blob).as_ref() == Some(&before)
        {
            proofs.note(&blob.digest, &before);
        }
    }
}

/// Whether the blob has exactly the content that its descriptor names. Why it has not, a scan will say.
fn is_whole(blobs: &dyn Blobs, blob: &Descriptor, cancelled: &(dyn Fn() -> bool + Sync)) -> Result<bool> {
    let Ok(reader) = blobs.open(blob) else { return Ok(false) };
    let mut reader = reader.take(blob.size.saturating_add(1));
    let (mut hasher, mut size, mut piece) = (Hasher::new(), 0u64, vec![0; PIECE]);
    loop {
        if cancelled() {
            return Err(Error::interrupted());
        }
        match reader.read(&mut piece) {
            Ok(0) => return Ok(size == blob.size && hasher.finish() == blob.digest),
            Ok(n) => {
                hasher.update(&piece[..n]);
                size += n as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::image::{Digest, Entries, Image, Store, media_type};
    use crate::progress::Silent;
    use crate::verify::samples::{Layer, Sample, elf, gzip};
    use crate::verify::{Circumstances, Report, verify};

    fn known(folder: &std::path::Path) -> Known {
        Known { records: Some(LayerRecords::new(folder.into())), keep: true, ..Known::default() }
    }

    fn report(image: &Image, known: &Known) -> Report {
        verify(image, "sample", &Circumstances::default(), known, &mut |_| {}, &Silent, &|| false).unwrap().0
    }

    fn sample() -> Sample {
        let status = b"Package: a\nVersion: 1\nArchitecture: amd64\n";
        let base = Layer::new()
            .folder("usr/bin")
            .file("usr/bin/x", 0o755, &elf(62, "/lib64/ld.so"))
            .file("usr/bin/y", 0o755, &elf(183, ""))
            .file("usr/bin/sh", 0o4755, b"#!/bin/no\n")
            .file("etc/passwd", 0o644, b"a:x:1:1::/:\n")
            .symlink("bin", "usr/bin")
            .symlink("gone", "nowhere");
        let upper = Layer::new()
            .file("var/lib/dpkg/status.d/a", 0o644, status)
            .file("usr/bin/.wh.y", 0, b"")
            .hard_link("h", "usr/bin/x")
            .file("d", 0o644, b"1")
            .file("d", 0o644, b"2");
        Sample::new("amd64").entrypoint("/bin/x").layer(base).layer(upper)
    }

    #[test]
    fn a_report_from_records_is_the_one_from_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let known = known(folder.path());
        let image = sample().image();
        let from_bytes = report(&image, &Known::default());
        assert_eq!(report(&image, &known), from_bytes);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(report(&image, &known), from_bytes);
        // Records are found for a blob wherever it is, and in a fresh run.
        assert_eq!(report(&image, &self::known(folder.path())), from_bytes);
    }

    #[test]
    fn a_damaged_record_is_read_over_and_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let image = sample().image();
        let whole = report(&image, &known(folder.path()));
        let paths: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let before: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        for path in &paths {
            fs::write(path, b"nothing").unwrap();
        }
        // One layer's record in the place of the other's.
        fs::write(&paths[0], &before[1]).unwrap();
        assert_eq!(report(&image, &known(folder.path())), whole);
        let after: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        assert_eq!(after, before);
    }

    #[test]
    fn a_damaged_blob_is_found_although_its_content_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let image = sample().image();
        report(&image, &known(folder.path()));
        for change in [|bytes: &mut Vec<u8>| bytes[100] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(90), |bytes: &mut Vec<u8>| bytes.push(0)]
        {
            let mut damaged = Sample::new("amd64").image();
            let tar = Layer::new().folder("x").tar();
            let mut blob = gzip(&tar);
            let good = Descriptor::of(media_type::LAYER_GZIP, &blob);
            known(folder.path()).records.unwrap().keep(&good.digest, &content(&tar)).unwrap();
            blob.resize(120, 7);
            change(&mut blob);
            Arc::make_mut(&mut damaged.manifest).layers = vec![good];
            damaged.blobs = Arc::new(Wrong(blob));
            assert_eq!(report(&damaged, &known(folder.path())), report(&damaged, &Known::default()));
        }
    }

    #[test]
    fn a_proven_blob_is_not_read_and_one_changed_in_place_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("images")).unwrap();
        let made = sample().image();
        store.put(&made.config_bytes).unwrap();
        store.import("sample", &made).unwrap();
        let image = store.image(&store.find("sample").unwrap().unwrap()).unwrap();
        let known = || Known { proofs: Some(Proofs::new(folder.path().join("proofs"))), ..known(&folder.path().join("content")) };
        let proofs = || fs::read_dir(folder.path().join("proofs")).map_or(0, Iterator::count);
        let whole = report(&image, &known());
        // Written just now: it could change once more without its times changing.
        assert_eq!(proofs(), 0);
        std::thread::sleep(std::time::Duration::from_secs(3));
        assert_eq!(report(&image, &known()), whole);
        assert_eq!(proofs(), 2);
        // A proven blob is taken for what it is without being opened.
        let counting = Arc::new(Counting(store.clone(), AtomicUsize::new(0)));
        let counted = Image { blobs: counting.clone(), ..image.clone() };
        assert_eq!(report(&counted, &known()), whole);
        assert_eq!(counting.1.load(Ordering::Relaxed), 0);
        // One byte changed in place, with length and mtime as they were.
        let path = store.blob_path(&image.manifest.layers[0].digest);
        let (mut bytes, modified) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        let changed = report(&counted, &known());
        assert_eq!(counting.1.load(Ordering::Relaxed), 2, "hashed, and then scanned");
        assert_eq!(changed.verdict(), crate::verify::Verdict::Fail);
        assert_eq!(changed, report(&image, &Known::default()));
    }

    /// A store that counts how often a blob is opened.
    #[derive(Debug)]
    struct Counting(Store, AtomicUsize);

    impl Blobs for Counting {
        fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.open(blob)
        }

        fn stamp(&self, blob: &Descriptor) -> Option<Stamp> {
            self.0.stamp(blob)
        }
    }

    #[test]
    fn nothing_is_written_unless_it_shall_be_kept() {
        let folder = tempfile::tempdir().unwrap();
        let known = Known { keep: false, ..known(&folder.path().join("content")) };
        report(&sample().image(), &known);
        assert!(!folder.path().join("content").exists());
    }

    fn content(tar: &[u8]) -> LayerContent {
        let compression = crate::image::Compression::Gzip;
        LayerContent {
            compression,
            diff_id: Digest::of(tar),
            uncompressed_size: tar.len() as u64,
            entries: Entries::default(),
            kept: Vec::new(),
        }
    }

    /// The same bytes whatever is asked for.
    #[derive(Debug)]
    struct Wrong(Vec<u8>);

    impl Blobs for Wrong {
        fn open(&self, _: &Descriptor) -> Result<Box<dyn Read + Send>> {
            Ok(Box::new(std::io::Cursor::new(self.0.clone())))
        }
    }
}
