//! Writes one image so that every engine can load it, and so that nothing is lost: Docker's `manifest.json` and an OCI layout
//! name the same blobs, as Docker 25 and later write them. Layers stay compressed; engines take them so.

use std::io::{Read, Write};

use super::Entry;
use crate::image::{Descriptor, HashingWriter, Index, REF_NAME, Tree};
use crate::{Error, Result};

/// containerd's name of an image in an archive: what `docker load` with its store calls the image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// Writes the one image of `tree` as `name` (`repository:tag`) to `out`; `progress` hears the bytes of layers written.
///
/// The same image gives the same bytes. Blobs are checked while they pass.
pub fn write_docker_archive(tree: &Tree, name: Option<&str>, out: impl Write, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<()> {
    let top = tree.top();
    let path = |blob: &Descriptor| format!("blobs/sha256/{}", blob.digest.hex());
    let blobs = &top.children.blobs;
    let Some((config, layers)) = blobs.split_first() else {
        return Err(Error::failed(format!("{} is no image", top.descriptor.digest)));
    };
    let mut tar = tar::Builder::new(out);
    for blob in tree.contents() {
        let mut reader = Checked { inner: HashingWriter::new(std::io::sink()), source: tree.blobs.open(&blob)?, told: 0, progress };
        let appended = tar.append_data(&mut header(blob.size), path(&blob), (&mut reader).take(blob.size)).map_err(failed);
        let whole = reader.finish(&blob);
        whole.and(appended)?;
    }
    let manifest = path(&top.descriptor);
    append(&mut tar, &manifest, &top.bytes)?;
    let mut entry = Descriptor::new(top.descriptor.media_type.clone(), top.descriptor.digest, top.descriptor.size);
    if let Some(name) = name {
        let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        entry.annotations.extend([(REF_NAME.to_owned(), tag.to_owned()), (IMAGE_NAME.to_owned(), qualified(name))]);
    }
    append(&mut tar, "index.json", &Index::new(vec![entry], Default::default()).to_bytes())?;
    let entry = Entry { config: path(config), repo_tags: name.map(|n| vec![n.to_owned()]), layers: layers.iter().map(path).collect() };
    let json = serde_json::to_vec(&[entry]).map_err(|error| Error::failed("manifest.json cannot be written").source(error))?;
    append(&mut tar, "manifest.json", &json)?;
    append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    tar.into_inner().and_then(|mut out| out.flush()).map_err(failed)
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

fn append(tar: &mut tar::Builder<impl Write>, path: &str, bytes: &[u8]) -> Result<()> {
    tar.append_data(&mut header(bytes.len() as u64), path, bytes).map_err(failed)
}

fn failed(error: std::io::Error) -> Error {
    crate::error::io_error(error, "writing", std::path::Path::new("the archive"))
}

/// Hashes what passes and tells how much.
struct Checked<'a> {
    inner: HashingWriter<std::io::Sink>,
    source: Box<dyn Read + Send>,
    told: u64,
    progress: &'a mut dyn FnMut(u64) -> Result<()>,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.inner.write_all(&buffer[..n])?;
        self.told += n as u64;
        (self.progress)(n as u64).map_err(std::io::Error::other)?;
        Ok(n)
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
