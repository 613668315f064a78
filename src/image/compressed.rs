//! Layers that are compressed on their way: engines keep them as plain tars, registries and layouts should not have to.
//!
//! The config stays what it is: its diff ids are digests of the plain tars. What becomes of a layer is the same every time, so
//! it is kept as a record, and a second copy compresses only what is missing at its destination.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use super::descriptor::media_type;
use super::gzip::GzipReader;
use super::{Blobs, Children, Descriptor, Digest, RawManifest, Tree, record};
use crate::{Error, Result};

/// Changes whenever the same tar would be compressed to other bytes: a part of the file name, so older records are not found.
const FORMAT: u32 = 2;

/// The annotation by which a member of an index says which other one it is about (BuildKit's attestations).
const ABOUT: &str = "vnd.docker.reference.digest";

/// What layers became when they were compressed, by the digests of the plain tars.
#[derive(Clone, Debug)]
pub struct CompressedRecords {
    folder: PathBuf,
}

impl CompressedRecords {
    /// The records in `folder`, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        CompressedRecords { folder }
    }

    /// What `layer` is when it is compressed, if that is known. A damaged record counts as missing.
    pub fn load(&self, layer: &Descriptor) -> Option<Descriptor> {
        let (digest, size) = record::read(&self.path(&layer.digest), &layer.digest)?;
        Some(compressed(layer, digest, size))
    }

    /// Records that `layer` was compressed to the blob `digest` of `size` bytes.
    pub fn keep(&self, layer: &Descriptor, digest: Digest, size: u64) -> Result<Descriptor> {
        record::write(&self.path(&layer.digest), &layer.digest, &(digest, size))?;
        Ok(compressed(layer, digest, size))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-v{FORMAT}.json", digest.hex()))
    }
}

fn compressed(layer: &Descriptor, digest: Digest, size: u64) -> Descriptor {
    let media_type = match layer.media_type.as_str() {
        media_type::DOCKER_LAYER_TAR => media_type::DOCKER_LAYER_GZIP,
        _ => media_type::LAYER_GZIP,
    };
    Descriptor { annotations: layer.annotations.clone(), ..Descriptor::new(media_type, digest, size) }
}

/// Opens the blobs of another source compressed. What a blob then is, nobody knows before it was read.
#[derive(Clone, Debug)]
pub struct Compressing(pub Arc<dyn Blobs>);

impl Blobs for Compressing {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(GzipReader::open(&self.0, blob)?))
    }
}

/// Opens a layer of a source in its other form.
pub(super) type Reform = fn(&Arc<dyn Blobs>, &Descriptor) -> Result<Box<dyn Read + Send>>;

/// The blobs of a tree some of whose layers get another form while they are read.
#[derive(Debug)]
struct Exchanged {
    from: Arc<dyn Blobs>,
    /// Layers as they are there, by the digests of their other form.
    layers: BTreeMap<Digest, Descriptor>,
    reform: Reform,
}

impl Blobs for Exchanged {
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>> {
        match self.layers.get(&blob.digest) {
            Some(layer) => (self.reform)(&self.from, layer),
            None => self.from.open(blob),
        }
    }

    fn why_other(&self, blob: &Descriptor) -> Option<Error> {
        self.from.why_other(self.layers.get(&blob.digest).unwrap_or(blob))
    }
}

impl Tree {
    /// The layers that are plain tars, none twice.
    pub fn plain_layers(&self) -> Vec<Descriptor> {
        let mut seen = BTreeSet::new();
        let blobs = self.manifests.iter().flat_map(|m| &m.children.blobs);
        let plain = blobs.filter(|blob| matches!(blob.media_type.as_str(), media_type::LAYER_TAR | media_type::DOCKER_LAYER_TAR));
        plain.filter(|blob| seen.insert(blob.digest)).cloned().collect()
    }

    /// The same images with each of `layers` (plain, compressed) in its compressed form. Whatever else manifests and indexes say
    /// stays as it is written; those that name nothing that has changed stay the same bytes.
    pub fn with_compressed(self, layers: &[(Descriptor, Descriptor)]) -> Result<Self> {
        self.with_exchanged(layers, |plain, layer| Ok(Box::new(GzipReader::open(plain, layer)?)))
    }

    /// The same images with each of `layers` (old, new) in its new form, which `reform` makes of the old one.
    pub(super) fn with_exchanged(self, layers: &[(Descriptor, Descriptor)], reform: Reform) -> Result<Self> {
        let manifests = exchanged(self.manifests, layers)?;
        let layers = layers.iter().map(|(old, new)| (new.digest, old.clone())).collect();
        Ok(Tree { manifests, blobs: Arc::new(Exchanged { from: self.blobs, layers, reform }) })
    }
}

/// `manifests` with each of `layers` (old, new) exchanged for its new form, and all that names a manifest which has changed by that.
fn exchanged(manifests: Vec<RawManifest>, layers: &[(Descriptor, Descriptor)]) -> Result<Vec<RawManifest>> {
    let mut changed: BTreeMap<Digest, Descriptor> = layers.iter().map(|(old, new)| (old.digest, new.clone())).collect();
    let exchange = |manifest: RawManifest| {
        let Some(bytes) = renamed(&manifest, &changed)? else { return Ok(manifest) };
        let old = manifest.descriptor;
        let children = Children::of(&old.media_type, &bytes, "a manifest whose layers have another form")?;
        let new = Descriptor { digest: Digest::of(&bytes), size: bytes.len() as u64, ..old.clone() };
        changed.insert(old.digest, new.clone());
        Ok(RawManifest { descriptor: new, bytes: bytes.into(), children })
    };
    manifests.into_iter().map(exchange).collect()
}

/// A JSON object whose values stay as they are written.
pub(super) type Object = BTreeMap<String, Box<RawValue>>;

/// `manifest` with the new names of what has `changed`; `None` when it names nothing of it.
fn renamed(manifest: &RawManifest, changed: &BTreeMap<Digest, Descriptor>) -> Result<Option<Vec<u8>>> {
    let children = &manifest.children;
    if !children.blobs.iter().chain(&children.manifests).any(|child| changed.contains_key(&child.digest)) {
        return Ok(None);
    }
    let unreadable =
        |error: serde_json::Error| Error::failed(format!("manifest {} cannot be written anew", manifest.descriptor.digest)).source(error);
    let mut whole: Object = serde_json::from_slice(&manifest.bytes).map_err(unreadable)?;
    for list in ["layers", "manifests"] {
        let Some(raw) = whole.get_mut(list) else { continue };
        let mut entries: Vec<Object> = parsed(raw).map_err(unreadable)?;
        for entry in &mut entries {
            rename(entry, changed).map_err(unreadable)?;
        }
        *raw = to_raw_value(&entries).map_err(unreadable)?;
    }
    serde_json::to_vec(&whole).map(Some).map_err(unreadable)
}

/// One descriptor of a manifest or an index, and what it says it is about.
pub(super) fn rename(entry: &mut Object, changed: &BTreeMap<Digest, Descriptor>) -> serde_json::Result<()> {
    let digest: Option<Digest> = entry.get("digest").and_then(|raw| parsed(raw).ok());
    if let Some(new) = digest.and_then(|digest| changed.get(&digest)) {
        let mut set = |key: &str, value: Box<RawValue>| entry.insert(key.into(), value);
        set("mediaType", to_raw_value(&new.media_type)?);
        set("digest", to_raw_value(&new.digest)?);
        set("size", to_raw_value(&new.size)?);
    }
    let Some(raw) = entry.get_mut("annotations") else { return Ok(()) };
    let mut annotations: BTreeMap<String, String> = parsed(raw)?;
    if let Some(about) = annotations.get_mut(ABOUT)
        && let Some(new) = about.parse::<Digest>().ok().and_then(|digest| changed.get(&digest))
    {
        *about = new.digest.to_string();
        *raw = to_raw_value(&annotations)?;
    }
    Ok(())
}

pub(super) fn parsed<T: DeserializeOwned>(raw: &RawValue) -> serde_json::Result<T> {
    serde_json::from_str(raw.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Gathering, ImageConfig, Index, Store};
    use serde_json::{Value, json};

    /// An index of one image, with a plain layer and a gzip one, and of what is said about it.
    fn tree(store: &Store, plain: &[u8]) -> Tree {
        let put = |bytes: &[u8], kind: &str| {
            store.put(bytes).unwrap();
            Descriptor::of(kind, bytes)
        };
        let config = put(&ImageConfig::default().to_bytes(), media_type::CONFIG);
        let (plain, packed) = (put(plain, media_type::LAYER_TAR), put(b"packed", media_type::LAYER_GZIP));
        let image = json!({ "schemaVersion": 2, "mediaType": media_type::MANIFEST, "x-unknown": [1, 2.50], "config": config,
            "layers": [{ "mediaType": plain.media_type, "digest": plain.digest, "size": plain.size, "urls": ["x"] }, packed] });
        let image = put(image.to_string().as_bytes(), media_type::MANIFEST);
        let statement = put(b"{}", "application/vnd.in-toto+json");
        let said = json!({ "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [statement] });
        let mut said = put(said.to_string().as_bytes(), media_type::MANIFEST);
        said.annotations.insert(ABOUT.into(), image.digest.to_string());
        let index = Index::new(vec![image, said], BTreeMap::new()).to_bytes();
        let top = Descriptor::of(media_type::INDEX, &index);
        let mut gathering = Gathering::default();
        for member in gathering.add(top.clone(), index.into(), "it").unwrap() {
            let bytes = store.read(&member.digest).unwrap();
            gathering.add(member, bytes.into(), "it").unwrap();
        }
        gathering.finish(&top.digest, Arc::new(store.clone())).unwrap()
    }

    #[test]
    fn plain_layers_are_exchanged_and_everything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("images")).unwrap();
        let content = vec![7; 3_000_000];
        let before = tree(&store, &content);
        let [plain] = before.plain_layers().try_into().unwrap();

        let mut bytes = Vec::new();
        Compressing(Arc::clone(&before.blobs)).open(&plain).unwrap().read_to_end(&mut bytes).unwrap();
        let records = CompressedRecords::new(folder.path().join("records"));
        assert_eq!(records.load(&plain), None);
        let packed = records.keep(&plain, Digest::of(&bytes), bytes.len() as u64).unwrap();
        assert_eq!(records.load(&plain), Some(packed.clone()));

        let after = before.clone().with_compressed(&[(plain, packed.clone())]).unwrap();
        assert!(after.plain_layers().is_empty());
        let mut again = Vec::new();
        after.blobs.open(&packed).unwrap().read_to_end(&mut again).unwrap();
        assert_eq!(again, bytes);
        let [image, said, index] = after.manifests() else { panic!("{after:?}") };
        let written: Value = serde_json::from_slice(&image.bytes).unwrap();
        let layer = json!({ "mediaType": media_type::LAYER_GZIP, "digest": packed.digest, "size": packed.size, "urls": ["x"] });
        assert_eq!((&written["layers"][0], &written["x-unknown"]), (&layer, &json!([1, 2.5])));
        assert!(String::from_utf8_lossy(&image.bytes).contains("2.5"));
        assert_eq!(said.bytes, before.manifests()[1].bytes);
        let written: Value = serde_json::from_slice(&index.bytes).unwrap();
        assert_eq!(written["manifests"][0]["digest"], image.descriptor.digest.to_string());
        assert_eq!(written["manifests"][1]["annotations"][ABOUT], image.descriptor.digest.to_string());
        assert_eq!(index.descriptor.digest, Digest::of(&index.bytes));
        // Where there is nothing to exchange, not a byte changes.
        assert_eq!(after.clone().with_compressed(&[]).unwrap().top().bytes, index.bytes);
    }
}
