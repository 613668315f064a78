//! From a document to an [`Image`]: what skopeo's `nix:` transport made of it, with the sizes it leaves out put right.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Content, Document, Layer, config_blob, to_bytes};
use super::layer::{Regenerated, gone};
use crate::image::{Blobs, Descriptor, Digest, Image, ImageConfig, Manifest, media_type};
use crate::{Error, Result};

/// An image, and what of its document is not in it.
#[derive(Debug)]
pub struct NixImage {
    /// The image. Its layers are made when they are opened.
    pub image: Image,
    /// Keys of the document that nobody understands.
    pub ignored: Vec<String>,
}

/// The image that the document in the file at `path` describes.
///
/// # Errors
/// The file is not there or no such document, or a layer whose size it does not tell cannot be looked at.
pub fn open_image(path: &Path) -> Result<NixImage> {
    // As nix2container has it: relative paths begin where the program runs.
    image_of(Document::open(path)?, Path::new("")).map_err(|error| error.context(path.display()))
}

pub(super) fn image_of(document: Document, base: &Path) -> Result<NixImage> {
    let config_bytes = config_blob(&document)?;
    let config = Descriptor::of(media_type::CONFIG, &config_bytes);
    let mut sources = BTreeMap::new();
    let mut layers = Vec::new();
    for layer in document.layers {
        let (media_type, digest, size) = (layer.media_type.clone(), layer.digest, layer.size);
        let source = Source::of(layer);
        let size = match size {
            Some(size) => size,
            None => source.measure(base)?,
        };
        layers.push(Descriptor::new(media_type, digest, size));
        sources.entry(digest).or_insert(source);
    }
    let manifest = Manifest::new(config.clone(), layers, BTreeMap::new());
    // Media types are the document's words: escaped as Go would.
    let manifest_bytes = to_bytes(&manifest)?;
    let config_bytes: Arc<[u8]> = config_bytes.into();
    sources.entry(config.digest).or_insert(Source::Bytes(Arc::clone(&config_bytes)));
    let image = Image {
        descriptor: Descriptor::of(media_type::MANIFEST, &manifest_bytes),
        index: None,
        manifest: Arc::new(manifest),
        manifest_bytes: manifest_bytes.into(),
        config: Arc::new(ImageConfig::parse(&config_bytes, "its config")?),
        config_bytes,
        blobs: Arc::new(NixBlobs { sources, base: base.to_owned() }),
    };
    Ok(NixImage { image, ignored: document.ignored })
}

/// The blobs of one document.
#[derive(Debug)]
struct NixBlobs {
    sources: BTreeMap<Digest, Source>,
    base: PathBuf,
}

/// Where a blob comes from.
#[derive(Debug)]
enum Source {
    Bytes(Arc<[u8]>),
    File(PathBuf),
    Paths(Box<Regenerated>),
}

impl Source {
    fn of(layer: Layer) -> Self {
        match &layer.content {
            Content::File(path) => Source::File(path.clone()),
            Content::Paths(paths) => {
                let paths = Arc::clone(paths);
                Source::Paths(Box::new(Regenerated::new(layer, paths)))
            }
        }
    }

    fn measure(&self, base: &Path) -> Result<u64> {
        match self {
            Source::Bytes(bytes) => Ok(bytes.len() as u64),
            Source::File(path) => {
                let path = base.join(path);
                path.metadata().map(|metadata| metadata.len()).map_err(|error| gone(error, "looking at", &path))
            }
            Source::Paths(layer) => layer.measure(base),
        }
    }

    fn open(&self, base: &Path) -> Result<Box<dyn Read + Send>> {
        match self {
            Source::Bytes(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Source::File(path) => {
                let path = base.join(path);
                Ok(Box::new(File::open(&path).map_err(|error| gone(error, "opening", &path))?))
            }
            Source::Paths(layer) => layer.open(base),
        }
    }
}

impl Blobs for NixBlobs {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        match self.sources.get(&blob.digest) {
            Some(source) => source.open(&self.base),
            None => Err(Error::failed(format!("the document names no blob {}", blob.digest))),
        }
    }

    fn why_other(&self, blob: &Descriptor) -> Option<Error> {
        match self.sources.get(&blob.digest)? {
            Source::Paths(layer) => Some(layer.explain(&self.base)),
            Source::File(path) => Some(
                Error::failed(format!("the document names {} as the layer {}, and it is something else", path.display(), blob.digest))
                    .hint("build the image again"),
            ),
            Source::Bytes(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::image::Platform;

    #[test]
    fn the_manifest_is_what_skopeo_makes_of_the_document() {
        let document = Document::parse(include_bytes!("../../tests/data/nix/image.json")).unwrap();
        let NixImage { image, ignored } = image_of(document, Path::new("/nowhere")).unwrap();
        let expected = include_str!("../../tests/data/nix/manifest.json");
        assert_eq!(std::str::from_utf8(&image.manifest_bytes).unwrap(), expected);
        assert_eq!(image.descriptor.digest.hex()[..8], *"b465fe5c");
        assert!(image.platform().same(&Platform { architecture: "amd64".into(), os: "linux".into(), variant: None }));
        assert!(ignored.is_empty());
        let mut config = Vec::new();
        image.blobs.open(&image.manifest.config).unwrap().read_to_end(&mut config).unwrap();
        assert_eq!(config, *image.config_bytes);
        let error = image.blobs.open(&image.manifest.layers[0]).err().unwrap().message();
        assert!(error.contains("/nowhere/fx/aaaa-app-1.0 is not there"), "{error}");
    }

    #[test]
    fn layers_that_are_files_have_the_size_of_their_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("blob"), "a layer").unwrap();
        let digest = Digest::of(b"a layer");
        let layer = |file: &str| {
            format!(r#"{{"digest":"{digest}","size":0,"diff_ids":"{digest}","mediatype":"m","layer-path":"{file}","History":{{}}}}"#)
        };
        let document = |file: &str| Document::parse(format!(r#"{{"layers":[{}],"later":1}}"#, layer(file)).as_bytes()).unwrap();
        let made = image_of(document("blob"), folder.path()).unwrap();
        let blob = &made.image.manifest.layers[0];
        assert_eq!((blob.size, made.ignored), (7, vec!["later".to_owned()]));
        let mut bytes = Vec::new();
        made.image.blobs.open(blob).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"a layer");
        assert!(made.image.blobs.why_other(blob).unwrap().message().contains("blob as the layer"));
        let gone = image_of(document("nix/store/0abc-gone"), folder.path()).unwrap_err();
        assert!(gone.message().contains("nix-store --realise"), "{gone}");
        assert!(made.image.blobs.open(&Descriptor::of("", b"another")).is_err());
    }
}
