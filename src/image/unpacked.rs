//! Layers that are decompressed on their way: engines of before 2023 know no zstd.

use std::io::{Read, Write};
use std::sync::Arc;

use super::descriptor::media_type;
use super::{Blobs, Descriptor, HashingWriter, Tree};
use crate::error::read_error;
use crate::{Error, Result};

impl Tree {
    /// Whether a layer is compressed with zstd.
    pub fn has_zstd(&self) -> bool {
        self.manifests.iter().flat_map(|m| &m.children.blobs).any(is_zstd)
    }

    /// The same images with plain tars in place of layers that are compressed with zstd. The configs stay, since their diff ids are the
    /// digests of just these. Reads each such layer once to learn how long it is: from blocking threads only.
    ///
    /// # Errors
    /// A layer cannot be read, or `cancelled` says so.
    pub fn without_zstd(self, cancelled: &dyn Fn() -> bool) -> Result<Self> {
        let mut layers = Vec::new();
        for layer in self.contents().into_iter().filter(is_zstd) {
            let mut reader = unpack(&self.blobs, &layer)?;
            let mut hash = HashingWriter::new(std::io::sink());
            let mut buffer = vec![0; 256 << 10];
            loop {
                if cancelled() {
                    return Err(Error::interrupted());
                }
                let reading = |error| read_error(error, format_args!("unpacking layer {}", layer.digest));
                let n = reader.read(&mut buffer).map_err(reading)?;
                if n == 0 {
                    break;
                }
                hash.write_all(&buffer[..n]).map_err(reading)?;
            }
            let (_, digest, size) = hash.finish();
            let plain = Descriptor { annotations: layer.annotations.clone(), ..Descriptor::new(media_type::LAYER_TAR, digest, size) };
            layers.push((layer, plain));
        }
        self.with_exchanged(&layers, unpack)
    }
}

fn is_zstd(blob: &Descriptor) -> bool {
    blob.media_type.ends_with("+zstd")
}

fn unpack(blobs: &Arc<dyn Blobs>, layer: &Descriptor) -> Result<Box<dyn Read + Send>> {
    let packed = blobs.open(layer)?.take(layer.size);
    let reader = zstd::stream::read::Decoder::new(packed);
    Ok(Box::new(reader.map_err(|error| read_error(error, format_args!("unpacking layer {}", layer.digest)))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Digest, ImageConfig, Manifest, Store};

    #[test]
    fn zstd_becomes_the_plain_tar_of_the_diff_id_and_gzip_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("images")).unwrap();
        let tar = vec![7; 300_000];
        // Two frames, as our own layers have many.
        let packed = [zstd::encode_all(&tar[..1000], 3).unwrap(), zstd::encode_all(&tar[1000..], 3).unwrap()].concat();
        let config = ImageConfig::default().to_bytes();
        for bytes in [&packed[..], b"gzip", &config] {
            store.put(bytes).unwrap();
        }
        let layers = vec![Descriptor::of(media_type::LAYER_ZSTD, &packed), Descriptor::of(media_type::LAYER_GZIP, b"gzip")];
        let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config), layers.clone(), Default::default()).to_bytes();
        store.put(&manifest).unwrap();
        let entry = Descriptor::of(media_type::MANIFEST, &manifest);
        let tree = Tree::of_image(&store.image(&entry).unwrap());
        assert!(tree.has_zstd());
        assert!(tree.clone().without_zstd(&|| true).unwrap_err().is_interrupted());
        let plain = tree.without_zstd(&|| false).unwrap();
        assert!(!plain.has_zstd());
        let [config_now, first, second] = &plain.top().children.blobs[..] else { panic!("{plain:?}") };
        assert_eq!((config_now.digest, &second.digest), (Digest::of(&config), &layers[1].digest));
        assert_eq!((first.digest, first.size, first.media_type.as_str()), (Digest::of(&tar), 300_000, media_type::LAYER_TAR));
        let mut read = Vec::new();
        plain.blobs.open(first).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, tar);
    }
}
