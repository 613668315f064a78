//! Images in Docker's media types, written anew in OCI's: what a layout has to hold so that every tool reads it.
//!
//! Configs and layers stay what they are; manifests and manifest lists get other bytes, and so other digests.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use super::compressed::{Object, parsed, rename};
use super::descriptor::media_type;
use super::{Children, Descriptor, Digest, RawManifest, Tree};
use crate::{Error, Result};

/// Docker's layers that nobody may hand on.
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// OCI's name for them (image-spec, "Non-Distributable Layers").
const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/// OCI's name for one of Docker's media types (image-spec, "Compatibility Matrix"); `None` for any other.
fn in_oci(docker: &str) -> Option<&'static str> {
    Some(match docker {
        media_type::DOCKER_LIST => media_type::INDEX,
        media_type::DOCKER_MANIFEST => media_type::MANIFEST,
        media_type::DOCKER_CONFIG => media_type::CONFIG,
        media_type::DOCKER_LAYER_TAR => media_type::LAYER_TAR,
        media_type::DOCKER_LAYER_GZIP => media_type::LAYER_GZIP,
        DOCKER_FOREIGN => FOREIGN,
        _ => return None,
    })
}

impl Tree {
    /// Whether a manifest or a list of it is of Docker's media types.
    pub fn has_docker_types(&self) -> bool {
        self.manifests.iter().any(|manifest| in_oci(&manifest.descriptor.media_type).is_some())
    }

    /// The same images with every manifest and list of Docker's in OCI's media types. What is OCI's already stays the same bytes,
    /// unless it names one of those.
    pub fn in_oci_types(self) -> Result<Self> {
        let mut changed: BTreeMap<Digest, Descriptor> = BTreeMap::new();
        let mut manifests = Vec::new();
        for manifest in self.manifests {
            let old = &manifest.descriptor;
            let kind = in_oci(&old.media_type);
            if kind.is_none() && !manifest.children.manifests.iter().any(|child| changed.contains_key(&child.digest)) {
                manifests.push(manifest);
                continue;
            }
            let bytes = written_anew(&manifest, kind, &changed)
                .map_err(|error| Error::failed(format!("manifest {} cannot be written anew", old.digest)).source(error))?;
            let kind = kind.unwrap_or(&old.media_type);
            let children = Children::of(kind, &bytes, "a manifest in OCI's media types")?;
            let new = Descriptor { media_type: kind.into(), digest: Digest::of(&bytes), size: bytes.len() as u64, ..old.clone() };
            changed.insert(old.digest, new.clone());
            manifests.push(RawManifest { descriptor: new, bytes: bytes.into(), children });
        }
        Ok(Tree { manifests, blobs: self.blobs })
    }
}

fn written_anew(manifest: &RawManifest, kind: Option<&str>, changed: &BTreeMap<Digest, Descriptor>) -> serde_json::Result<Vec<u8>> {
    let mut whole: Object = serde_json::from_slice(&manifest.bytes)?;
    if let Some(kind) = kind {
        whole.insert("mediaType".into(), to_raw_value(kind)?);
    }
    for list in ["layers", "manifests"] {
        let Some(raw) = whole.get_mut(list) else { continue };
        let mut entries: Vec<Object> = parsed(raw)?;
        for entry in &mut entries {
            retyped(entry)?;
            rename(entry, changed)?;
        }
        *raw = to_raw_value(&entries)?;
    }
    if let Some(raw) = whole.get_mut("config") {
        let mut config: Object = parsed(raw)?;
        retyped(&mut config)?;
        *raw = to_raw_value(&config)?;
    }
    serde_json::to_vec(&whole)
}

/// One descriptor with OCI's name of its media type.
fn retyped(entry: &mut BTreeMap<String, Box<RawValue>>) -> serde_json::Result<()> {
    let docker: Option<String> = entry.get("mediaType").and_then(|raw| parsed(raw).ok());
    if let Some(kind) = docker.as_deref().and_then(in_oci) {
        entry.insert("mediaType".into(), to_raw_value(kind)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::image::{Gathering, Index, Store};

    #[test]
    fn a_manifest_list_becomes_an_index_of_the_same_configs_and_layers() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let put = |bytes: &[u8], kind: &str| {
            store.put(bytes).unwrap();
            Descriptor::of(kind, bytes)
        };
        let (config, layer) = (put(b"{}", media_type::DOCKER_CONFIG), put(b"layer", media_type::DOCKER_LAYER_GZIP));
        let foreign = json!({ "mediaType": DOCKER_FOREIGN, "digest": layer.digest, "size": layer.size, "urls": ["https://x.test/l"] });
        let docker = json!({ "schemaVersion": 2, "mediaType": media_type::DOCKER_MANIFEST, "config": config, "layers": [layer, foreign] });
        let docker = put(docker.to_string().as_bytes(), media_type::DOCKER_MANIFEST);
        let oci = json!({ "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": [] });
        let oci = put(oci.to_string().as_bytes(), media_type::MANIFEST);
        let list = Index::new(vec![docker.clone(), oci.clone()], BTreeMap::new()).to_bytes();
        let top = Descriptor::of(media_type::DOCKER_LIST, &list);
        let mut gathering = Gathering::default();
        for member in gathering.add(top.clone(), list.into(), "it").unwrap() {
            let bytes = store.read(&member.digest).unwrap();
            gathering.add(member, bytes.into(), "it").unwrap();
        }
        let before = gathering.finish(&top.digest, Arc::new(store.clone())).unwrap();
        assert!(before.has_docker_types());

        let after = before.clone().in_oci_types().unwrap();
        assert!(!after.has_docker_types() && after.image_count() == before.image_count());
        assert_eq!(
            after.contents().iter().map(|b| b.digest).collect::<Vec<_>>(),
            before.contents().iter().map(|b| b.digest).collect::<Vec<_>>()
        );
        let [image, other, index] = after.manifests() else { panic!("{after:?}") };
        let written: Value = serde_json::from_slice(&image.bytes).unwrap();
        assert_eq!((&written["mediaType"], &written["config"]["mediaType"]), (&media_type::MANIFEST.into(), &media_type::CONFIG.into()));
        assert_eq!(
            (&written["layers"][0]["mediaType"], &written["layers"][1]["mediaType"]),
            (&media_type::LAYER_GZIP.into(), &FOREIGN.into())
        );
        assert_eq!(written["layers"][1]["urls"][0], "https://x.test/l");
        assert_eq!(other.bytes, before.manifests()[1].bytes, "what is OCI's already stays");
        let written: Value = serde_json::from_slice(&index.bytes).unwrap();
        assert_eq!((written["mediaType"].as_str(), index.descriptor.media_type.as_str()), (Some(media_type::INDEX), media_type::INDEX));
        assert_eq!(written["manifests"][0]["digest"], image.descriptor.digest.to_string());
        assert_eq!(written["manifests"][0]["mediaType"], media_type::MANIFEST);
        // A second time there is nothing to change.
        assert_eq!(after.clone().in_oci_types().unwrap().top().bytes, index.bytes);
    }
}
