//! Tags: set in waves when everything is there, and put back to where they were when one of them fails.

use std::sync::PoisonError;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::plan::{ContainerPlan, PlannedTag, TagChange};
use super::publish::{Bound, Publication, Unpublished, also, top_of};
use crate::image::Digest;
use crate::registry::Stored;
use crate::{Error, Result};

/// A tag whose request was sent.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// Which container of the publication.
    container: usize,
    tag: &'a PlannedTag,
}

/// What became of a tag that had been set when another one failed.
enum Undone {
    /// It was not ours: never set, or set by someone else since.
    Nothing,
    /// It names again what it named before.
    Back(String, Digest),
    /// It is gone again.
    Deleted(String),
    /// It still names what this release gave it.
    Stays(String),
    /// The registry did not say.
    Unknown(String),
}

/// One tag to set, and the manifest it will name.
struct Setting<'p, 'a> {
    attempt: Attempt<'a>,
    media_type: &'p str,
    bytes: &'p [u8],
}

impl<'a> Publication<'a> {
    /// The tags, in three waves over all containers: single architectures, versions, then the others, which people follow.
    ///
    /// # Errors
    /// One of them failed; by then those that were set are back where they were, or the error says which are not.
    pub async fn set_tags(&self, cancel: &CancellationToken) -> Result<(), Unpublished> {
        if cancel.is_cancelled() {
            return Err(Error::interrupted().into());
        }
        self.finishing.cancel();
        for wave in self.waves() {
            if let Err(error) = self.set(wave).await {
                return Err(self.undo(error).await.into());
            }
        }
        Ok(())
    }

    fn waves(&self) -> [Vec<Setting<'_, 'a>>; 3] {
        let mut waves = [Vec::new(), Vec::new(), Vec::new()];
        for (container, bound) in self.containers.iter().enumerate() {
            let plan: &'a ContainerPlan = bound.plan;
            for (planned, image) in plan.images.iter().zip(&bound.images) {
                let (media_type, bytes) = (image.descriptor.media_type.as_str(), image.manifest_bytes.as_ref());
                waves[0].extend(planned.tag.iter().map(|tag| Setting { attempt: Attempt { container, tag }, media_type, bytes }));
            }
            let (media_type, bytes) = top_of(bound);
            for (position, tag) in plan.tags.iter().enumerate() {
                let setting = Setting { attempt: Attempt { container, tag }, media_type, bytes };
                waves[if position == 0 { 1 } else { 2 }].push(setting);
            }
        }
        waves
    }

    /// Sets tags at the same time, those of one manifest with one request where the registry can. Every request is waited for,
    /// also after one has failed: a request that was let go may still have set its tag.
    async fn set(&self, wave: Vec<Setting<'_, 'a>>) -> Result<()> {
        let mut manifests: Vec<Vec<Setting<'_, 'a>>> = Vec::new();
        let what = |setting: &Setting<'_, 'a>| (setting.attempt.container, setting.attempt.tag.to);
        for setting in wave {
            match manifests.iter_mut().find(|settings| what(&settings[0]) == what(&setting)) {
                Some(settings) => settings.push(setting),
                None => manifests.push(vec![setting]),
            }
        }
        join_all(manifests.into_iter().map(|settings| self.set_on_one(settings))).await.into_iter().collect()
    }

    /// Sets tags of one manifest.
    async fn set_on_one(&self, settings: Vec<Setting<'_, 'a>>) -> Result<()> {
        let changed: Vec<&Setting<'_, 'a>> = settings.iter().filter(|s| s.attempt.tag.change != TagChange::Unchanged).collect();
        if let Some(Setting { attempt, media_type, bytes }) = changed.first() {
            let tags: Vec<&str> = changed.iter().map(|setting| setting.attempt.tag.tag.as_str()).collect();
            self.attempts.lock().unwrap_or_else(PoisonError::into_inner).extend(changed.iter().map(|setting| setting.attempt));
            if let Stored::MissesBlobs(error) =
                self.registry.put_tags(&self.containers[attempt.container].path, media_type, bytes, &tags).await?
            {
                return Err(error);
            }
        }
        for Setting { attempt, .. } in &settings {
            let (bound, tag) = (&self.containers[attempt.container], attempt.tag);
            let reference = format!("{}:{}", bound.plan.repository, tag.tag);
            self.listener.tag_published(&bound.plan.container, &reference, &tag.to, &tag.change);
        }
        Ok(())
    }

    /// Puts what was set back, and adds to `error` what became of every tag.
    async fn undo(&self, error: Error) -> Error {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What people follow first.
        attempts.reverse();
        let undone = join_all(attempts.iter().map(|attempt| self.undo_one(attempt))).await;
        let (mut back, mut stays, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        for end in undone {
            match end {
                Undone::Nothing => {}
                Undone::Back(reference, digest) => back.push(format!("{reference} names {} again", digest.short())),
                Undone::Deleted(reference) => back.push(format!("{reference} is gone again")),
                Undone::Stays(reference) => stays.push(reference),
                Undone::Unknown(reference) => unknown.push(reference),
            }
        }
        let mut parts = Vec::new();
        if !back.is_empty() {
            parts.push(format!("put back: {}", back.join(", ")));
        }
        if !stays.is_empty() {
            parts.push(format!("already public: {}", stays.join(", ")));
        }
        if !unknown.is_empty() {
            parts.push(format!("perhaps public, the registry does not say: {}", unknown.join(", ")));
        }
        if stays.is_empty() && unknown.is_empty() {
            parts.push("nothing of this release is public".into());
        }
        parts.push("run it again to go on with what has arrived".into());
        also(error, &parts.join("; "))
    }

    async fn undo_one(&self, attempt: &Attempt<'_>) -> Undone {
        let (bound, tag) = (&self.containers[attempt.container], attempt.tag);
        let reference = format!("{}:{}", bound.plan.repository, tag.tag);
        match self.registry.find_manifest(&bound.path, &tag.tag).await {
            Err(_) => return Undone::Unknown(reference),
            Ok(found) if found.as_ref().map(|f| f.digest) != Some(tag.to) => return Undone::Nothing,
            Ok(_) => {}
        }
        let (undone, now) = match tag.change {
            TagChange::Moves { from } if self.move_back(bound, tag, from).await.is_ok() => {
                (Undone::Back(reference.clone(), from), Some(from))
            }
            TagChange::New if self.registry.delete_tag(&bound.path, &tag.tag).await.is_ok_and(|deleted| deleted) => {
                (Undone::Deleted(reference.clone()), None)
            }
            _ => return Undone::Stays(reference),
        };
        self.listener.tag_rolled_back(&bound.plan.container, &reference, now.as_ref());
        undone
    }

    async fn move_back(&self, bound: &Bound<'_>, tag: &PlannedTag, from: Digest) -> Result<()> {
        let before = self.registry.manifest(&bound.path, &from.to_string()).await?;
        self.put(&bound.path, &tag.tag, &before.descriptor.media_type, &before.bytes).await
    }

    /// Adds to `error` that the tags are set.
    pub fn say_public(&self, error: Error) -> Unpublished {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |a: &Attempt<'_>| format!("{}:{}", self.containers[a.container].plan.repository, a.tag.tag);
        let public: Vec<String> = attempts.iter().map(name).collect();
        match public.is_empty() {
            true => error.into(),
            false => also(error, &format!("already public: {}", public.join(", "))).into(),
        }
    }
}
