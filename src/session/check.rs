//! Verifying and inspecting: gathers facts on blocking threads, reports each check as it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::engine::{Work, blocking};
use super::event::{EventKind, Inspection, LayerSummary};
use super::subject::Named;
use crate::catalog::Target;
use crate::image::{Digest, Image, Reference};
use crate::verify::{self, Circumstances, Group, ImageFacts, Known, Rebuild, Report, Sibling, Verdict};
use crate::{Error, Result};

impl Work {
    /// Runs every check over everything the references name; says how many images failed. With `rebuild`, containers are built
    /// once more for it.
    pub(super) async fn verify(&self, references: &[Reference], rebuild: bool) -> Result<usize> {
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
            let targets: Vec<Target> = images.iter().filter_map(|named| named.target.clone()).collect();
            let rebuilder = match rebuild && !targets.is_empty() {
                true => Some(self.rebuilder(&targets).await?),
                false => None,
            };
            let mut firsts: BTreeMap<String, Arc<Sibling>> = BTreeMap::new();
            let groups: Vec<String> = images.iter().map(group).collect();
            for (named, key) in images.into_iter().zip(&groups) {
                self.check_cancelled()?;
                let members = groups.iter().filter(|other| *other == key).count();
                let circumstances = Circumstances {
                    expected: named.expected,
                    group: match firsts.get(key) {
                        _ if members == 1 => Group::Alone,
                        Some(first) => Group::Later(Arc::clone(first)),
                        None => Group::First(members - 1),
                    },
                    rebuild: if rebuild { self.rebuild(rebuilder.as_ref(), &named).await? } else { Rebuild::NotAsked },
                };
                let is_first = matches!(circumstances.group, Group::First(_));
                let (subject, image) = (named.subject.clone(), named.image.clone());
                let checked = self.check_as(named.subject, named.target.clone(), circumstances, named.image, &known, &self.token).await?;
                let (report, facts) = checked;
                if is_first {
                    firsts.insert(key.clone(), Arc::new(Sibling { subject, image, facts }));
                }
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
        let circumstances = Circumstances { expected: Some(target.architecture), ..Circumstances::default() };
        self.check_as(target.to_string(), Some(target.clone()), circumstances, image, known, token).await.map(|(report, _)| report)
    }

    async fn check_as(
        &self,
        subject: String,
        target: Option<Target>,
        circumstances: Circumstances,
        image: Image,
        known: &Known,
        token: &CancellationToken,
    ) -> Result<(Arc<Report>, ImageFacts)> {
        self.emit(EventKind::VerifyStarted { subject: subject.clone(), target: target.clone() }).await;
        let (emitter, run, token, progress) = (self.context.emitter.clone(), self.run, token.clone(), Arc::clone(&self.progress));
        let known = known.clone();
        let (report, facts) = blocking(move || {
            let mut on_check = |result: &verify::CheckResult| {
                emitter.emit_blocking(run, EventKind::CheckFinished { subject: subject.clone(), result: result.clone() });
            };
            verify::verify(&image, &subject, &circumstances, &known, &mut on_check, progress.as_ref(), &|| token.is_cancelled())
        })
        .await?;
        let report = Arc::new(report);
        self.emit(EventKind::VerifyFinished { target, report: Arc::clone(&report) }).await;
        Ok((report, facts))
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

/// What the architectures of one image have in common: the container, or what the index is called; and the system they are for.
fn group(named: &Named) -> String {
    let platform = named.image.platform();
    let name = match &named.target {
        Some(target) => target.container.to_string(),
        // Members of an index are called after it, with their platform behind.
        None => named.subject.strip_suffix(&platform.to_string()).unwrap_or(&named.subject).to_owned(),
    };
    format!("{} {name}", platform.os)
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
