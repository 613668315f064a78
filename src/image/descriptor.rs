//! Descriptors and platforms (image-spec, "OCI Content Descriptors" and "Image Index").

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;
use super::manifest::null_is_default;
use crate::catalog::Architecture;

/// The media types we write, and those of Docker's older family that we also read.
pub mod media_type {
    /// An image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image config.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// An uncompressed layer.
    pub const LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A gzip layer.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A zstd layer.
    pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// Docker's image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker's image config.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker's uncompressed layer.
    pub const DOCKER_LAYER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
    /// Docker's gzip layer.
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    /// Whether it names an index or a manifest list.
    pub fn is_index(media_type: &str) -> bool {
        matches!(media_type, INDEX | DOCKER_LIST)
    }

    /// Whether it names an image manifest.
    pub fn is_manifest(media_type: &str) -> bool {
        matches!(media_type, MANIFEST | DOCKER_MANIFEST)
    }
}

/// The platform of an index entry or a config.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// GOARCH.
    pub architecture: String,
    /// GOOS.
    pub os: String,
    /// The CPU variant, where it matters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant: Option<String>,
}

impl Platform {
    /// The platform of Linux images for `architecture`.
    pub fn linux(architecture: Architecture) -> Self {
        Platform {
            architecture: architecture.oci().to_owned(),
            os: "linux".to_owned(),
            variant: architecture.oci_variant().map(str::to_owned),
        }
    }

    /// Our architecture for it, when it is a Linux platform we know.
    pub fn known(&self) -> Option<Architecture> {
        (self.os == "linux").then(|| Architecture::from_oci(&self.architecture, self.variant.as_deref())).flatten()
    }

    /// Whether both name the same platform once equivalent variants (`arm64` and `arm64/v8`) are folded.
    pub fn same(&self, other: &Platform) -> bool {
        self.normalised() == other.normalised()
    }

    /// Variants that change nothing are dropped (containerd's `platforms.Normalize`).
    fn normalised(&self) -> (&str, &str, Option<&str>) {
        let variant = match (self.architecture.as_str(), self.variant.as_deref()) {
            (_, Some("")) | ("arm64", Some("v8")) | ("amd64", Some("v1")) => None,
            ("arm", None) => Some("v7"),
            (_, variant) => variant,
        };
        (&self.os, &self.architecture, variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            Some(variant) => f.pad(&format!("{}/{}/{variant}", self.os, self.architecture)),
            None => f.pad(&format!("{}/{}", self.os, self.architecture)),
        }
    }
}

/// What some content is, how long and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Which.
    pub digest: Digest,
    /// How long, in bytes.
    pub size: u64,
    /// For which platform, in an index.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform: Option<Platform>,
    /// Notes; ordered, so that the same content is always the same bytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A plain descriptor.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Descriptor { media_type: media_type.into(), digest, size, platform: None, annotations: BTreeMap::new() }
    }

    /// The descriptor of `bytes`.
    pub fn of(media_type: impl Into<String>, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// How many bytes `blobs` have together, as they claim. Each may claim as many as there are.
    pub fn total<'a>(blobs: impl IntoIterator<Item = &'a Descriptor>) -> u64 {
        blobs.into_iter().fold(0, |total, blob| total.saturating_add(blob.size))
    }

    /// Whether this member of an index is no image but says something about one (BuildKit's attestations).
    pub fn is_attestation(&self) -> bool {
        let unknown = self.platform.as_ref().is_some_and(|p| p.architecture == "unknown" && p.os == "unknown");
        unknown || self.annotations.contains_key("vnd.docker.reference.type")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(architecture: &str, variant: Option<&str>) -> Platform {
        Platform { architecture: architecture.into(), os: "linux".into(), variant: variant.map(str::to_owned) }
    }

    #[test]
    fn equivalent_variants_are_the_same_platform() {
        assert!(platform("arm64", None).same(&platform("arm64", Some("v8"))));
        assert!(platform("amd64", None).same(&platform("amd64", Some("v1"))));
        assert!(!platform("amd64", Some("v3")).same(&platform("amd64", None)));
        assert!(platform("arm", None).same(&platform("arm", Some("v7"))));
        assert!(!platform("arm", Some("v6")).same(&platform("arm", Some("v7"))));
        assert!(!platform("arm64", None).same(&platform("amd64", None)));
    }
}
