//! Writes one image so that every engine can load it, and so that nothing is lost: Docker's `manifest.json` and an OCI layout
//! name the same blobs, as Docker 25 and later write them. Layers stay compressed; engines take them so.

use std::io::{Read, Write};
use std::path::Path;

use super::Entry;
use crate::error::{IoContext, read_error};
use crate::image::{Descriptor, HashingWriter, Index, REF_NAME, Tree};
use crate::{Error, Result};

/// containerd's name of an image in an archive: what `docker load` with its store calls the image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// Writes the one image of `tree` as `name` (`repository:tag`) to `out`, which lies at `place`; `progress` hears the bytes of layers
/// written.
///
/// The same image gives the same bytes. Blobs are checked while they pass.
///
/// # Errors
/// A blob cannot be read or is not what it should be, or `place` has no room: each is told as what it is.
pub fn write_docker_archive(
    tree: &Tree,
    name: Option<&str>,
    out: impl Write,
    place: &Path,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let top = tree.top();
    let path = |blob: &Descriptor| format!("blobs/sha256/{}", blob.digest.hex());
    let blobs = &top.children.blobs;
    let Some((config, layers)) = blobs.split_first() else {
        return Err(Error::failed(format!("{} is no image", top.descriptor.digest)));
    };
    let mut tar = tar::Builder::new(out);
    for blob in tree.contents() {
        let mut reader = Checked { inner: HashingWriter::new(std::io::sink()), source: tree.blobs.open(&blob)?, trouble: None, progress };
        let appended = tar.append_data(&mut header(blob.size), path(&blob), (&mut reader).take(blob.size));
        // What has stopped it was the reading, the writing, or neither; only then is the content to be judged.
        if let Some(trouble) = reader.trouble.take() {
            return Err(trouble);
        }
        appended.at("writing", place)?;
        reader.finish(&blob).map_err(|error| tree.blobs.why_other(&blob).unwrap_or(error))?;
    }
    let manifest = path(&top.descriptor);
    append(&mut tar, &manifest, &top.bytes).at("writing", place)?;
    let mut entry = Descriptor::new(top.descriptor.media_type.clone(), top.descriptor.digest, top.descriptor.size);
    if let Some(name) = name {
        let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        entry.annotations.extend([(REF_NAME.to_owned(), tag.to_owned()), (IMAGE_NAME.to_owned(), qualified(name))]);
    }
    append(&mut tar, "index.json", &Index::new(vec![entry], Default::default()).to_bytes()).at("writing", place)?;
    let entry = Entry { config: path(config), repo_tags: name.map(|n| vec![n.to_owned()]), layers: layers.iter().map(path).collect() };
    let json = serde_json::to_vec(&[entry]).map_err(|error| Error::failed("manifest.json cannot be written").source(error))?;
    append(&mut tar, "manifest.json", &json).at("writing", place)?;
    append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#).at("writing", place)?;
    tar.into_inner().and_then(|mut out| out.flush()).at("writing", place)
}

/// A name as containerd has it: with a host, Docker Hub's when there is none.
fn qualified(name: &str) -> String {
    name.parse::<crate::image::RegistryReference>().map_or_else(|_| name.to_owned(), |reference| reference.to_string())
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

fn append(tar: &mut tar::Builder<impl Write>, path: &str, bytes: &[u8]) -> std::io::Result<()> {
    tar.append_data(&mut header(bytes.len() as u64), path, bytes)
}

/// Hashes what passes and tells how much.
struct Checked<'a> {
    inner: HashingWriter<std::io::Sink>,
    source: Box<dyn Read + Send>,
    /// Why reading has stopped, when it was not its end.
    trouble: Option<Error>,
    progress: &'a mut dyn FnMut(u64) -> Result<()>,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer).map_err(|error| read_error(error, "reading a blob"));
        let passed = read.and_then(|n| {
            self.inner.write_all(&buffer[..n]).map_err(|error| read_error(error, "hashing a blob"))?;
            (self.progress)(n as u64).map(|()| n)
        });
        passed.map_err(|error| {
            self.trouble = Some(error);
            std::io::Error::other("a blob cannot be read")
        })
    }
}

impl Checked<'_> {
    fn finish(self, blob: &Descriptor) -> Result<()> {
        let (_, digest, size) = self.inner.finish();
        match digest == blob.digest && size == blob.size {
            true => Ok(()),
            false => Err(Error::failed(format!("blob {} turned out to be {digest} with {size} of {} bytes", blob.digest, blob.size))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;
    use crate::Kind;
    use crate::image::{Blobs, Image, ImageConfig, Manifest, media_type};

    /// One layer of 100 kB, of which reading gives as many bytes before it fails.
    #[derive(Debug)]
    struct Cut(Vec<u8>, usize);

    impl Blobs for Cut {
        fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
            struct Broken;
            impl Read for Broken {
                fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                    Err(io::Error::other(Error::network("the connection was cut").hint("run it again")))
                }
            }
            if blob.size < 1000 {
                return Ok(Box::new(io::Cursor::new(b"{}")));
            }
            let head = io::Cursor::new(self.0[..self.1].to_vec());
            Ok(if self.1 < self.0.len() { Box::new(head.chain(Broken)) } else { Box::new(head) })
        }
    }

    /// A disk with this much room.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = bytes.len().min(self.0);
            self.0 -= n;
            if n == 0 && !bytes.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(n) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(gives: usize, room: usize) -> Result<()> {
        let layer = vec![7; 100_000];
        let (config, blob) = (Descriptor::of(media_type::CONFIG, b"{}"), Descriptor::of(media_type::LAYER_TAR, &layer));
        let manifest = Manifest::new(config, vec![blob], Default::default());
        let bytes = manifest.to_bytes();
        let image = Image {
            descriptor: Descriptor::of(media_type::MANIFEST, &bytes),
            index: None,
            manifest: Arc::new(manifest),
            manifest_bytes: bytes.into(),
            config: Arc::new(ImageConfig::default()),
            config_bytes: b"{}".as_slice().into(),
            blobs: Arc::new(Cut(layer, gives)),
        };
        write_docker_archive(&Tree::of_image(&image), None, Full(room), Path::new("/mnt/x.tar"), &mut |_| Ok(()))
    }

    #[test]
    fn a_full_disk_and_a_source_that_breaks_are_not_taken_for_damage() {
        written(100_000, 200_000).unwrap();
        for room in [100, 50_000, 101_000] {
            let full = written(100_000, room).unwrap_err();
            assert!(full.message().starts_with("writing /mnt/x.tar: "), "{room}: {full}");
            assert!(full.advice().unwrap().contains("no room left where /mnt/x.tar is"), "{full:?}");
        }
        let cut = written(40_000, 200_000).unwrap_err();
        assert_eq!((cut.kind(), cut.message().as_str()), (Kind::Network, "reading a blob: the connection was cut"));
        assert_eq!(cut.advice(), Some("run it again"));
    }
}
