//! Carrying out a plan: blobs, image manifests, indexes, and the tags last, so that nobody can pull half a release.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::candidate::Candidate;
use super::plan::{ContainerPlan, Plan, PlannedTag, Presence, TagChange};
use super::receipt::{PublishedContainer, PublishedImage, PublishedTag, Receipt};
use crate::catalog::ContainerName;
use crate::image::{Digest, Image, Platform, media_type};
use crate::registry::{Registry, Stored};
use crate::{Error, Result};

/// What the user agreed to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent {
    /// Warnings of gates are accepted.
    pub accept_warnings: bool,
    /// A version that exists and differs is overwritten.
    pub force: bool,
}

/// Hears what a publication does. All calls are cheap and may come from any thread.
pub trait Publishing: Send + Sync {
    /// `sent` of `total` bytes of a blob have left; at most ten times a second for each blob.
    fn blob_progress(&self, container: &ContainerName, digest: &Digest, sent: u64, total: u64);
    /// A blob is there; `present` says that nothing had to be sent.
    fn blob_finished(&self, container: &ContainerName, digest: &Digest, size: u64, present: bool);
    /// A manifest (or an index, without platform) is there, by digest.
    fn manifest_published(&self, container: &ContainerName, digest: &Digest, platform: Option<&Platform>);
    /// A tag names what it should: `host/path:tag`.
    fn tag_published(&self, container: &ContainerName, reference: &str, digest: &Digest, change: &TagChange);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug)]
pub struct Unheard;

impl Publishing for Unheard {
    fn blob_progress(&self, _: &ContainerName, _: &Digest, _: u64, _: u64) {}
    fn blob_finished(&self, _: &ContainerName, _: &Digest, _: u64, _: bool) {}
    fn manifest_published(&self, _: &ContainerName, _: &Digest, _: Option<&Platform>) {}
    fn tag_published(&self, _: &ContainerName, _: &str, _: &Digest, _: &TagChange) {}
}

/// Sends what `plan` says, proves what arrived, and says what was done.
///
/// # Errors
/// A gate forbids it, the plan no longer matches the images or the registry (nothing is sent then), or something fails on
/// the way: the error says which tags are public already, and a new plan goes on where this one stopped.
pub async fn publish(
    registry: &Registry,
    plan: &Plan,
    candidates: &[Candidate],
    consent: Consent,
    listener: &dyn Publishing,
    cancel: &CancellationToken,
) -> Result<Receipt> {
    if let Some(refusal) = plan.refusal(consent.accept_warnings, consent.force) {
        return Err(refusal);
    }
    let started = now();
    let publication = Publication::new(registry, plan, candidates, listener)?;
    publication.recheck(cancel).await?;
    let work = async {
        publication.send_blobs().await?;
        publication.put_manifests().await?;
        publication.set_tags(cancel).await?;
        publication.prove().await
    };
    let proven = tokio::select! {
        biased;
        () = publication.interrupted(cancel) => Err(Error::interrupted()),
        done = work => done,
    };
    let containers = proven.map_err(|error| publication.explain(error))?;
    let sent = publication.sent_blobs.load(Ordering::Relaxed);
    let all: usize = plan.containers.iter().map(|c| unique_blobs(c).len()).sum();
    Ok(Receipt {
        schema: 1,
        version: plan.version.clone(),
        registry: plan.registry.clone(),
        started,
        finished: now(),
        accepted_warnings: plan.warnings(consent.force),
        containers,
        uploaded_bytes: publication.sent_bytes.load(Ordering::Relaxed),
        uploaded_blobs: sent,
        present_blobs: all.saturating_sub(sent),
    })
}

/// RFC 3339, UTC, whole seconds.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The blobs of a container, once each, with how they stand.
pub(super) fn unique_blobs(container: &ContainerPlan) -> BTreeMap<Digest, (u64, Presence)> {
    let mut blobs = BTreeMap::new();
    for blob in container.images.iter().flat_map(|i| &i.blobs) {
        blobs.entry(blob.digest).or_insert((blob.size, blob.presence));
    }
    blobs
}

/// A publication under way.
pub(super) struct Publication<'a> {
    pub registry: &'a Registry,
    pub plan: &'a Plan,
    pub listener: &'a dyn Publishing,
    pub containers: Vec<Bound<'a>>,
    pub sent_bytes: AtomicU64,
    pub sent_blobs: AtomicUsize,
    /// `host/path:tag` of the tags that have been set.
    public: Mutex<Vec<String>>,
    /// Tags are being set: from here on it is quicker to finish than to stop.
    finishing: CancellationToken,
}

/// A container of the plan, with the images it speaks of.
pub(super) struct Bound<'a> {
    pub plan: &'a ContainerPlan,
    pub path: String,
    pub images: Vec<&'a Image>,
}

impl<'a> Publication<'a> {
    /// Finds the images the plan speaks of.
    fn new(registry: &'a Registry, plan: &'a Plan, candidates: &'a [Candidate], listener: &'a dyn Publishing) -> Result<Self> {
        let stale = |what: String| Error::failed(format!("the plan no longer matches: {what}; nothing was sent")).hint("make a new plan");
        if registry.host() != plan.registry {
            return Err(stale(format!("it is for {}, not {}", plan.registry, registry.host())));
        }
        let mut containers = Vec::new();
        for planned in &plan.containers {
            let candidate = candidates.iter().find(|c| c.container == planned.container && c.repository == planned.repository);
            let candidate = candidate.ok_or_else(|| stale(format!("{} is not there", planned.container)))?;
            let mut images = Vec::new();
            for image in &planned.images {
                let found =
                    candidate.images.iter().find(|i| i.target == image.target && Digest::of(&i.image.manifest_bytes) == image.digest);
                images.push(&found.ok_or_else(|| stale(format!("{} has been built anew", image.target)))?.image);
            }
            if planned.index.as_ref().is_some_and(|index| Digest::of(index.content.as_bytes()) != index.digest) {
                return Err(stale(format!("the index of {} is not what its digest says", planned.container)));
            }
            containers.push(Bound { plan: planned, path: candidate.path(registry.host())?, images });
        }
        Ok(Publication {
            registry,
            plan,
            listener,
            containers,
            sent_bytes: AtomicU64::new(0),
            sent_blobs: AtomicUsize::new(0),
            public: Mutex::default(),
            finishing: CancellationToken::new(),
        })
    }

    /// Image manifests by digest, then indexes by digest.
    async fn put_manifests(&self) -> Result<()> {
        let images = self.containers.iter().flat_map(|bound| bound.plan.images.iter().zip(&bound.images).map(move |(p, i)| (bound, p, *i)));
        try_join_all(images.map(|(bound, planned, image)| async move {
            if planned.presence != Presence::Present {
                self.put_image(bound, &planned.digest, image).await?;
            }
            self.listener.manifest_published(&bound.plan.container, &planned.digest, Some(&planned.platform));
            Ok::<_, Error>(())
        }))
        .await?;
        let indexes = self.containers.iter().filter_map(|bound| bound.plan.index.as_ref().map(|index| (bound, index)));
        try_join_all(indexes.map(|(bound, index)| async move {
            if index.presence != Presence::Present {
                self.put(&bound.path, &index.digest.to_string(), media_type::INDEX, index.content.as_bytes()).await?;
                self.sent_bytes.fetch_add(index.size, Ordering::Relaxed);
            }
            self.listener.manifest_published(&bound.plan.container, &index.digest, None);
            Ok::<_, Error>(())
        }))
        .await?;
        Ok(())
    }

    /// One image manifest. A registry that misses blobs of it gets them once more.
    async fn put_image(&self, bound: &Bound<'_>, digest: &Digest, image: &Image) -> Result<()> {
        let (reference, kind) = (digest.to_string(), &image.descriptor.media_type);
        if let Stored::MissesBlobs(_) = self.registry.put_manifest(&bound.path, &reference, kind, &image.manifest_bytes).await? {
            self.send_missing(bound, image).await?;
            self.put(&bound.path, &reference, kind, &image.manifest_bytes).await?;
        }
        self.sent_bytes.fetch_add(image.manifest_bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn put(&self, path: &str, reference: &str, kind: &str, bytes: &[u8]) -> Result<()> {
        match self.registry.put_manifest(path, reference, kind, bytes).await? {
            Stored::Yes => Ok(()),
            Stored::MissesBlobs(error) => Err(error),
        }
    }

    /// The tags, in three waves over all containers: single architectures, versions, then the others, which people follow.
    async fn set_tags(&self, cancel: &CancellationToken) -> Result<()> {
        if cancel.is_cancelled() {
            return Err(Error::interrupted());
        }
        self.finishing.cancel();
        let of_images = self.containers.iter().flat_map(|bound| {
            let images = bound.plan.images.iter().zip(&bound.images);
            images.filter_map(move |(planned, image)| {
                planned.tag.as_ref().map(|tag| (bound, tag, image.descriptor.media_type.as_str(), image.manifest_bytes.as_ref()))
            })
        });
        self.wave(of_images.collect()).await?;
        let own = |rest: bool| {
            let tops = self.containers.iter().map(|bound| (bound, top_of(bound)));
            let all = tops
                .flat_map(|(bound, (kind, bytes))| bound.plan.tags.iter().enumerate().map(move |(n, tag)| (n, (bound, tag, kind, bytes))));
            all.filter(move |(n, _)| (*n > 0) == rest).map(|(_, tag)| tag).collect::<Vec<_>>()
        };
        self.wave(own(false)).await?;
        self.wave(own(true)).await?;
        Ok(())
    }

    async fn wave(&self, tags: Vec<(&Bound<'_>, &PlannedTag, &str, &[u8])>) -> Result<()> {
        try_join_all(tags.into_iter().map(|(bound, tag, kind, bytes)| async move {
            let reference = format!("{}:{}", bound.plan.repository, tag.tag);
            if tag.change != TagChange::Unchanged {
                self.put(&bound.path, &tag.tag, kind, bytes).await?;
                self.public.lock().unwrap_or_else(PoisonError::into_inner).push(reference.clone());
            }
            self.listener.tag_published(&bound.plan.container, &reference, &tag.to, &tag.change);
            Ok::<_, Error>(())
        }))
        .await?;
        Ok(())
    }

    /// Ends when the user cancels while there is still something to stop.
    async fn interrupted(&self, cancel: &CancellationToken) {
        tokio::select! {
            biased;
            () = self.finishing.cancelled() => std::future::pending().await,
            () = cancel.cancelled() => {}
        }
    }

    /// Adds what is public already, and that a rerun goes on from there.
    fn explain(&self, error: Error) -> Error {
        let public = self.public.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match public.as_slice() {
            [] => "no tag was set, so nothing of this release can be pulled; run it again to go on with what has arrived".to_owned(),
            tags => format!("already public: {}; run it again to set the rest", tags.join(", ")),
        };
        let hint = match error.advice() {
            Some(advice) => format!("{advice}; {state}"),
            None => state,
        };
        error.hint(hint)
    }
}

/// What a container's own tags name: the index, or the only image.
fn top_of<'a>(bound: &'a Bound<'_>) -> (&'a str, &'a [u8]) {
    match (&bound.plan.index, bound.images.first()) {
        (Some(index), _) => (media_type::INDEX, index.content.as_bytes()),
        (None, Some(image)) => (&image.descriptor.media_type, &image.manifest_bytes),
        (None, None) => ("", &[]),
    }
}

impl Publication<'_> {
    /// A container as it was published.
    pub fn published(&self, bound: &Bound<'_>, tags: Vec<PublishedTag>) -> Result<PublishedContainer> {
        let digest = match (&bound.plan.index, bound.plan.images.first()) {
            (Some(index), _) => index.digest,
            (None, Some(image)) => image.digest,
            (None, None) => return Err(Error::failed(format!("the plan has no image of {}", bound.plan.container))),
        };
        let images = bound.plan.images.iter().map(|image| PublishedImage {
            target: image.target.clone(),
            platform: image.platform.clone(),
            digest: image.digest,
        });
        Ok(PublishedContainer {
            container: bound.plan.container.clone(),
            repository: bound.plan.repository.clone(),
            digest,
            images: images.collect(),
            tags,
        })
    }
}
