//! Manifests and indexes (image-spec, "Image Manifest" and "Image Index").
//!
//! Own structs rather than `oci-spec`'s: those keep annotations and labels in `HashMap`s, so the same image would
//! serialise to different bytes, and thus digests, from run to run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::descriptor::{Descriptor, media_type};
use super::spelling::misspelt;
use crate::{Error, Result};

/// The largest manifest or index we read. Registries allow 4 MiB (distribution-spec, "Pushing Manifests").
pub(crate) const MAX_MANIFEST_SIZE: u64 = 4 << 20;

/// More values than any manifest, index or config has. Each may take a hundred bytes and is written with two: `{},{},{}`.
const MAX_VALUES: usize = 100_000;

/// An image manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Its own media type; absent in some older OCI images.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// What an artifact is, when this is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, base first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub layers: Vec<Descriptor>,
    /// Notes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// An OCI image manifest of `config` and `layers`.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Manifest { schema_version: 2, media_type: Some(media_type::MANIFEST.into()), artifact_type: None, config, layers, annotations }
    }

    /// Reads a manifest; `what` names it in errors.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        parse_json(bytes, what, "image manifest")
    }

    /// The exact bytes we publish: compact JSON in field order.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Config and layers: every blob the manifest needs.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

/// An index: the images of a container, one per platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// Its own media type.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// The members.
    #[serde(default, deserialize_with = "null_is_default")]
    pub manifests: Vec<Descriptor>,
    /// Notes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
}

impl Index {
    /// An OCI index of `manifests`.
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Index { schema_version: 2, media_type: Some(media_type::INDEX.into()), manifests, annotations }
    }

    /// Reads an index; `what` names it in errors.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Self> {
        parse_json(bytes, what, "image index")
    }

    /// The exact bytes we publish.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_json(self)
    }
}

/// Compact JSON; struct fields keep their order and maps are sorted, so equal values are equal bytes.
pub(super) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("maps with string keys and plain values always serialise")
}

pub(super) fn parse_json<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str, kind: &str) -> Result<T> {
    if bytes.len() as u64 > MAX_MANIFEST_SIZE {
        return Err(Error::failed(format!("{what} has {} bytes; an {kind} has at most {MAX_MANIFEST_SIZE}", bytes.len())));
    }
    if values(bytes) > MAX_VALUES {
        return Err(Error::failed(format!("{what} holds more values than any {kind}: at most {MAX_VALUES} are read")));
    }
    if let Some((key, meant)) = misspelt(bytes) {
        return Err(Error::failed(format!("{what} is not a valid {kind}: it has `{key}`, which other programs read as `{meant}`"))
            .hint("keys are written as the image specification writes them; make the image with another program"));
    }
    serde_json::from_slice(bytes).map_err(|error| Error::failed(format!("{what} is not a valid {kind}")).source(error))
}

/// About how many values the JSON document `bytes` has: one more than there are commas outside its texts.
pub(super) fn values(bytes: &[u8]) -> usize {
    let (mut count, mut in_text, mut escaped) = (1, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// What Go's tools write for an empty list or map: `null` where the specification has an absent field.
pub(super) fn null_is_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_round_trips_byte_for_byte() {
        let layer = Descriptor::of(media_type::LAYER_GZIP, b"layer");
        let manifest = Manifest::new(
            Descriptor::of(media_type::CONFIG, b"{}"),
            vec![layer],
            BTreeMap::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
        );
        let bytes = manifest.to_bytes();
        assert_eq!(Manifest::parse(&bytes, "it").unwrap(), manifest);
        assert!(
            String::from_utf8(bytes)
                .unwrap()
                .starts_with(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"#)
        );
    }

    #[test]
    fn what_go_writes_for_empty_lists_and_maps_is_read() {
        let index = Index::parse(br#"{"schemaVersion":2,"manifests":null,"annotations":null}"#, "it").unwrap();
        assert_eq!(index, Index { media_type: None, ..Index::new(Vec::new(), BTreeMap::new()) });
        let config =
            format!(r#"{{"mediaType":"x","digest":"{}","size":1,"platform":null,"annotations":null}}"#, crate::image::Digest::of(b""));
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":null,"annotations":null}}"#);
        assert!(Manifest::parse(manifest.as_bytes(), "it").unwrap().layers.is_empty());
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (text, count) in [("{}", 1), ("[1,2]", 2), (r#"{"a,b":"c\",d","e":[",",1]}"#, 3), (r#"["\\",","]"#, 2)] {
            assert_eq!(values(text.as_bytes()), count, "{text}");
        }
    }

    #[test]
    fn junk_is_an_error_that_names_the_subject() {
        let error = Manifest::parse(b"[]", "ghcr.io/x:1").unwrap_err();
        assert!(error.message().starts_with("ghcr.io/x:1 is not a valid image manifest"), "{error}");
    }
}
