//! The receipt: what a push did, as read back from the registry.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::{Purpose, TagChange};
use crate::catalog::{ContainerName, Target};
use crate::image::{Digest, Platform, replace_file};
use crate::verify::AppliedWaiver;
use crate::{Error, Result};

/// What a push did. Written to the state folder and printed by `push --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of this document: 1.
    pub schema: u32,
    /// What was done: a whole release, images by digest only, or an index of such images.
    #[serde(default)]
    pub purpose: Purpose,
    /// The released version.
    pub version: String,
    /// The registry, `host[:port]`.
    pub registry: String,
    /// When it began, RFC 3339 UTC.
    pub started: String,
    /// When it was proven, RFC 3339 UTC.
    pub finished: String,
    /// Warnings that were accepted to get here.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub accepted_warnings: Vec<String>,
    /// Why they were accepted, in the words of who did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Each container.
    pub containers: Vec<PublishedContainer>,
    /// Bytes sent.
    pub uploaded_bytes: u64,
    /// Blobs sent.
    pub uploaded_blobs: usize,
    /// Blobs that were there already.
    pub present_blobs: usize,
}

/// One published container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedContainer {
    /// Which.
    pub container: ContainerName,
    /// `host/path`.
    pub repository: String,
    /// The digest its tags name: the index, or the only image. `None` when several images went by digest only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Digest>,
    /// Its images.
    pub images: Vec<PublishedImage>,
    /// Its tags, as read back.
    pub tags: Vec<PublishedTag>,
}

/// One published image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedImage {
    /// Which target.
    #[serde(flatten)]
    pub target: Target,
    /// Its platform.
    pub platform: Platform,
    /// Its manifest.
    pub digest: Digest,
    /// The manifest's length in bytes.
    #[serde(default)]
    pub size: u64,
    /// What its checks found and a waiver of `containers.toml` accepts, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waived: Vec<AppliedWaiver>,
}

/// One tag, read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTag {
    /// The tag.
    pub tag: String,
    /// What it names now.
    pub digest: Digest,
    /// What that changed.
    #[serde(flatten)]
    pub change: TagChange,
}

impl Receipt {
    /// Whether everything was there already, whatever became of the tags.
    pub fn sent_nothing(&self) -> bool {
        self.uploaded_bytes == 0 && self.uploaded_blobs == 0
    }

    /// Where this receipt is kept, below the state folder: `receipts/20261122T221500Z-1.2.0.json`.
    pub fn file_name(&self) -> String {
        let stamp: String = self.finished.chars().filter(|c| c.is_ascii_alphanumeric()).take(15).collect();
        let version: String =
            self.version.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect();
        format!("{stamp}Z-{version}.json")
    }

    /// Writes it below `state_dir`, whole or not at all, and says where. Another receipt of the same second is not replaced.
    pub fn keep(&self, state_dir: &Path) -> Result<PathBuf> {
        let folder = state_dir.join("receipts");
        let mut path = folder.join(self.file_name());
        for n in 2..100 {
            if !path.exists() {
                break;
            }
            path = folder.join(self.file_name().replace(".json", &format!("-{n}.json")));
        }
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| Error::failed("writing the receipt").source(error))?;
        bytes.push(b'\n');
        replace_file(&path, &bytes)?;
        Ok(path)
    }
}
