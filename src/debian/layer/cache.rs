//! Remembers which blob a recipe made, so that the base layer is written once for all containers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::LayerPlan;
use crate::Result;
use crate::catalog::LayerCompression;
use crate::image::{Descriptor, Digest, Store, media_type, record};

/// A layer that has been written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct CachedLayer {
    /// The blob.
    pub digest: Digest,
    /// Its uncompressed tar.
    pub diff_id: Digest,
    /// Length of the blob.
    pub size: u64,
    /// Length of the tar.
    pub raw_size: u64,
    /// How the blob is compressed.
    #[serde(default)]
    pub compression: LayerCompression,
}

impl CachedLayer {
    /// Its descriptor in a manifest.
    pub(in super::super) fn descriptor(&self) -> Descriptor {
        let media_type = match self.compression {
            LayerCompression::Gzip => media_type::LAYER_GZIP,
            LayerCompression::Zstd => media_type::LAYER_ZSTD,
        };
        Descriptor::new(media_type, self.digest, self.size)
    }
}

/// What the layer of `plan` is remembered under: everything that decides its bytes.
pub(in super::super) fn recipe(plan: &LayerPlan, how: LayerCompression) -> Digest {
    Digest::of(format!("{} {}", how.suffix(), plan.recipe()).as_bytes())
}

fn path(folder: &Path, recipe: &Digest) -> PathBuf {
    folder.join(format!("{}.json", recipe.hex()))
}

/// The layer `recipe` made, if its blob is still in `store`.
pub(in super::super) fn load(folder: &Path, recipe: &Digest, store: &Store) -> Option<CachedLayer> {
    let layer: CachedLayer = record::read(&path(folder, recipe), recipe)?;
    store.has(&layer.descriptor()).then_some(layer)
}

/// The blob of the layer that the record at `path` is about.
pub fn layer_of(path: &Path) -> Option<Digest> {
    let recipe = Digest::from_hex(path.file_stem()?.to_str()?).ok()?;
    record::read::<CachedLayer>(path, &recipe).map(|layer| layer.digest)
}

/// Remembers it.
pub(in super::super) fn save(folder: &Path, recipe: &Digest, layer: &CachedLayer) -> Result<()> {
    record::write(&path(folder, recipe), recipe, layer)
}
