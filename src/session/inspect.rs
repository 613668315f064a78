//! Inspecting: config, layers, packages and files of what a reference names.

use std::sync::Arc;

use super::engine::Work;
use super::event::EventKind;
use super::payload::{Inspection, LayerSummary, Listing};
use crate::Result;
use crate::catalog::Target;
use crate::image::{Image, InstalledPackage, Reference};
use crate::verify::{self, not_looked_into};

impl Work {
    /// Lists the files of everything the reference names.
    pub(super) async fn list_files(&self, reference: &Reference) -> Result<()> {
        let mut subjects = self.images_of(reference).await?;
        let mut missing = subjects.missing();
        for named in subjects.images {
            self.check_cancelled()?;
            if let Some(why) = not_looked_into(&named.image.platform()) {
                self.emit(EventKind::RunOutput { lines: vec![format!("{}: {why}", named.subject)] }).await;
                continue;
            }
            let subject = named.subject.clone();
            let read = self.reading(self.known_of(reference), move |known, progress, cancelled| {
                let files = verify::list_files(&named.image, known, progress, cancelled)?;
                let (digest, platform) = (named.image.descriptor.digest, named.image.platform());
                Ok(Listing { schema: 1, subject: named.subject, target: named.target, digest, platform, files })
            });
            if let Some(listing) = missing.read(&subject, read.await)? {
                self.emit(EventKind::FilesListed { listing: Arc::new(listing) }).await;
            }
        }
        self.tell_missing(missing).await
    }

    /// Reads config, layers and packages of everything the reference names.
    pub(super) async fn inspect(&self, reference: &Reference) -> Result<()> {
        let mut subjects = self.images_of(reference).await?;
        let mut missing = subjects.missing();
        for named in subjects.images {
            self.check_cancelled()?;
            let subject = named.subject.clone();
            let read = self.reading(self.known_of(reference), move |known, progress, cancelled| {
                let (entries, packages) = match not_looked_into(&named.image.platform()) {
                    Some(_) => (None, Vec::new()),
                    None => {
                        let (entries, packages) = verify::inspect_facts(&named.image, known, progress, cancelled)?;
                        (Some(entries), packages)
                    }
                };
                Ok(inspection(named.subject, named.target, &named.image, entries.as_deref(), packages))
            });
            if let Some(inspection) = missing.read(&subject, read.await)? {
                self.emit(EventKind::Inspected { inspection: Arc::new(inspection) }).await;
            }
        }
        self.tell_missing(missing).await
    }
}

fn inspection(
    subject: String,
    target: Option<Target>,
    image: &Image,
    entries: Option<&[usize]>,
    packages: Vec<InstalledPackage>,
) -> Inspection {
    let config = &image.config;
    // History entries without a layer (ENV, CMD …) stand between those that made one.
    let mut made = config.history.iter().filter(|h| !h.empty_layer);
    let layers = image
        .manifest
        .layers
        .iter()
        .enumerate()
        .map(|(n, layer)| LayerSummary {
            digest: layer.digest,
            diff_id: config.rootfs.diff_ids.get(n).copied(),
            media_type: layer.media_type.clone(),
            size: layer.size,
            created_by: made.next().and_then(|h| h.created_by.clone()),
            entries: entries.and_then(|entries| entries.get(n).copied()),
        })
        .collect();
    Inspection {
        schema: 1,
        subject,
        target,
        digest: image.descriptor.digest,
        media_type: image.descriptor.media_type.clone(),
        platform: image.platform(),
        size: image.size(),
        config: (**config).clone(),
        layers,
        packages,
        annotations: image.manifest.annotations.clone(),
    }
}
