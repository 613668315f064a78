//! Blobs of a publication: every blob once, from there to the other repositories that need it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use futures_util::future::try_join_all;

use super::plan::Presence;
use super::publish::{Bound, Publication, unique_blobs};
use crate::image::{Descriptor, Digest, Image};
use crate::registry::Arrival;
use crate::{Error, Kind, Result};

/// One blob and everything it is needed for.
#[derive(Default)]
struct Job<'a> {
    /// A repository that has it already.
    source: Option<&'a str>,
    /// Where it has to go, and an image to read it from.
    places: Vec<(&'a Bound<'a>, &'a Image, &'a Descriptor)>,
}

impl Publication<'_> {
    /// Sends what is not there. Containers share layers: a blob is sent to one repository, and the registry is asked to mount it
    /// in the others.
    pub async fn send_blobs(&self) -> Result<()> {
        let mut jobs: BTreeMap<Digest, Job<'_>> = BTreeMap::new();
        for bound in &self.containers {
            for (digest, (size, presence)) in unique_blobs(bound.plan) {
                let job = jobs.entry(digest).or_default();
                if presence == Presence::Present {
                    job.source.get_or_insert(&bound.path);
                    self.listener.blob_finished(&bound.plan.container, &digest, size, true);
                    continue;
                }
                let planned = bound.plan.images.iter().flat_map(|i| &i.blobs).find(|b| b.digest == digest);
                if let Some(from) = planned.and_then(|blob| blob.from.as_deref()?.strip_prefix(self.registry.host())?.strip_prefix('/'))
                    && !self.containers.iter().any(|other| other.path == from)
                {
                    job.source.get_or_insert(from);
                }
                let found =
                    bound.images.iter().find_map(|image| image.manifest.blobs().find(|b| b.digest == digest).map(|blob| (*image, blob)));
                let (image, blob) =
                    found.ok_or_else(|| Error::failed(format!("no image of {} has blob {digest}", bound.plan.container)))?;
                job.places.push((bound, image, blob));
            }
        }
        // The largest first: what is sent at the same time then ends at about the same time.
        let mut jobs: Vec<Job<'_>> = jobs.into_values().filter(|job| !job.places.is_empty()).collect();
        jobs.sort_by_key(|job| std::cmp::Reverse(job.places.first().map(|p| p.2.size)));
        try_join_all(jobs.iter().map(|job| self.send_job(job))).await?;
        Ok(())
    }

    async fn send_job(&self, job: &Job<'_>) -> Result<()> {
        let mut source = job.source;
        for (bound, image, blob) in &job.places {
            // Where it was sent to is the better source: the one before it was not taken.
            if self.send(bound, image, blob, source).await? == Arrival::Sent || source.is_none() {
                source = Some(&bound.path);
            }
        }
        Ok(())
    }

    /// Sends the blobs of `image` again that the registry lacks; all of them when it says that it lacks none, though it has just
    /// refused a manifest for want of one.
    pub async fn send_again(&self, bound: &Bound<'_>, image: &Image) -> Result<()> {
        let blobs: Vec<&Descriptor> = image.manifest.blobs().collect();
        let looks = blobs.iter().map(|blob| self.registry.find_blob(&bound.path, &blob.digest));
        let found = try_join_all(looks).await?;
        let none_missing = found.iter().all(Option::is_some);
        let missing = blobs.iter().zip(&found).filter(|(_, found)| none_missing || found.is_none()).map(|(blob, _)| *blob);
        try_join_all(missing.map(|blob| self.send(bound, image, blob, None))).await?;
        Ok(())
    }

    async fn send(&self, bound: &Bound<'_>, image: &Image, blob: &Descriptor, source: Option<&str>) -> Result<Arrival> {
        let container = &bound.plan.container;
        let progress = |sent: u64| self.listener.blob_progress(container, &blob.digest, sent, blob.size);
        let sent = self.registry.put_blob(&bound.path, blob, &image.blobs, source.filter(|s| *s != bound.path), &progress).await;
        let arrival = sent.map_err(|error| match image.blobs.file(blob) {
            // It is our copy that is at fault, not the registry.
            Some(file) if error.kind() == Kind::Failed => error.hint(format!(
                "remove {} and build it again: `catamaran build {container}`; what is unharmed is not built anew",
                file.display()
            )),
            _ => error,
        })?;
        if arrival == Arrival::Sent {
            self.sent_bytes.fetch_add(blob.size, Ordering::Relaxed);
            self.sent_blobs.fetch_add(1, Ordering::Relaxed);
        }
        self.listener.blob_finished(container, &blob.digest, blob.size, arrival == Arrival::Present);
        Ok(arrival)
    }
}
