//! Verifying what references name: one after the other, and what cannot be read does not keep the others from being looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::VerifyRequest;
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::noted;
use super::payload::Failure;
use super::rebuild::Rebuilder;
use super::siblings::{Family, FirstRead};
use super::subject::{Named, Subjects, graver};
use super::unused::waivers_unused;
use crate::catalog::{Catalog, ContainerName, Target, Waiver};
use crate::debian::Lock;
use crate::image::{Descriptor, Digest, Reference, Store};
use crate::verify::{Check, Circumstances, Group, Known, Rebuild, Report, Sibling, Verdict};
use crate::{Error, Result};

impl Work {
    /// Runs every check over everything the request's references name; says how many images failed.
    ///
    /// What cannot be read decides how the run ends ([`graver`]).
    pub(super) async fn verify(&self, request: &VerifyRequest) -> Result<usize> {
        // Before anything is read: a name that is not there is a mistake of the command line.
        let given = request.waivers_of.as_ref().map(|name| self.waivers_of(name)).transpose()?.unwrap_or_default();
        let mut run = Verifying {
            work: self,
            request,
            given,
            known: Known::default(),
            own: None,
            first: FirstRead::default(),
            failed: 0,
            reports: Vec::new(),
            unread: None,
        };
        for reference in &request.references {
            if let Err(error) = run.reference(reference).await {
                run.could_not_read(reference.to_string(), error).await?;
            }
        }
        let unused = waivers_unused(run.own.as_ref().map(|own| &own.catalog), &run.reports);
        if !unused.is_empty() {
            self.emit(EventKind::WaiversUnused { waivers: unused }).await;
        }
        match run.unread {
            Some(error) => Err(error),
            None => Ok(run.failed),
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
}

/// A verification under way.
struct Verifying<'a> {
    work: &'a Work,
    request: &'a VerifyRequest,
    /// The waivers of `--waivers-of`.
    given: Vec<Waiver>,
    known: Known,
    /// Read when the first image of ours is met.
    own: Option<Own>,
    first: FirstRead,
    failed: usize,
    reports: Vec<(Option<ContainerName>, Arc<Report>)>,
    /// Of everything that could not be read, the error that decides how it ends.
    unread: Option<Error>,
}

/// What is to be known of images of ours.
struct Own {
    catalog: Catalog,
    lock: Lock,
    store: Store,
    /// What it has, by name.
    entries: HashMap<String, Descriptor>,
    /// The targets that the request names.
    together: BTreeSet<Target>,
}

impl Verifying<'_> {
    /// Everything that one reference names.
    async fn reference(&mut self, reference: &Reference) -> Result<()> {
        // Of each anew: what one place has been seen to hold says nothing about another.
        self.known = self.work.known_of(reference);
        if self.request.rehash {
            self.known.proofs = None;
        }
        let Subjects { images, unread } = self.work.images_of(reference).await?;
        let targets: Vec<Target> = images.iter().filter_map(|named| named.target.clone()).collect();
        if !targets.is_empty() && self.own.is_none() {
            self.own = Some(self.read_own().await?);
        }
        let rebuilder = match self.request.rebuild && !targets.is_empty() {
            true => Some(self.work.rebuilder(&targets).await?),
            false => None,
        };
        let groups: Vec<String> = images.iter().map(group).collect();
        // Of images from elsewhere: the first of each group, once it was read.
        let mut firsts: BTreeMap<&String, Option<Arc<Sibling>>> = BTreeMap::new();
        for (named, key) in images.into_iter().zip(&groups) {
            self.work.check_cancelled()?;
            let group = match &named.target {
                Some(target) => self.group_of(target).await?,
                None => match (groups.iter().filter(|other| *other == key).count(), firsts.get(key)) {
                    (1, _) => Group::Alone,
                    (_, Some(first)) => first.clone().map_or(Group::Unknown, Group::Later),
                    (members, None) => Group::First(members - 1),
                },
            };
            let (subject, is_own, is_first) = (named.subject.clone(), named.target.is_some(), matches!(group, Group::First(_)));
            let read = match self.image(named, group, rebuilder.as_ref()).await {
                Ok(sibling) => Some(Arc::new(sibling)),
                Err(error) => {
                    self.could_not_read(subject, error).await?;
                    None
                }
            };
            match (is_first, is_own, read) {
                (true, false, first) => drop(firsts.insert(key, first)),
                (true, true, Some(first)) => self.first.set(first),
                _ => {}
            }
        }
        for (subject, error) in unread {
            self.could_not_read(subject, error).await?;
        }
        Ok(())
    }

    async fn read_own(&self) -> Result<Own> {
        let catalog = self.work.catalog()?;
        let mut together = BTreeSet::new();
        for reference in &self.request.references {
            if let Reference::Container { name, architecture } = reference {
                // What cannot be selected is an error of its own reference.
                together.extend(crate::catalog::select(&catalog, &[name.to_string()], architecture.as_slice()).unwrap_or_default());
            }
        }
        let (lock, store, entries) = (self.work.lock_on_disk(&catalog)?, self.work.store()?, self.work.entries_by_name().await?);
        Ok(Own { catalog, lock, store, entries, together })
    }

    /// The other architectures of an image of ours, whether the request names them or not.
    async fn group_of(&mut self, target: &Target) -> Result<Group> {
        let Some(Own { catalog, lock, entries, together, .. }) = &self.own else { return Ok(Group::Unknown) };
        let is_current = |target: &Target, entry: &Descriptor| self.work.is_current_now(catalog, lock, target, entry);
        let family = Family { catalog, together, is_current: &is_current };
        let kin = family.kin(target, |target| entries.get(&catalog.store_name(target)).cloned());
        self.work.group(&kin, &mut self.first, &self.known).await
    }

    /// One image; hands out what was read of it, for those that are held against it.
    async fn image(&mut self, named: Named, group: Group, rebuilder: Option<&Rebuilder>) -> Result<Sibling> {
        let rebuild = if self.request.rebuild { self.work.rebuild(rebuilder, &named).await? } else { Rebuild::NotAsked };
        let Named { subject, target, image, expected } = named;
        let own = self.own.as_ref().zip(target.as_ref());
        let waivers = own.map_or_else(|| self.given.clone(), |(own, target)| own.catalog.waivers_of(target.container.as_str()));
        let against = match &group {
            Group::Later(first) => Some(first.image.descriptor.digest),
            Group::Unknown | Group::Alone | Group::First(_) => None,
        };
        let circumstances = Circumstances { expected, group, rebuild };
        let checked = self
            .work
            .check_as(subject.clone(), target.clone(), circumstances, image.clone(), &waivers, &self.known, &self.work.token)
            .await?;
        let (report, facts) = checked;
        self.failed += usize::from(report.verdict() == Verdict::Fail);
        if let Some((own, target)) = self.own.as_ref().zip(target.as_ref()) {
            note(own, target, &report, &waivers, against).await?;
        }
        self.reports.push((target.map(|target| target.container), report));
        Ok(Sibling { subject, image, facts })
    }

    /// Tells of something that could not be read, and goes on.
    async fn could_not_read(&mut self, subject: String, error: Error) -> Result<()> {
        if self.work.token.is_cancelled() || error.is_interrupted() {
            return Err(Error::interrupted());
        }
        self.work.emit(EventKind::VerifyFailed { subject, failure: Failure::from(&error) }).await;
        self.unread = Some(match self.unread.take() {
            Some(worst) => graver(worst, error),
            None => error,
        });
        Ok(())
    }
}

/// Keeps the verdict with the image in the store, so that what has failed is verified no more; blobs that are not what
/// their digest says are thrown away, so that the next build makes them again.
async fn note(own: &Own, target: &Target, report: &Arc<Report>, waivers: &[Waiver], against: Option<Digest>) -> Result<()> {
    let (store, name) = (own.store.clone(), own.catalog.store_name(target));
    let (report, waivers) = (Arc::clone(report), waivers.to_vec());
    let findings = report.checks.iter().filter(|c| c.check == Check::LayerDigests).flat_map(|c| &c.findings);
    let suspects: Vec<Digest> = findings.filter_map(|finding| finding.layer).collect();
    blocking(move || {
        for suspect in &suspects {
            store.discard_if_damaged(suspect)?;
        }
        match store.find(&name)? {
            Some(entry) if entry.digest == report.digest => {
                store.publish(&name, noted::with_report(entry, &report, &waivers, against.as_ref()))
            }
            _ => Ok(()),
        }
    })
    .await
}

/// What the architectures of one image have in common: the container or the index; and the system they are for.
fn group(named: &Named) -> String {
    let platform = named.image.platform();
    let name = match (&named.target, &named.image.index) {
        (Some(target), _) => target.container.to_string(),
        (None, Some(index)) => index.digest.to_string(),
        // Images that lie side by side in a layout are called after it, with their platform behind.
        (None, None) => named.subject.strip_suffix(&platform.to_string()).unwrap_or(&named.subject).to_owned(),
    };
    format!("{} {name}", platform.os)
}
