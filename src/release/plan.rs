//! The plan: everything a push would do, computed before anything is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{ContainerName, Target};
use crate::image::{Digest, Platform};
use crate::verify::{AppliedWaiver, Verdict};

/// Everything a push would do. `push --dry-run --json` prints exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this document: 1.
    pub schema: u32,
    /// What it is for.
    #[serde(default)]
    pub purpose: Purpose,
    /// The version being released.
    pub version: String,
    /// The registry, `host[:port]`.
    pub registry: String,
    /// Where the credentials come from, in words; never the credentials: `GITHUB_TOKEN (environment)`.
    pub credentials: String,
    /// The tag rule's outcome, in words: why these tags.
    pub tag_rule: String,
    /// What happens to each container.
    pub containers: Vec<ContainerPlan>,
    /// What must be right before anything is sent.
    pub gates: Vec<Gate>,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Everything: images of the local store, the index, tags.
    #[default]
    Release,
    /// Images of the local store, by digest only; another machine joins them.
    Digests,
    /// The index and the tags of images that other machines pushed by digest.
    Index,
}

/// What a push does for one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPlan {
    /// Which container.
    pub container: ContainerName,
    /// `host/path`, without tag.
    pub repository: String,
    /// Its images, one per target.
    pub images: Vec<PlannedImage>,
    /// The index that joins them; `None` when there is one target only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<PlannedIndex>,
    /// The tags that will point at the index (or the only image): the version first.
    pub tags: Vec<PlannedTag>,
}

/// One image of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedImage {
    /// Which target.
    #[serde(flatten)]
    pub target: Target,
    /// Its platform.
    pub platform: Platform,
    /// Its manifest's digest.
    pub digest: Digest,
    /// Its manifest's size in bytes.
    pub size: u64,
    /// Whether the registry has the manifest.
    pub presence: Presence,
    /// Its architecture-suffixed tag (`1.2.0-arm64`); `None` when there is one target only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tag: Option<PlannedTag>,
    /// Config and layers.
    pub blobs: Vec<PlannedBlob>,
    /// What its checks found and a waiver of `containers.toml` accepts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waived: Vec<AppliedWaiver>,
}

/// One blob of a planned image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Whether the registry has it, or another image of this plan brings it.
    pub presence: Presence,
    /// The repository (`host/path`) it will be mounted from, when another one has it or gets it first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
}

/// Whether something is at the registry already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// The registry has it in this repository.
    Present,
    /// It has to be sent.
    Upload,
    /// Another image of the plan sends it, or another of its repositories has it and it is mounted from there.
    Shared,
    /// The registry could not be asked; a gate says why.
    Unknown,
}

/// The index a push makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedIndex {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the registry has it.
    pub presence: Presence,
    /// Its annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub annotations: BTreeMap<String, String>,
    /// Its exact bytes, as text.
    pub content: String,
}

/// One tag and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTag {
    /// The tag.
    pub tag: String,
    /// The digest it will name.
    pub to: Digest,
    /// What that changes.
    #[serde(flatten)]
    pub change: TagChange,
}

/// What setting a tag changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum TagChange {
    /// The tag does not exist yet.
    New,
    /// The tag names that digest already.
    Unchanged,
    /// The tag names something else.
    Moves {
        /// What it names now.
        from: Digest,
    },
    /// The registry could not be asked; a gate says why.
    Unknown,
}

/// One condition of a release. All are evaluated and shown; a fail blocks, a warning needs `--yes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Stable id: `current`, `verified`, `architectures`, `version-free`, `credentials`, `registry`, `git-clean`, …
    pub id: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
    /// What to do when it is not a pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
    /// The files it is about, seen from the catalog's folder; not more than a hundred.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub files: Vec<String>,
}

impl Plan {
    /// Bytes that have to be sent: blobs, manifests and indexes.
    pub fn bytes_to_upload(&self) -> u64 {
        self.containers.iter().map(ContainerPlan::bytes_to_upload).sum()
    }

    /// Blobs that have to be sent, that are there already, and that another image of the plan brings.
    pub fn blob_counts(&self) -> (usize, usize, usize) {
        let blobs = || self.images().flat_map(|i| &i.blobs);
        let count = |presence| blobs().filter(|b| b.presence == presence).count();
        (count(Presence::Upload), count(Presence::Present), count(Presence::Shared))
    }

    /// The worst gate.
    pub fn verdict(&self) -> Verdict {
        self.gates.iter().map(|g| g.verdict).max().unwrap_or(Verdict::Pass)
    }

    /// Whether everything is at the registry already, tags included.
    pub fn is_done(&self) -> bool {
        self.containers.iter().all(ContainerPlan::is_done)
    }

    /// Whether the registry was asked: without its answers nobody knows what has to be sent, and which tags there are.
    pub fn is_known(&self) -> bool {
        self.images().all(|image| image.presence != Presence::Unknown)
    }

    fn images(&self) -> impl Iterator<Item = &PlannedImage> {
        self.containers.iter().flat_map(|c| &c.images)
    }
}

impl PlannedImage {
    /// Whether the registry has it with every one of its blobs.
    pub fn is_there(&self) -> bool {
        self.presence == Presence::Present && self.blobs.iter().all(|blob| blob.presence == Presence::Present)
    }

    /// How many of its blobs stand like this, those apart that are mounted from another repository.
    pub fn blobs_that_are(&self, presence: Presence) -> usize {
        self.blobs.iter().filter(|b| b.presence == presence && b.from.is_none()).count()
    }

    /// How many of its blobs are mounted, by the repository they come from.
    pub fn mounts(&self) -> BTreeMap<&str, usize> {
        let mut mounts = BTreeMap::new();
        for from in self.blobs.iter().filter_map(|b| b.from.as_deref()) {
            *mounts.entry(from).or_default() += 1;
        }
        mounts
    }
}

impl ContainerPlan {
    /// Bytes this container has to send.
    pub fn bytes_to_upload(&self) -> u64 {
        let images = self.images.iter().map(|image| {
            let manifest = if image.presence == Presence::Upload { image.size } else { 0 };
            manifest + image.blobs.iter().filter(|b| b.presence == Presence::Upload).map(|b| b.size).sum::<u64>()
        });
        let index = self.index.iter().filter(|i| i.presence == Presence::Upload).map(|i| i.size);
        images.chain(index).sum()
    }

    /// Whether all of it is at the registry already, tags included.
    pub fn is_done(&self) -> bool {
        self.images.iter().all(PlannedImage::is_there)
            && self.index.iter().all(|index| index.presence == Presence::Present)
            && self.all_tags().all(|tag| tag.change == TagChange::Unchanged)
    }

    /// Architecture tags first, then the container's own.
    pub fn all_tags(&self) -> impl Iterator<Item = &PlannedTag> {
        self.images.iter().filter_map(|i| i.tag.as_ref()).chain(&self.tags)
    }
}
