//! Inspecting: config, layers, packages and files of what a reference names.

use std::sync::Arc;

use super::engine::Work;
use super::event::{EventKind, Inspection, LayerSummary, Listing};
use super::subject::Named;
use crate::catalog::Target;
use crate::image::{Descriptor, Image, InstalledPackage, Reference};
use crate::verify;
use crate::{Error, Result};

impl Work {
    /// Lists the files of everything the reference names.
    pub(super) async fn list_files(&self, reference: &Reference) -> Result<()> {
        for named in self.images_of(reference).await? {
            self.check_cancelled()?;
            let read = self.reading(self.known_of(reference), move |known, progress, cancelled| {
                let files = verify::list_files(&named.image, known, progress, cancelled)?;
                let (digest, platform) = (named.image.descriptor.digest, named.image.platform());
                Ok(Listing { schema: 1, subject: named.subject, target: named.target, digest, platform, files })
            });
            let listing = Arc::new(read.await?);
            self.emit(EventKind::FilesListed { listing }).await;
        }
        Ok(())
    }

    /// Reads config, layers and packages of everything the reference names.
    pub(super) async fn inspect(&self, reference: &Reference) -> Result<()> {
        let images = self.images_of(reference).await?;
        let unreadable = unreadable_member(&images);
        for named in images {
            self.check_cancelled()?;
            let read = self.reading(self.known_of(reference), move |known, progress, cancelled| {
                let (entries, packages) = verify::inspect_facts(&named.image, known, progress, cancelled)?;
                Ok(inspection(named.subject, named.target, &named.image, &entries, packages))
            });
            let inspection = Arc::new(read.await?);
            self.emit(EventKind::Inspected { inspection }).await;
        }
        unreadable.map_or(Ok(()), Err)
    }
}

/// Why what is shown is not all that the reference names, when it came out of an index whose members are not all there.
fn unreadable_member(images: &[Named]) -> Option<Error> {
    let index = images.iter().find_map(|named| named.image.index.as_ref())?;
    let said = |(member, why): (&Descriptor, &str)| format!("the index's member {} could not be read: {why}", member.digest);
    if let Some(member) = index.unreached().next() {
        return Some(Error::network(said(member)));
    }
    Some(Error::failed(said(index.unreadable().next()?)).hint("`catamaran verify` names all that is wrong with the index"))
}

fn inspection(subject: String, target: Option<Target>, image: &Image, entries: &[usize], packages: Vec<InstalledPackage>) -> Inspection {
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
            entries: entries.get(n).copied().unwrap_or(0),
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
