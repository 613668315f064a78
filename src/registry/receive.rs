//! A whole [`Tree`] to a registry: what is there is left, the rest is sent, the tag comes last.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::Registry;
use super::manifest::Stored;
use super::upload::Arrival;
use crate::image::{Descriptor, Digest, RawManifest, Tree};
use crate::{Error, Result};

/// Blobs looked for or sent at a time; the registry's own limits come on top.
const AT_A_TIME: usize = 6;

/// What sending a tree came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Bytes that were sent.
    pub sent: u64,
    /// Blobs that were sent.
    pub blobs: usize,
    /// Blobs that were there already, or came from another repository of the registry.
    pub present: usize,
}

impl Registry {
    /// Brings `tree` to `repository` and makes `tag` name it; without a tag it can be had by its digest.
    ///
    /// Blobs, then members, then what names them, then the tag: nobody can pull a part. `mount` names a repository of this
    /// registry that has the blobs. `progress` hears bytes done and in all.
    pub async fn receive(
        &self,
        repository: &str,
        tag: Option<&str>,
        tree: &Tree,
        mount: Option<&str>,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Received> {
        let top = tree.top();
        let digest = top.descriptor.digest;
        let named = match tag {
            Some(tag) => self.find_manifest(repository, tag).await?,
            None => None,
        };
        if named.is_some_and(|found| found.digest == digest) {
            let bytes = Descriptor::total(&tree.contents());
            progress(bytes, bytes);
            return Ok(Received { present: tree.contents().len(), ..Received::default() });
        }
        let missing = self.missing_manifests(repository, tree).await?;
        let received = self.receive_blobs(repository, tree, &missing, mount, progress).await?;
        for manifest in missing.iter().filter(|m| m.descriptor.digest != digest || tag.is_none()) {
            self.store(repository, &manifest.descriptor.digest.to_string(), manifest).await?;
        }
        if let Some(tag) = tag {
            self.store(repository, tag, top).await?;
        }
        Ok(received)
    }

    /// The manifests the repository does not have, in the tree's order. One that is there has everything below it.
    async fn missing_manifests<'t>(&self, repository: &str, tree: &'t Tree) -> Result<Vec<&'t RawManifest>> {
        let asked = tree.manifests().iter().map(|manifest| async move {
            let digest = manifest.descriptor.digest.to_string();
            let found = self.find_manifest(repository, &digest).await?;
            Ok::<_, Error>(found.is_none().then_some(manifest))
        });
        let answers: Vec<Option<&RawManifest>> = stream::iter(asked).buffered(AT_A_TIME).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn receive_blobs(
        &self,
        repository: &str,
        tree: &Tree,
        manifests: &[&RawManifest],
        mount: Option<&str>,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Received> {
        let blobs: BTreeMap<Digest, &Descriptor> =
            manifests.iter().flat_map(|m| &m.children.blobs).map(|blob| (blob.digest, blob)).collect();
        let total = Descriptor::total(blobs.values().copied());
        let done: Mutex<BTreeMap<Digest, u64>> = Mutex::default();
        let tell = |digest: Digest, bytes: u64| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.insert(digest, bytes);
            progress(done.values().sum(), total);
        };
        let tell = &tell;
        let work = blobs.values().map(|blob| async move {
            let (digest, size) = (blob.digest, blob.size);
            let arrival = match self.find_blob(repository, &digest).await? {
                Some(_) => Arrival::Present,
                None => self.put_blob(repository, blob, &tree.blobs, mount, &move |sent| tell(digest, sent)).await?,
            };
            tell(digest, size);
            Ok::<_, Error>((arrival, size))
        });
        // Collected first: a stream over the map's own iterator would not be nameable where this is spawned.
        let work: Vec<_> = work.collect();
        let arrivals: Vec<(Arrival, u64)> = stream::iter(work).buffer_unordered(AT_A_TIME).try_collect().await?;
        let mut received = Received::default();
        for (arrival, size) in arrivals {
            match arrival {
                Arrival::Sent => (received.sent, received.blobs) = (received.sent + size, received.blobs + 1),
                Arrival::Present => received.present += 1,
            }
        }
        Ok(received)
    }

    async fn store(&self, repository: &str, reference: &str, manifest: &RawManifest) -> Result<()> {
        match self.put_manifest(repository, reference, &manifest.descriptor.media_type, &manifest.bytes).await? {
            Stored::Yes => Ok(()),
            Stored::MissesBlobs(error) => Err(error.hint("run it again: blobs the registry has lost are sent again")),
        }
    }
}
