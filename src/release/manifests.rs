//! Manifests of a publication: images by digest, then indexes by digest; what a registry misses of them is sent once more.

use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;

use super::plan::{PlannedIndex, Presence};
use super::publish::{Bound, Publication};
use crate::image::{Digest, Image, media_type};
use crate::registry::Stored;
use crate::{Error, Result};

impl Publication<'_> {
    /// Image manifests by digest, then indexes by digest.
    pub async fn put_manifests(&self) -> Result<()> {
        let images = self.containers.iter().flat_map(|bound| bound.plan.images.iter().zip(&bound.images).map(move |(p, i)| (bound, p, *i)));
        try_join_all(images.map(|(bound, planned, image)| async move {
            let present = planned.presence == Presence::Present;
            if !present {
                self.put_image(bound, &planned.digest, image).await?;
            }
            self.listener.manifest_published(&bound.plan.container, &planned.digest, Some(&planned.platform), present);
            Ok::<_, Error>(())
        }))
        .await?;
        let indexes = self.containers.iter().filter_map(|bound| bound.plan.index.as_ref().map(|index| (bound, index)));
        try_join_all(indexes.map(|(bound, index)| async move {
            let present = index.presence == Presence::Present;
            if !present {
                self.put_index(bound, index).await?;
            }
            self.listener.manifest_published(&bound.plan.container, &index.digest, None, present);
            Ok::<_, Error>(())
        }))
        .await?;
        Ok(())
    }

    /// One image manifest. A registry that misses blobs of it gets them once more.
    async fn put_image(&self, bound: &Bound<'_>, digest: &Digest, image: &Image) -> Result<()> {
        let (reference, kind) = (digest.to_string(), &image.descriptor.media_type);
        if let Stored::MissesBlobs(_) = self.registry.put_manifest(&bound.path, &reference, kind, &image.manifest_bytes).await? {
            self.send_again(bound, image).await?;
            self.put(&bound.path, &reference, kind, &image.manifest_bytes).await?;
        }
        self.sent_bytes.fetch_add(image.manifest_bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// One index. A registry that misses images of it gets them once more.
    async fn put_index(&self, bound: &Bound<'_>, index: &PlannedIndex) -> Result<()> {
        let (reference, bytes) = (index.digest.to_string(), index.content.as_bytes());
        if let Stored::MissesBlobs(_) = self.registry.put_manifest(&bound.path, &reference, media_type::INDEX, bytes).await? {
            self.put_images_again(bound).await?;
            self.put(&bound.path, &reference, media_type::INDEX, bytes).await?;
        }
        self.sent_bytes.fetch_add(index.size, Ordering::Relaxed);
        Ok(())
    }

    /// Every image of a container once more, with what the registry lacks of its blobs.
    pub async fn put_images_again(&self, bound: &Bound<'_>) -> Result<()> {
        let images = bound.plan.images.iter().zip(&bound.images);
        try_join_all(images.map(|(planned, image)| async move {
            self.send_again(bound, image).await?;
            self.put(&bound.path, &planned.digest.to_string(), &image.descriptor.media_type, &image.manifest_bytes).await
        }))
        .await?;
        Ok(())
    }

    pub async fn put(&self, path: &str, reference: &str, kind: &str, bytes: &[u8]) -> Result<()> {
        match self.registry.put_manifest(path, reference, kind, bytes).await? {
            Stored::Yes => Ok(()),
            Stored::MissesBlobs(error) => Err(forgets(error)),
        }
    }
}

/// A registry that still misses what it was sent twice.
pub(super) fn forgets(error: Error) -> Error {
    error.hint("it was sent again, and is still missed: the registry does not keep what it takes; ask who runs it")
}
