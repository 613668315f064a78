//! What is known of a layer without decompressing it: a record of its content, and a blob that is what its digest says.

use std::io::Read;

use super::scan::{LayerFacts, Usage, scan_layer};
use crate::image::{Blobs, Descriptor, Hasher, LayerContent, LayerRecords, ScriptRecords, Witnessed};
use crate::{Error, Result};

/// How much of a blob is read and hashed at a time.
const PIECE: usize = 256 << 10;

/// What a verification may take for known, and where it leaves what it learns. The default knows nothing and keeps nothing.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Records of what is inside blobs; a blob that has one is hashed and not decompressed.
    pub records: Option<LayerRecords>,
    /// Blobs of this run that need not even be hashed. What turns out to be whole is added.
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
            if self.witnessed.has(&blob.digest) || is_whole(blobs, blob, cancelled)? {
                self.witnessed.add(blob.digest);
                usage.read(blob.size);
                return Ok(LayerFacts::recalled(blob, content));
            }
            usage.give_back(&content);
        }
        let facts = scan_layer(blobs, blob, usage, cancelled)?;
        if facts.damage.is_some() || facts.digest != Some(blob.digest) || facts.size != blob.size {
            return Ok(facts);
        }
        self.witnessed.add(blob.digest);
        let Some(records) = &self.records else { return Ok(facts) };
        let LayerFacts { descriptor, compression, diff_id, uncompressed_size, entries, packages, loader_files, .. } = facts;
        let content = LayerContent { compression, diff_id, uncompressed_size, entries, packages, loader_files };
        // A record only saves time; without it the blob is read again.
        let _ = records.keep(&blob.digest, &content);
        Ok(LayerFacts::recalled(&descriptor, content))
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

    use super::*;
    use crate::image::{Digest, Image, media_type};
    use crate::progress::Silent;
    use crate::verify::samples::{Layer, Sample, elf, gzip};
    use crate::verify::{Report, verify};

    fn known(folder: &std::path::Path) -> Known {
        Known { records: Some(LayerRecords::new(folder.into())), witnessed: Witnessed::default(), scripts: None }
    }

    fn report(image: &Image, known: &Known) -> Report {
        verify(image, "sample", None, known, &mut |_| {}, &Silent, &|| false).unwrap()
    }

    fn sample() -> Sample {
        let status = b"Package: a\nVersion: 1\nArchitecture: amd64\n";
        let base = Layer::new()
            .folder("usr/bin")
            .file("usr/bin/x", 0o755, &elf(62, "/lib64/ld.so"))
            .file("usr/bin/y", 0o755, &elf(183, ""))
            .file("usr/bin/sh", 0o4755, b"#!/bin/no\n")
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

    fn content(tar: &[u8]) -> LayerContent {
        let compression = crate::image::Compression::Gzip;
        LayerContent {
            compression,
            diff_id: Digest::of(tar),
            uncompressed_size: tar.len() as u64,
            entries: Vec::new(),
            packages: Vec::new(),
            loader_files: Vec::new(),
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
