//! What a machine hands over after `push --digests-only`: which images it pushed, for the machine that joins them.

use serde::{Deserialize, Serialize};

use super::receipt::Receipt;
use crate::catalog::Target;
use crate::image::{Digest, Platform};
use crate::{Error, Result};

/// Images that were pushed by digest, without any tag. `push --digests-only --json` prints exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedDigests {
    /// Version of this document: 1.
    pub schema: u32,
    /// The version they are to be released as.
    pub version: String,
    /// The registry, `host[:port]`.
    pub registry: String,
    /// The images.
    pub images: Vec<PushedImage>,
}

/// One image that was pushed by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedImage {
    /// Which target it is of.
    #[serde(flatten)]
    pub target: Target,
    /// `host/path`.
    pub repository: String,
    /// Its platform.
    pub platform: Platform,
    /// Its manifest.
    pub digest: Digest,
    /// The manifest's length in bytes.
    pub size: u64,
}

impl PushedDigests {
    /// The largest document that is read: thousands of images.
    pub const MAX_BYTES: u64 = 4 << 20;

    /// The images of `receipt`.
    pub fn of(receipt: &Receipt) -> Self {
        let images = receipt.containers.iter().flat_map(|container| {
            container.images.iter().map(|image| PushedImage {
                target: image.target.clone(),
                repository: container.repository.clone(),
                platform: image.platform.clone(),
                digest: image.digest,
                size: image.size,
            })
        });
        PushedDigests { schema: 1, version: receipt.version.clone(), registry: receipt.registry.clone(), images: images.collect() }
    }

    /// Reads such a document; `name` is what errors call it.
    ///
    /// # Errors
    /// It is no such document, or of a version this program does not know.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let hint = "it should be what `catamaran push VERSION --digests-only --out-digests FILE` wrote";
        if bytes.len() as u64 > Self::MAX_BYTES {
            return Err(Error::usage(format!("{name} is larger than {} bytes", Self::MAX_BYTES)).hint(hint));
        }
        let error = |source| Error::usage(format!("{name} cannot be read")).source(source).hint(hint);
        let read: PushedDigests = serde_json::from_slice(bytes).map_err(error)?;
        match read.schema {
            1 => Ok(read),
            other => {
                Err(Error::usage(format!("{name} has schema {other}; this program reads 1")).hint("use the same version on every machine"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use proptest::prelude::*;

    #[test]
    fn it_reads_what_it_writes() {
        let image = PushedImage {
            target: Target::new("fd", Architecture::Aarch64),
            repository: "ghcr.io/acme/fd".into(),
            platform: Platform::linux(Architecture::Aarch64),
            digest: Digest::of(b"image"),
            size: 412,
        };
        let written = PushedDigests { schema: 1, version: "1.0".into(), registry: "ghcr.io".into(), images: vec![image] };
        let text = serde_json::to_string(&written).unwrap();
        assert!(text.contains(r#""container":"fd","target":"aarch64""#), "{text}");
        assert_eq!(PushedDigests::parse(text.as_bytes(), "x.json").unwrap(), written);
        let newer = text.replace("\"schema\":1", "\"schema\":2");
        assert!(PushedDigests::parse(newer.as_bytes(), "x.json").unwrap_err().message().contains("schema 2"));
        let wrong = text.replace("sha256:", "sha257:");
        let error = PushedDigests::parse(wrong.as_bytes(), "x.json").unwrap_err();
        assert!(error.message().contains("x.json") && error.advice().unwrap().contains("--digests-only"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = PushedDigests::parse(&bytes, "x.json");
        }
    }
}
