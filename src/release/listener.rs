//! How a publication tells what it does, without knowing who listens.

use super::plan::TagChange;
use crate::catalog::ContainerName;
use crate::image::{Digest, Platform};

/// Hears what a publication does. All calls are cheap and may come from any thread.
pub trait Publishing: Send + Sync {
    /// `sent` of `total` bytes of a blob have left; at most ten times a second for each blob.
    fn blob_progress(&self, container: &ContainerName, digest: &Digest, sent: u64, total: u64);
    /// A blob is there; `present` says that nothing had to be sent.
    fn blob_finished(&self, container: &ContainerName, digest: &Digest, size: u64, present: bool);
    /// A manifest (or an index, without platform) is there, by digest; `present` says that it was there already.
    fn manifest_published(&self, container: &ContainerName, digest: &Digest, platform: Option<&Platform>, present: bool);
    /// Tags are being set (`tags`), or what is public is being read back (`proof`).
    fn phase(&self, phase: &str);
    /// A tag names what it should: `host/path:tag`.
    fn tag_published(&self, container: &ContainerName, reference: &str, digest: &Digest, change: &TagChange);
    /// After a failure a tag is back where it was: at `digest`, or gone.
    fn tag_rolled_back(&self, container: &ContainerName, reference: &str, digest: Option<&Digest>);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Unheard;

impl Publishing for Unheard {
    fn blob_progress(&self, _: &ContainerName, _: &Digest, _: u64, _: u64) {}
    fn blob_finished(&self, _: &ContainerName, _: &Digest, _: u64, _: bool) {}
    fn manifest_published(&self, _: &ContainerName, _: &Digest, _: Option<&Platform>, _: bool) {}
    fn phase(&self, _: &str) {}
    fn tag_published(&self, _: &ContainerName, _: &str, _: &Digest, _: &TagChange) {}
    fn tag_rolled_back(&self, _: &ContainerName, _: &str, _: Option<&Digest>) {}
}
