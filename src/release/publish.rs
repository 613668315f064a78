//! Carrying out a plan: blobs, image manifests, indexes, and the tags last, so that nobody can pull half a release.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::candidate::Candidate;
use super::listener::Publishing;
use super::plan::{ContainerPlan, Plan, Presence};
use super::proof::Before;
use super::receipt::{PublishedContainer, PublishedImage, PublishedTag, Receipt};
use super::tagging::Attempt;
use crate::image::{Digest, Image, media_type};
use crate::registry::Registry;
use crate::{Error, Kind, Result};

/// What to say of a release that stopped before its tags.
pub const NO_TAG: &str = "no tag was set, so nothing of this release can be pulled; run it again to go on with what has arrived";

/// How long a cancelled publication waits for the answers of a registry that is setting tags: most take far less, and then nothing
/// is left open.
const LAST_ANSWERS: Duration = Duration::from_millis(800);

/// What the user agreed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Warnings of gates are accepted.
    pub accept_warnings: bool,
    /// Why they are accepted, in the user's words; goes into the receipt. A reason accepts them too.
    pub reason: Option<String>,
    /// A version that exists and differs is overwritten.
    pub force: bool,
}

/// Why not everything was published.
#[derive(Debug)]
pub struct Unpublished {
    /// What went wrong, and what of the release is public.
    pub error: Error,
    /// The images or the registry are no longer what the plan says: no tag was touched, and a new plan would be another one.
    pub stale: bool,
}

impl From<Error> for Unpublished {
    fn from(error: Error) -> Self {
        Unpublished { error, stale: false }
    }
}

impl From<Unpublished> for Error {
    fn from(unpublished: Unpublished) -> Self {
        unpublished.error
    }
}

/// Sends what `plan` says, proves what arrived, and says what was done.
///
/// # Errors
/// A gate forbids it, or the images or the registry are no longer as planned (no tag is touched then); or something fails on
/// the way: then tags that were set are put back to where they were, the error says what is public nevertheless, and a new
/// plan goes on where this one stopped.
pub async fn publish(
    registry: &Registry,
    plan: &Plan,
    candidates: &[Candidate],
    consent: &Consent,
    listener: &dyn Publishing,
    cancel: &CancellationToken,
) -> Result<Receipt, Unpublished> {
    if let Some(refusal) = plan.refusal(consent.accept_warnings || consent.reason.is_some(), consent.force) {
        return Err(refusal.into());
    }
    let started = now();
    let publication = Publication::new(registry, plan, candidates, listener)?;
    let work = async {
        if plan.bytes_to_upload() > 0 {
            publication.tags_as_planned(Before::Sending).await?;
        }
        publication.send_blobs().await?;
        publication.put_manifests().await?;
        // Sending takes its time, and so may have passed since the plan was shown: what the tags rest on is looked at again.
        publication.tags_as_planned(Before::Tags).await?;
        publication.manifests_are_there().await?;
        publication.set_tags(cancel).await?;
        publication.prove().await.map_err(|error| publication.say_public(error))
    };
    let done = tokio::select! {
        biased;
        () = publication.interrupted(cancel) => Err(publication.left().into()),
        done = work => done,
    };
    let containers = done.map_err(|stopped: Unpublished| publication.explain(stopped, cancel.is_cancelled()))?;
    let sent = publication.sent_blobs.load(Ordering::Relaxed);
    let all: usize = plan.containers.iter().map(|c| unique_blobs(c).len()).sum();
    let accepted_warnings = plan.warnings(consent.force);
    Ok(Receipt {
        schema: 1,
        purpose: plan.purpose,
        version: plan.version.clone(),
        registry: plan.registry.clone(),
        started,
        finished: now(),
        reason: consent.reason.clone().filter(|_| !accepted_warnings.is_empty()),
        accepted_warnings,
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
    /// The tags that were set, or may have been: their requests were sent.
    pub attempts: Mutex<Vec<Attempt<'a>>>,
    /// Tags are being set: from here on what is under way is waited for a little, since the next answer may be the last.
    pub finishing: CancellationToken,
}

/// A container of the plan, with the images it speaks of.
pub(super) struct Bound<'a> {
    pub plan: &'a ContainerPlan,
    pub path: String,
    pub images: Vec<&'a Image>,
}

impl<'a> Publication<'a> {
    /// Finds the images the plan speaks of.
    fn new(registry: &'a Registry, plan: &'a Plan, candidates: &'a [Candidate], listener: &'a dyn Publishing) -> Result<Self, Unpublished> {
        let stale = |what: String| Unpublished { error: no_longer(&what).hint("make a new plan"), stale: true };
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
            attempts: Mutex::default(),
            finishing: CancellationToken::new(),
        })
    }

    /// Ends when the user cancels; while tags are set and read back, [`LAST_ANSWERS`] later.
    async fn interrupted(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        if self.finishing.is_cancelled() {
            tokio::time::sleep(LAST_ANSWERS).await;
        }
    }

    /// Adds that no tag was touched, unless the error says already what became of the tags.
    fn explain(&self, stopped: Unpublished, cancelled: bool) -> Unpublished {
        if self.finishing.is_cancelled() {
            // Stopped, and failed while it was stopping: what the failure says of the tags must not be lost.
            return match stopped.error.advice().filter(|_| cancelled && !stopped.error.is_interrupted()) {
                Some(advice) => Error::new(Kind::Interrupted, format!("interrupted; {}", stopped.error.message())).hint(advice).into(),
                None => stopped,
            };
        }
        Unpublished { error: also(stopped.error, NO_TAG), ..stopped }
    }
}

/// A plan that the images or the registry have left behind.
pub(super) fn no_longer(what: &str) -> Error {
    Error::failed(format!("the plan no longer matches: {what}"))
}

/// The error with one more piece of advice.
pub(super) fn also(error: Error, advice: &str) -> Error {
    let hint = match error.advice() {
        Some(first) => format!("{first}; {advice}"),
        None => advice.to_owned(),
    };
    error.hint(hint)
}

/// What a container's own tags name: the index, or the only image.
pub(super) fn top_of<'a>(bound: &'a Bound<'_>) -> (&'a str, &'a [u8]) {
    match (&bound.plan.index, bound.images.first()) {
        (Some(index), _) => (media_type::INDEX, index.content.as_bytes()),
        (None, Some(image)) => (&image.descriptor.media_type, &image.manifest_bytes),
        (None, None) => ("", &[]),
    }
}

impl Publication<'_> {
    /// A container as it was published.
    pub fn published(&self, bound: &Bound<'_>, tags: Vec<PublishedTag>) -> Result<PublishedContainer> {
        let digest = match (&bound.plan.index, bound.plan.images.as_slice()) {
            (Some(index), _) => Some(index.digest),
            (None, [only]) => Some(only.digest),
            (None, []) => return Err(Error::failed(format!("the plan has no image of {}", bound.plan.container))),
            (None, _) => None,
        };
        let images = bound.plan.images.iter().map(|image| PublishedImage {
            target: image.target.clone(),
            platform: image.platform.clone(),
            digest: image.digest,
            size: image.size,
            waived: image.waived.clone(),
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
