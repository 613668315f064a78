//! Before and after: is the registry still as planned, and is everything there that was sent?

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::plan::{PlannedImage, PlannedTag, Presence, TagChange};
use super::publish::{Bound, Publication, Unpublished, no_longer};
use super::receipt::{PublishedContainer, PublishedTag};
use crate::image::Digest;
use crate::{Error, Result};

/// A look this fresh is as good as another one, where nothing is at stake (nothing has to be done) or one more look follows before
/// a tag is touched: planning and publishing in one run then asks once.
const FRESH: Duration = Duration::from_secs(10);
/// A look this fresh is as good as another one even where tags are set next: between a look and a tag there is always some time.
const JUST_NOW: Duration = Duration::from_secs(1);

/// What a look at the tags comes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Blobs and manifests are sent, and the tags are looked at again after it.
    Sending,
    /// Tags are set.
    Tags,
}

impl Publication<'_> {
    /// Refuses a plan whose tags have moved since it was made. Before anything is sent, what planning has seen will do; after it, the
    /// look before tags are set is always a new one.
    pub async fn tags_as_planned(&self, before: Before) -> Result<(), Unpublished> {
        let age = match before {
            _ if self.plan.is_done() => FRESH,
            Before::Sending => FRESH,
            Before::Tags if self.plan.bytes_to_upload() == 0 => JUST_NOW,
            Before::Tags => Duration::ZERO,
        };
        let looks = self.tags().map(|(bound, tag)| async move {
            let now = self.named(bound, tag, age).await?;
            let planned = match tag.change {
                TagChange::New => None,
                TagChange::Unchanged => Some(tag.to),
                TagChange::Moves { from } => Some(from),
                TagChange::Unknown => return Err(no_longer("the registry was not asked").hint("make a new plan").into()),
            };
            // A tag that names the goal already was set by an earlier try, or by someone who wants the same.
            if now == planned || now == Some(tag.to) {
                return Ok(());
            }
            let words = |d: Option<Digest>| d.map_or("nothing".into(), |d| d.to_string());
            let what =
                format!("{}:{} named {} when it was made, and names {} now", bound.plan.repository, tag.tag, words(planned), words(now));
            Err(Unpublished { error: no_longer(&what).hint("someone else may be releasing; make a new plan"), stale: true })
        });
        try_join_all(looks).await.map(|_| ())
    }

    /// Makes sure that the manifests which the plan found at the registry are still there, and their blobs, before tags speak for
    /// them. Those that were sent just now need no look, and neither does a release that is there whole.
    pub async fn manifests_are_there(&self) -> Result<(), Unpublished> {
        if self.plan.is_done() {
            return Ok(());
        }
        let found = self.containers.iter().flat_map(|bound| {
            let images = bound.plan.images.iter().map(|i| (i.presence, i.digest));
            let all = images.chain(bound.plan.index.iter().map(|i| (i.presence, i.digest)));
            all.filter(|(presence, _)| *presence == Presence::Present).map(move |(_, digest)| (bound, digest))
        });
        let looks = found.map(|(bound, digest)| async move {
            let reference = digest.to_string();
            // The plan has looked at the blobs when it looked at the manifest.
            if self.registry.seen_manifest(&bound.path, &reference, FRESH).is_some_and(|found| found.is_some()) {
                return Ok(());
            }
            let gone = match self.registry.find_manifest(&bound.path, &reference).await? {
                None => Some(reference),
                Some(_) => self.missing_blob(bound, |image| image.digest == digest).await?.map(|(blob, _)| blob.to_string()),
            };
            let Some(gone) = gone else { return Ok(()) };
            let what = format!("{}@{gone} was at the registry when it was made, and is gone now", bound.plan.repository);
            Err(Unpublished { error: no_longer(&what).hint("make a new plan, which sends it again"), stale: true })
        });
        try_join_all(looks).await.map(|_| ())
    }

    /// Reads every tag back and compares. The version itself is read whole, so that its bytes are proven, not only announced.
    ///
    /// What this release has sent of images is looked at too, blob by blob: a registry may take what it does not keep.
    pub async fn prove(&self) -> Result<Vec<PublishedContainer>> {
        self.listener.phase("proof");
        let containers = self.containers.iter().map(|bound| async move {
            let tags = try_join_all(bound.plan.all_tags().map(|tag| self.prove_tag(bound, tag))).await?;
            // Nothing else speaks for images that have no tag; the plan has just seen those that were there already.
            let untagged = bound.plan.images.iter().filter(|_| bound.plan.tags.is_empty() && !self.plan.is_done());
            try_join_all(untagged.map(|image| self.prove_image(bound, &image.digest))).await?;
            if let Some((blob, image)) = self.missing_blob(bound, |image| !image.is_there()).await? {
                let what = format!("blob {blob} of {} is not in {}, though the registry took it", image.target, bound.plan.repository);
                return Err(Error::network(what).hint("run it again with --force: it looks at every blob, and sends what is missing"));
            }
            self.published(bound, tags)
        });
        try_join_all(containers).await
    }

    async fn prove_image(&self, bound: &Bound<'_>, digest: &Digest) -> Result<()> {
        match self.registry.find_manifest(&bound.path, &digest.to_string()).await? {
            Some(found) if found.digest == *digest => Ok(()),
            _ => Err(Error::network(format!("{}@{digest} was sent and taken, and is not there", bound.plan.repository))
                .hint("the registry does not keep what it takes; ask who runs it")),
        }
    }

    async fn prove_tag(&self, bound: &Bound<'_>, tag: &PlannedTag) -> Result<PublishedTag> {
        let is_version = bound.plan.tags.first().is_some_and(|first| first.tag == tag.tag);
        let now = match is_version && !self.plan.is_done() {
            true => Some(self.registry.manifest(&bound.path, &tag.tag).await?.descriptor.digest),
            false => self.named(bound, tag, if self.plan.is_done() { FRESH } else { Duration::ZERO }).await?,
        };
        match now {
            Some(digest) if digest == tag.to => Ok(PublishedTag { tag: tag.tag.clone(), digest, change: tag.change }),
            other => {
                let found = other.map_or("nothing".into(), |d| d.to_string());
                Err(Error::failed(format!("{}:{} should name {} and names {found}", bound.plan.repository, tag.tag, tag.to))
                    .hint("someone else may have pushed at the same time"))
            }
        }
    }

    /// A blob that is not there, and the image that needs it, of those images of a container that are `wanted`.
    async fn missing_blob<'b>(
        &self,
        bound: &'b Bound<'_>,
        wanted: impl Fn(&PlannedImage) -> bool,
    ) -> Result<Option<(Digest, &'b PlannedImage)>> {
        let blobs =
            bound.plan.images.iter().filter(|image| wanted(image)).flat_map(|image| image.blobs.iter().map(move |b| (b.digest, image)));
        let once: BTreeMap<Digest, &PlannedImage> = blobs.collect();
        let looks = once.into_iter().map(|(digest, image)| async move {
            let found = self.registry.find_blob(&bound.path, &digest).await?;
            Ok::<_, Error>(found.is_none().then_some((digest, image)))
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().next())
    }

    /// What a tag names now, or did when it was last looked at if that is no longer ago than `age`.
    async fn named(&self, bound: &Bound<'_>, tag: &PlannedTag, age: Duration) -> Result<Option<Digest>> {
        let found = match self.registry.seen_manifest(&bound.path, &tag.tag, age) {
            Some(found) => found,
            None => self.registry.find_manifest(&bound.path, &tag.tag).await?,
        };
        Ok(found.map(|f| f.digest))
    }

    fn tags(&self) -> impl Iterator<Item = (&Bound<'_>, &PlannedTag)> {
        self.containers.iter().flat_map(|bound| bound.plan.all_tags().map(move |tag| (bound, tag)))
    }
}
