//! Verifying and inspecting: gathers facts on blocking threads, reports each check as it ends.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::engine::{Work, blocking};
use super::event::{EventKind, Inspection, LayerSummary, Listing};
use crate::catalog::Target;
use crate::image::{Digest, Image, Reference};
use crate::verify::{self, Known, Report, Verdict};
use crate::{Error, Result};

impl Work {
    /// Runs every check over everything the references name; says how many images failed.
    pub(super) async fn verify(&self, references: &[Reference]) -> Result<usize> {
        let (mut failed, known) = (0, self.known());
        let mut unreadable = None;
        for reference in references {
            let images = match self.images_of(reference).await {
                Ok(images) => images,
                // The others are looked at all the same; the first that could not be read decides how it ends.
                Err(error) if !self.token.is_cancelled() => {
                    self.emit(EventKind::RunOutput { lines: vec![format!("{reference} could not be read: {error}")] }).await;
                    unreadable.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for named in images {
                self.check_cancelled()?;
                let report = self.check_as(named.subject, named.target.clone(), named.expected, named.image, &known, &self.token).await?;
                failed += usize::from(report.verdict() == Verdict::Fail);
                if let Some(target) = named.target {
                    self.note(&target, &report).await?;
                }
            }
        }
        match unreadable {
            Some(error) => Err(error),
            None => Ok(failed),
        }
    }

    /// Keeps the verdict with the image in the store, so that what has failed is verified no more; blobs that are not what
    /// their digest says are thrown away, so that the next build makes them again.
    async fn note(&self, target: &Target, report: &Report) -> Result<()> {
        let (store, name, digest, verdict) = (self.store()?, self.catalog()?.store_name(target), report.digest, report.verdict());
        let findings = report.checks.iter().filter(|c| c.check == verify::Check::LayerDigests).flat_map(|c| &c.findings);
        let suspects: Vec<Digest> = findings.filter_map(|finding| finding.layer).collect();
        blocking(move || {
            for suspect in &suspects {
                store.discard_if_damaged(suspect)?;
            }
            match store.find(&name)? {
                Some(entry) if entry.digest == digest => store.publish(&name, super::build::with_verdict(entry, verdict)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Runs every check over one of our own images.
    pub(super) async fn check(&self, target: &Target, image: Image, known: &Known, token: &CancellationToken) -> Result<Arc<Report>> {
        self.check_as(target.to_string(), Some(target.clone()), Some(target.architecture), image, known, token).await
    }

    async fn check_as(
        &self,
        subject: String,
        target: Option<Target>,
        expected: Option<crate::catalog::Architecture>,
        image: Image,
        known: &Known,
        token: &CancellationToken,
    ) -> Result<Arc<Report>> {
        self.emit(EventKind::VerifyStarted { subject: subject.clone(), target: target.clone() }).await;
        let (emitter, run, token, progress) = (self.context.emitter.clone(), self.run, token.clone(), Arc::clone(&self.progress));
        let known = known.clone();
        let report = blocking(move || {
            let mut on_check = |result: &verify::CheckResult| {
                emitter.emit_blocking(run, EventKind::CheckFinished { subject: subject.clone(), result: result.clone() });
            };
            verify::verify(&image, &subject, expected, &known, &mut on_check, progress.as_ref(), &|| token.is_cancelled())
        })
        .await?;
        let report = Arc::new(report);
        self.emit(EventKind::VerifyFinished { target, report: Arc::clone(&report) }).await;
        Ok(report)
    }

    /// Lists the files of everything the reference names.
    pub(super) async fn list_files(&self, reference: &Reference) -> Result<()> {
        for named in self.images_of(reference).await? {
            self.check_cancelled()?;
            let (known, token, progress) = (self.known(), self.token.clone(), Arc::clone(&self.progress));
            let listing = blocking(move || {
                let files = verify::list_files(&named.image, &known, progress.as_ref(), &|| token.is_cancelled())?;
                let (digest, platform) = (named.image.descriptor.digest, named.image.platform());
                Ok(Listing { schema: 1, subject: named.subject, target: named.target, digest, platform, files })
            })
            .await
            .map_err(|error| if self.token.is_cancelled() { Error::interrupted() } else { error })?;
            self.emit(EventKind::FilesListed { listing: Arc::new(listing) }).await;
        }
        Ok(())
    }

    /// Reads config, layers and packages of everything the reference names.
    pub(super) async fn inspect(&self, reference: &Reference) -> Result<()> {
        for named in self.images_of(reference).await? {
            self.check_cancelled()?;
            let (known, token, progress) = (self.known(), self.token.clone(), Arc::clone(&self.progress));
            let inspection = blocking(move || {
                let (entries, packages) = verify::inspect_facts(&named.image, &known, progress.as_ref(), &|| token.is_cancelled())?;
                Ok(inspection(named.subject, named.target, &named.image, &entries, packages))
            })
            .await
            .map_err(|error| if self.token.is_cancelled() { Error::interrupted() } else { error })?;
            self.emit(EventKind::Inspected { inspection: Arc::new(inspection) }).await;
        }
        Ok(())
    }
}

fn inspection(
    subject: String,
    target: Option<Target>,
    image: &Image,
    entries: &[usize],
    packages: Vec<crate::image::InstalledPackage>,
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
