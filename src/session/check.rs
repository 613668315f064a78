//! Verifying and inspecting: gathers facts on blocking threads, reports each check as it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::VerifyRequest;
use super::engine::{Work, blocking};
use super::event::{EventKind, Inspection, LayerSummary, Listing};
use super::noted;
use super::subject::Named;
use crate::catalog::{Catalog, ContainerName, Target, Waiver};
use crate::image::{Digest, Image, Reference};
use crate::verify::{self, AppliedWaiver, Circumstances, Group, ImageFacts, Known, Rebuild, Report, Sibling, Verdict};
use crate::{Error, Result};

impl Work {
    /// Runs every check over everything the request's references name; says how many images failed.
    pub(super) async fn verify(&self, request: &VerifyRequest) -> Result<usize> {
        let (mut failed, mut unreadable) = (0, None);
        let mut reports: Vec<(Option<ContainerName>, Arc<Report>)> = Vec::new();
        // Before anything is read: a name that is not there is a mistake of the command line.
        let given = request.waivers_of.as_ref().map(|name| self.waivers_of(name)).transpose()?;
        let mut catalog = None;
        for reference in &request.references {
            // Of each anew: what one place has been seen to hold says nothing about another.
            let mut known = self.known_of(reference);
            if request.rehash {
                known.proofs = None;
            }
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
            let rebuilder = match request.rebuild && !targets.is_empty() {
                true => Some(self.rebuilder(&targets).await?),
                false => None,
            };
            let mut firsts: BTreeMap<String, Arc<Sibling>> = BTreeMap::new();
            let groups: Vec<String> = images.iter().map(group).collect();
            for (named, key) in images.into_iter().zip(&groups) {
                self.check_cancelled()?;
                if named.target.is_some() && catalog.is_none() {
                    catalog = Some(self.catalog()?);
                }
                let members = groups.iter().filter(|other| *other == key).count();
                let circumstances = Circumstances {
                    expected: named.expected,
                    group: match firsts.get(key) {
                        _ if members == 1 => Group::Alone,
                        Some(first) => Group::Later(Arc::clone(first)),
                        None => Group::First(members - 1),
                    },
                    rebuild: if request.rebuild { self.rebuild(rebuilder.as_ref(), &named).await? } else { Rebuild::NotAsked },
                };
                let is_first = matches!(circumstances.group, Group::First(_));
                let Named { subject, target, image, .. } = named;
                let own = target.as_ref().zip(catalog.as_ref()).map(|(target, catalog)| catalog.waivers_of(target.container.as_str()));
                let waivers = own.as_deref().or(given.as_deref()).unwrap_or_default();
                let first = is_first.then(|| (subject.clone(), image.clone()));
                let checked = self.check_as(subject, target.clone(), circumstances, image, waivers, &known, &self.token).await?;
                let (report, facts) = checked;
                if let Some((subject, image)) = first {
                    firsts.insert(key.clone(), Arc::new(Sibling { subject, image, facts }));
                }
                failed += usize::from(report.verdict() == Verdict::Fail);
                if let Some((target, catalog)) = target.as_ref().zip(catalog.as_ref()) {
                    self.note(catalog, target, &report, waivers).await?;
                }
                reports.push((target.map(|target| target.container), report));
            }
        }
        let unused = waivers_unused(catalog.as_ref(), &reports);
        if !unused.is_empty() {
            self.emit(EventKind::WaiversUnused { waivers: unused }).await;
        }
        match unreadable {
            Some(error) => Err(error),
            None => Ok(failed),
        }
    }

    /// The waivers for images of the container called `name`.
    ///
    /// # Errors
    /// There is no `containers.toml`, or no such container in it.
    fn waivers_of(&self, name: &ContainerName) -> Result<Vec<Waiver>> {
        let catalog = self.catalog()?;
        crate::catalog::select(&catalog, &[name.to_string()], &[])?;
        Ok(catalog.waivers_of(name.as_str()))
    }

    /// Keeps the verdict with the image in the store, so that what has failed is verified no more; blobs that are not what
    /// their digest says are thrown away, so that the next build makes them again.
    async fn note(&self, catalog: &Catalog, target: &Target, report: &Arc<Report>, waivers: &[Waiver]) -> Result<()> {
        let (store, name, report, waivers) = (self.store()?, catalog.store_name(target), Arc::clone(report), waivers.to_vec());
        let findings = report.checks.iter().filter(|c| c.check == verify::Check::LayerDigests).flat_map(|c| &c.findings);
        let suspects: Vec<Digest> = findings.filter_map(|finding| finding.layer).collect();
        blocking(move || {
            for suspect in &suspects {
                store.discard_if_damaged(suspect)?;
            }
            match store.find(&name)? {
                Some(entry) if entry.digest == report.digest => store.publish(&name, noted::with_report(entry, &report, &waivers)),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Runs every check over one of our own images.
    pub(super) async fn check(
        &self,
        target: &Target,
        image: Image,
        waivers: &[Waiver],
        known: &Known,
        token: &CancellationToken,
    ) -> Result<Arc<Report>> {
        let circumstances = Circumstances { expected: Some(target.architecture), ..Circumstances::default() };
        let checked = self.check_as(target.to_string(), Some(target.clone()), circumstances, image, waivers, known, token).await;
        checked.map(|(report, _)| report)
    }

    #[allow(clippy::too_many_arguments, reason = "what is looked at, and everything that decides how it is judged")]
    async fn check_as(
        &self,
        subject: String,
        target: Option<Target>,
        circumstances: Circumstances,
        image: Image,
        waivers: &[Waiver],
        known: &Known,
        token: &CancellationToken,
    ) -> Result<(Arc<Report>, ImageFacts)> {
        self.emit(EventKind::VerifyStarted { subject: subject.clone(), target: target.clone() }).await;
        let (emitter, run, token, progress) = (self.context.emitter.clone(), self.run, token.clone(), Arc::clone(&self.progress));
        let (known, waivers, today) = (known.clone(), waivers.to_vec(), noted::today());
        let (report, facts) = blocking(move || {
            let mut on_check = |result: &verify::CheckResult| {
                let mut result = result.clone();
                verify::waive_result(&mut result, &waivers, today);
                emitter.emit_blocking(run, EventKind::CheckFinished { subject: subject.clone(), result });
            };
            let cancelled = || token.is_cancelled();
            let (report, facts) = verify::verify(&image, &subject, &circumstances, &known, &mut on_check, progress.as_ref(), &cancelled)?;
            Ok((verify::waive(report, &waivers, today), facts))
        })
        .await?;
        let report = Arc::new(report);
        self.emit(EventKind::VerifyFinished { target, report: Arc::clone(&report) }).await;
        Ok((report, facts))
    }

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
    let (member, why) = index.unreadable().next()?;
    let error = Error::failed(format!("the index's member {} could not be read: {why}", member.digest));
    Some(error.hint("`catamaran verify` names all that is wrong with the index"))
}

/// The waivers that had nothing to do: expired ones, and those that no image they are for needed, as far as all of those were
/// looked at (a finding may be there on one architecture only, and a waiver for every container may be for another one).
fn waivers_unused(catalog: Option<&Catalog>, reports: &[(Option<ContainerName>, Arc<Report>)]) -> Vec<AppliedWaiver> {
    let looked_at = |name: &ContainerName| reports.iter().filter(|(of, _)| of.as_ref() == Some(name)).count();
    let whole = |name: &ContainerName| catalog.and_then(|c| c.container(name.as_str())).is_some_and(|c| looked_at(name) >= c.targets.len());
    let everything = catalog.is_some_and(|catalog| catalog.containers.iter().all(|c| whole(&c.name)));
    let mut used: BTreeMap<_, (usize, &AppliedWaiver)> = BTreeMap::new();
    for (of, report) in reports {
        for waiver in &report.waivers {
            let for_all = catalog.is_some_and(|c| c.waivers.iter().any(|w| w.line == waiver.line));
            // Images of elsewhere (--waivers-of) are looked at one by one: nothing can be said of the others.
            let known = of.as_ref().is_some_and(|name| if for_all { everything } else { whole(name) });
            if known || waiver.expired {
                let waived = &mut used.entry((waiver.line, waiver.check, &waiver.path)).or_insert((0, waiver)).0;
                *waived += waiver.findings;
            }
        }
    }
    used.into_values().filter(|(findings, _)| *findings == 0).map(|(_, waiver)| waiver.clone()).collect()
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
