//! Images of the local store whose layers are not in it: they stay in Nix's store, and are made when they are asked for.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::evaluate::Derivation;
use super::image::open_image;
use crate::image::{Blobs, Descriptor, Image, Manifest, REF_NAME, Store, media_type};
use crate::{Error, Result};

/// Entry annotation: the derivation that it was built from.
const DERIVATION: &str = "dev.catamaran.nix.derivation";
/// Entry annotation: the document in Nix's store that says what its layers are made of.
const DOCUMENT: &str = "dev.catamaran.nix.document";

/// Enters the image that `derivation` has built into `store` under `name`: its config and manifest. The layers stay where they are.
///
/// # Errors
/// The document cannot be read, or the store cannot be written.
pub fn keep(store: &Store, name: &str, derivation: &Derivation) -> Result<Descriptor> {
    enter(store, name, &derivation.document, Some(derivation))
}

/// Like [`keep`], for a document of which nobody knows what it was built from.
///
/// # Errors
/// As for [`keep`].
pub fn keep_given(store: &Store, name: &str, document: &Path) -> Result<Descriptor> {
    enter(store, name, document, None)
}

fn enter(store: &Store, name: &str, document: &Path, derivation: Option<&Derivation>) -> Result<Descriptor> {
    let image = open_image(document)?.image;
    store.put(&image.config_bytes)?;
    store.put(&image.manifest_bytes)?;
    let mut entry = Descriptor::of(media_type::MANIFEST, &image.manifest_bytes);
    entry.platform = Some(image.platform());
    // What was found out about the very same image stays true.
    let known = store.find(name)?.filter(|known| known.digest == entry.digest);
    entry.annotations = known.map(|known| known.annotations).unwrap_or_default();
    match derivation {
        Some(derivation) => entry.annotations.insert(DERIVATION.into(), derivation.path.clone()),
        None => entry.annotations.remove(DERIVATION),
    };
    entry.annotations.insert(DOCUMENT.into(), document.display().to_string());
    entry.annotations.insert(REF_NAME.into(), name.to_owned());
    store.publish(name, entry.clone())?;
    Ok(entry)
}

/// The document that the image of `entry` was made from; `None` when Nix did not build it.
pub fn document_of(entry: &Descriptor) -> Option<PathBuf> {
    entry.annotations.get(DOCUMENT).map(PathBuf::from)
}

/// Whether `entry` was built from `derivation`, and what it was built to is still there.
pub fn is_built_from(entry: &Descriptor, derivation: &Derivation) -> bool {
    entry.annotations.get(DERIVATION) == Some(&derivation.path) && document_of(entry).is_some_and(|document| document.exists())
}

/// The image of `entry`; the layers of one that Nix built are made of store paths when they are opened.
///
/// # Errors
/// Its manifest or config is not in `store`, or damaged.
pub fn kept_image(store: &Store, entry: &Descriptor) -> Result<Image> {
    let mut image = store.image(entry)?;
    if let Some(document) = document_of(entry) {
        image.blobs = Arc::new(Kept { store: store.clone(), manifest: Arc::clone(&image.manifest), document, opened: OnceLock::new() });
    }
    Ok(image)
}

#[derive(Debug)]
struct Kept {
    store: Store,
    manifest: Arc<Manifest>,
    document: PathBuf,
    opened: OnceLock<Arc<dyn Blobs>>,
}

impl Kept {
    /// The layers of the document, which is read when the first of them is asked for: a list of images needs none.
    fn layers(&self) -> Result<&Arc<dyn Blobs>> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let image = match open_image(&self.document) {
            Ok(opened) => opened.image,
            Err(error) if !self.document.exists() => {
                let shown = self.document.display();
                return Err(Error::failed(format!("{shown} was collected as garbage, and the image's layers may have been with it"))
                    .hint("build it again: its folder in the cache keeps what was built from being collected")
                    .source(error));
            }
            Err(error) => return Err(error),
        };
        Ok(self.opened.get_or_init(|| image.blobs))
    }

    fn is_layer(&self, blob: &Descriptor) -> bool {
        self.manifest.layers.iter().any(|layer| layer.digest == blob.digest)
    }
}

impl Blobs for Kept {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        if self.is_layer(blob) { self.layers()?.open(blob) } else { self.store.open(blob) }
    }

    fn why_other(&self, blob: &Descriptor) -> Option<Error> {
        if self.is_layer(blob) { self.layers().ok()?.why_other(blob) } else { None }
    }
}
