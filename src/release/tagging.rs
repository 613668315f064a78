//! Tags: set in waves when everything is there, and put back to where they were when one of them fails.

use std::sync::PoisonError;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::manifests::forgets;
use super::plan::{ContainerPlan, PlannedTag, TagChange};
use super::public::{self, Named};
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
    standing: Standing,
}

/// How a tag stands, as far as the registry has said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It was asked for, and may be set.
    Asked,
    /// It names what it should.
    Set,
    /// It does not, or does no more.
    Undone,
}

/// What became of a tag that had been set when another one failed.
enum Undone {
    /// It was not ours: never set, or set by someone else since.
    Nothing,
    /// It names again what it named before.
    Back(String, Digest),
    /// It is gone again.
    Deleted(String),
    /// It still names what this release gave it; in words, with what can be done about it.
    Stays(String),
    /// The registry did not say; in words.
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
        self.listener.phase("tags");
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
                let attempt = |tag| Attempt { container, tag, standing: Standing::Asked };
                waves[0].extend(planned.tag.iter().map(|tag| Setting { attempt: attempt(tag), media_type, bytes }));
            }
            let (media_type, bytes) = top_of(bound);
            for (position, tag) in plan.tags.iter().enumerate() {
                let setting = Setting { attempt: Attempt { container, tag, standing: Standing::Asked }, media_type, bytes };
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
            let bound = &self.containers[attempt.container];
            self.attempts.lock().unwrap_or_else(PoisonError::into_inner).extend(changed.iter().map(|setting| setting.attempt));
            if let Stored::MissesBlobs(_) = self.registry.put_tags(&bound.path, media_type, bytes, &tags).await? {
                self.put_images_again(bound).await?;
                if let Stored::MissesBlobs(error) = self.registry.put_tags(&bound.path, media_type, bytes, &tags).await? {
                    return Err(forgets(error));
                }
            }
            changed.iter().for_each(|setting| self.mark(&setting.attempt, Standing::Set));
        }
        for Setting { attempt, .. } in &settings {
            let (bound, tag) = (&self.containers[attempt.container], attempt.tag);
            self.listener.tag_published(&bound.plan.container, &self.reference(attempt), &tag.to, &tag.change);
        }
        Ok(())
    }

    /// Notes how a tag stands now.
    fn mark(&self, attempt: &Attempt<'_>, standing: Standing) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &&mut Attempt<'_>| other.container == attempt.container && other.tag.tag == attempt.tag.tag;
        attempts.iter_mut().filter(same).for_each(|noted| noted.standing = standing);
    }

    /// `host/path:tag`.
    fn reference(&self, attempt: &Attempt<'_>) -> String {
        format!("{}:{}", self.containers[attempt.container].plan.repository, attempt.tag.tag)
    }

    /// Puts what was set back, and adds to `error` what became of every tag.
    async fn undo(&self, error: Error) -> Error {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What people follow first.
        attempts.reverse();
        let undone = join_all(attempts.iter().map(|attempt| async {
            let end = self.undo_one(attempt).await;
            if matches!(end, Undone::Nothing | Undone::Back(..) | Undone::Deleted(_)) {
                self.mark(attempt, Standing::Undone);
            }
            end
        }))
        .await;
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
        let reference = self.reference(attempt);
        // Whoever reads it can do by hand what we could not.
        let by_hand = match tag.change {
            TagChange::Moves { from } => {
                format!(" (it named {from} before; `catamaran copy {}@{from} {reference}` puts it back)", bound.plan.repository)
            }
            _ => String::new(),
        };
        match self.registry.find_manifest(&bound.path, &tag.tag).await {
            Err(_) => return Undone::Unknown(format!("{reference}{by_hand}")),
            Ok(found) if found.as_ref().map(|f| f.digest) != Some(tag.to) => return Undone::Nothing,
            Ok(_) => {}
        }
        let stays = |why: String| Undone::Stays(format!("{reference} names {}, {why}{by_hand}", tag.to));
        let (undone, now) = match tag.change {
            TagChange::Moves { from } => match self.move_back(bound, tag, from).await {
                Ok(()) => (Undone::Back(reference.clone(), from), Some(from)),
                Err(error) => return stays(format!("and could not be put back: {error}")),
            },
            TagChange::New => match self.registry.delete_tag(&bound.path, &tag.tag).await {
                Ok(true) => (Undone::Deleted(reference.clone()), None),
                Ok(false) => return stays("is new, and stays: the registry does not delete tags".into()),
                Err(error) => return stays(format!("is new, and stays: {error}")),
            },
            TagChange::Unchanged | TagChange::Unknown => return Undone::Nothing,
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
        let public: Vec<String> = attempts.iter().map(|a| format!("{} names {}", self.reference(a), a.tag.to)).collect();
        match public.is_empty() {
            true => error.into(),
            false => also(error, &format!("already public: {}", public.join(", "))).into(),
        }
    }

    /// What to say when the user stops it: which tags are public by then, once the first was asked for.
    pub fn left(&self) -> Error {
        if !self.finishing.is_cancelled() {
            return Error::interrupted();
        }
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let standing =
            |wanted| -> Vec<Named> { attempts.iter().filter(|a| a.standing == wanted).map(|a| (self.reference(a), a.tag.to)).collect() };
        let (set, asked) = (standing(Standing::Set), standing(Standing::Asked));
        let changes = self.containers.iter().flat_map(|bound| bound.plan.all_tags()).filter(|tag| tag.change != TagChange::Unchanged);
        let unset = changes.count().saturating_sub(set.len() + asked.len());
        Error::interrupted().hint(public::in_words(&set, &asked, unset))
    }
}
