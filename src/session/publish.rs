//! Planning and publishing: candidates from the local store, through the release room, to events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;

use super::build::is_current;
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::nix::EVALUATIONS;
use super::noted;
use super::siblings::{Family, FirstRead, Kin};
use super::subject::built_entry;
use super::{IndexRequest, PushRequest, ReleaseRequest};
use crate::catalog::{BuilderKind, Catalog, ContainerName, Target, Waiver};
use crate::debian::{self, Builder, Lock};
use crate::image::{Descriptor, Digest, Platform};
use crate::nix::{self, Derivation, kept_image};
use crate::registry::{Credentials, Registry, Variables};
use crate::release::{self, Candidate, CandidateImage, Consent, LockState, Plan, PlanRequest, Publishing, Purpose, TagChange, Tags};
use crate::verify::{AppliedWaiver, Known, Verdict};
use crate::{Error, Result};

/// How many gates forbid the plan.
pub(super) fn failed_gates(plan: &Plan) -> usize {
    plan.gates.iter().filter(|gate| gate.verdict == Verdict::Fail).count()
}

impl Work {
    /// Computes what a push would do, and shows it.
    pub(super) async fn plan(&self, request: &PushRequest) -> Result<Plan> {
        let catalog = self.catalog()?;
        let targets = match (request.images.as_slice(), request.targets.as_slice()) {
            ([], []) => catalog.targets(),
            ([], targets) => targets.to_vec(),
            (images, _) => images.iter().map(|(target, _)| target.clone()).collect(),
        };
        self.take_in(&catalog, &request.images).await?;
        let host = host_of(&catalog, request.registry.as_deref())?;
        self.emit(EventKind::RunPhaseChanged { phase: "verify".into() }).await;
        let variables = Variables::of_process();
        // Reading the system's certificates, looking at the images and asking git for the branch: none needs the others.
        let (at, credentials) = (host.clone(), Credentials::new(&catalog.registry, variables.clone()));
        let connecting = tokio::task::spawn_blocking(move || Registry::connect(&at, credentials));
        let tags = release::choose_tags(&request.version, request.tags.as_deref(), catalog.folder(), &variables);
        let lock = debian::read_lock(&catalog.lock_path())?;
        let (candidates, tags) = tokio::join!(self.candidates(&catalog, lock.as_ref(), &host, &targets), tags);
        let (candidates, tags) = (candidates?, tags?);
        let registry = connecting.await.map_err(|error| Error::failed("connecting stopped unexpectedly").source(error))??;
        let registry = registry.heard_by(Arc::clone(&self.progress));
        let given = self.given();
        let from_here: Vec<Target> = targets.into_iter().filter(|target| !given.contains_key(target)).collect();
        let lock = lock_state(lock.as_ref(), &catalog, &from_here);
        let purpose = if request.digests_only { Purpose::Digests } else { Purpose::Release };
        self.plan_for(&catalog, registry, &candidates, Wanted { tags, force: request.force, purpose, lock }).await
    }

    /// Computes the plan for `candidates`, and shows it.
    pub(super) async fn plan_for(&self, catalog: &Catalog, registry: Registry, candidates: &[Candidate], wanted: Wanted) -> Result<Plan> {
        self.emit(EventKind::RunPhaseChanged { phase: "plan".into() }).await;
        let released = |container: &ContainerName| candidates.iter().any(|c| c.container == *container);
        let others = catalog.containers.iter().filter(|c| !released(&c.name));
        let neighbours: Vec<String> = others.map(|c| catalog.registry.repository_of(&c.name)).collect();
        let Wanted { tags, force, purpose, lock } = &wanted;
        let (folder, neighbours) = (catalog.folder(), neighbours.as_slice());
        let asked = PlanRequest { tags, candidates, folder, force: *force, purpose: *purpose, lock, neighbours };
        let plan = release::plan(&registry, &asked, &self.token).await?;
        *self.context.planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(registry);
        self.emit(EventKind::ReleasePlanned { plan: Arc::new(plan.clone()) }).await;
        Ok(plan)
    }

    /// Carries out a plan, keeps the receipt, and shows it. A plan that no longer matches is refused, and the one that would
    /// be right now is shown.
    pub(super) async fn publish(&self, plan: &Plan, consent: &Consent) -> Result<()> {
        let catalog = self.catalog()?;
        let planned = self.context.planned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let registry = match planned.filter(|registry| registry.host() == plan.registry) {
            Some(registry) => registry,
            None => Registry::connect(&plan.registry, Credentials::new(&catalog.registry, Variables::of_process()))?,
        };
        let registry = registry.heard_by(Arc::clone(&self.progress));
        let candidates = match plan.purpose {
            Purpose::Release | Purpose::Digests => {
                let lock = debian::read_lock(&catalog.lock_path())?;
                self.candidates(&catalog, lock.as_ref(), &plan.registry, &targets_of(plan)).await?
            }
            Purpose::Index => self.members(&catalog, &registry, &members_of(plan), false).await?,
        };
        self.emit(EventKind::PublishStarted { version: plan.version.clone(), bytes: plan.bytes_to_upload() }).await;

        // The release room calls from within its own work and must not wait: what it says goes through a queue that is
        // bounded by what there is to say (ten progress lines a second for each of a handful of uploads).
        let (said, mut heard) = mpsc::unbounded_channel();
        let listener = Listener { said };
        let (emitter, run) = (self.context.emitter.clone(), self.run);
        let relay = tokio::spawn(async move {
            while let Some(kind) = heard.recv().await {
                emitter.emit(run, kind).await;
            }
        });
        let published = release::publish(&registry, plan, &candidates, consent, &listener, &self.token).await;
        drop(listener);
        let _ = relay.await;
        let receipt = match published {
            Ok(receipt) => receipt,
            Err(refused) if refused.stale => {
                // Whatever keeps a new plan from being made must not hide why the old one was refused.
                let _ = self.plan_again(plan, consent.force).await;
                return Err(refused.error);
            }
            Err(unpublished) => return Err(unpublished.error),
        };
        let state = self.context.options.folders.state.clone();
        let kept = receipt.clone();
        let path = blocking(move || kept.keep(&state)).await;
        if let Err(error) = &path {
            // The images are public whatever happens to our note of it.
            self.emit(EventKind::RunOutput { lines: vec![format!("the receipt could not be kept: {error}")] }).await;
        }
        self.emit(EventKind::ReleaseFinished { receipt: Arc::new(receipt), path: path.ok() }).await;
        Ok(())
    }

    /// The plan that would be right now, made from what `plan` was made from.
    async fn plan_again(&self, plan: &Plan, force: bool) -> Result<Plan> {
        let (version, registry) = (plan.version.clone(), Some(plan.registry.clone()));
        let further = plan.containers.first().map(|c| c.tags.iter().skip(1).map(|t| t.tag.clone()).collect());
        let tags = Some(further.unwrap_or_default());
        match plan.purpose {
            Purpose::Index => {
                let members = members_of(plan);
                self.plan_index(&IndexRequest { version, members, tags, force, registry, verify: false }).await
            }
            Purpose::Release | Purpose::Digests => {
                let digests_only = plan.purpose == Purpose::Digests;
                let (targets, images) = (targets_of(plan), self.given().into_iter().collect());
                self.plan(&PushRequest { version, targets, tags, force, registry, digests_only, images }).await
            }
        }
    }

    /// Builds, verifies, plans and publishes.
    pub(super) async fn release(&self, request: &ReleaseRequest) -> Result<usize> {
        let failed = self.build(&request.build).await?;
        if failed > 0 {
            return Ok(failed); // half a release is none
        }
        let plan = self.plan(&request.push).await?;
        if request.dry_run {
            return Ok(failed_gates(&plan));
        }
        let consent = Consent { accept_warnings: request.accept_warnings, force: request.push.force, reason: None };
        self.publish(&plan, &consent).await?;
        Ok(0)
    }

    /// Takes the documents that are to be pushed into the local store, as the images of their targets.
    async fn take_in(&self, catalog: &Catalog, images: &[(Target, PathBuf)]) -> Result<()> {
        *self.context.given.lock().unwrap_or_else(PoisonError::into_inner) = images.iter().cloned().collect();
        for (target, document) in images {
            let (store, name, document) = (self.store()?, catalog.store_name(target), document.clone());
            blocking(move || nix::keep_given(&store, &name, &document)).await.map_err(|error| error.context(target))?;
        }
        Ok(())
    }

    /// The documents that were given with the plan.
    fn given(&self) -> BTreeMap<Target, PathBuf> {
        self.context.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is to be released, from the local store; images that were never checked are checked now.
    async fn candidates(&self, catalog: &Catalog, lock: Option<&Lock>, host: &str, targets: &[Target]) -> Result<Vec<Candidate>> {
        let store = self.store()?;
        let none = Lock::default();
        let lock = lock.unwrap_or(&none);
        let mut candidates: BTreeMap<usize, Candidate> = BTreeMap::new();
        let (together, known, mut first) = (targets.iter().cloned().collect(), self.known(), FirstRead::default());
        let entries = self.entries_by_name().await?;
        // A release asks what would be built now; whether that is what was built.
        let given = self.given();
        let is_asked = |target: &&Target| !given.contains_key(target) && catalog.builder_of(target) == BuilderKind::Nix;
        let nix: Vec<Target> = targets.iter().filter(is_asked).cloned().collect();
        let derivations: BTreeMap<Target, Derivation> = match nix.is_empty() {
            true => BTreeMap::new(),
            false => {
                let (_, derivations) = self.derivations(catalog, &nix, EVALUATIONS).await?;
                nix.into_iter().zip(derivations).map(|(target, found)| Ok((target, found?))).collect::<Result<_>>()?
            }
        };
        let is_current_now = |target: &Target, entry: &Descriptor| self.is_current_now(catalog, lock, target, entry);
        let family = Family { catalog, together: &together, is_current: &is_current_now };
        for target in targets {
            let Some((position, container)) = catalog.containers.iter().enumerate().find(|(_, c)| c.name == target.container) else {
                return Err(Error::usage(format!("{} has no container `{}`", catalog.path.display(), target.container)));
            };
            let entry = built_entry(&store, catalog, target)?;
            let kin = family.kin(target, |target| entries.get(&catalog.store_name(target)).cloned());
            let waivers = catalog.waivers_of(container.name.as_str());
            let (verdict, waived) = self.verdict(target, &entry, &waivers, &kin, &mut first, &known).await?;
            let candidate = candidates.entry(position).or_insert_with(|| Candidate {
                container: container.name.clone(),
                repository: format!("{host}/{}", catalog.registry.repository_of(&container.name)),
                targets: container.targets.clone(),
                images: Vec::new(),
                annotations: container.annotations.clone(),
            });
            let current = match derivations.get(target) {
                _ if given.contains_key(target) => None,
                Some(derivation) => Some(nix::is_built_from(&entry, derivation)),
                None => Some(is_current(&entry, Builder::inputs(catalog, target, lock, &self.context.options.folders.cache)?)),
            };
            let image = kept_image(&store, &entry)?;
            candidate.images.push(CandidateImage { target: target.clone(), image, verdict: Some(verdict), waived, current });
        }
        Ok(candidates.into_values().collect())
    }

    async fn verdict(
        &self,
        target: &Target,
        entry: &Descriptor,
        waivers: &[Waiver],
        kin: &Kin,
        first: &mut FirstRead,
        known: &Known,
    ) -> Result<(Verdict, Vec<AppliedWaiver>)> {
        if let Some(noted) = noted::verdict(entry, waivers, kin.against()).filter(|(verdict, _)| *verdict != Verdict::Fail) {
            return Ok(noted);
        }
        let image = kept_image(&self.store()?, entry)?;
        let group = self.group(kin, first, known).await?;
        let (report, _) = self.check(target, image, group, waivers, known, &self.token).await?;
        Ok((report.verdict(), noted::used(&report)))
    }
}

/// What a plan is wanted for.
pub(super) struct Wanted {
    pub(super) tags: Tags,
    pub(super) force: bool,
    pub(super) purpose: Purpose,
    pub(super) lock: LockState,
}

fn targets_of(plan: &Plan) -> Vec<Target> {
    members_of(plan).into_iter().map(|(target, _)| target).collect()
}

fn members_of(plan: &Plan) -> Vec<(Target, Digest)> {
    plan.containers.iter().flat_map(|c| &c.images).map(|image| (image.target.clone(), image.digest)).collect()
}

/// Whether the lock pins what the catalog asks for.
fn lock_state(lock: Option<&Lock>, catalog: &Catalog, targets: &[Target]) -> LockState {
    if !targets.iter().any(|target| catalog.builder_of(target) == BuilderKind::Debian) {
        return LockState::Unused;
    }
    match lock.map(|lock| debian::staleness(lock, catalog, targets)) {
        None => LockState::Stale("there is no containers.lock".into()),
        Some(Some(why)) => LockState::Stale(format!("containers.lock is not what containers.toml asks for: {why}")),
        Some(None) => LockState::Fresh,
    }
}

/// Where a push goes: what the command line says, else what the file says.
pub(super) fn host_of(catalog: &Catalog, given: Option<&str>) -> Result<String> {
    given.or(catalog.registry.host.as_deref()).map(str::to_owned).ok_or_else(|| {
        Error::usage(format!("{} names no registry", catalog.path.display()))
            .hint("add `[registry]` with `host = \"ghcr.io\"` and `repository = \"you/{container}\"`, or give --registry HOST")
    })
}

struct Listener {
    said: mpsc::UnboundedSender<EventKind>,
}

impl Publishing for Listener {
    fn blob_progress(&self, container: &ContainerName, digest: &Digest, sent: u64, total: u64) {
        let _ = self.said.send(EventKind::BlobProgressed { container: container.clone(), digest: *digest, sent, total });
    }

    fn blob_finished(&self, container: &ContainerName, digest: &Digest, size: u64, present: bool) {
        let _ = self.said.send(EventKind::BlobFinished { container: container.clone(), digest: *digest, size, present });
    }

    fn manifest_published(&self, container: &ContainerName, digest: &Digest, platform: Option<&Platform>, present: bool) {
        let (container, platform) = (container.clone(), platform.cloned());
        let _ = self.said.send(EventKind::ManifestPublished { container, digest: *digest, platform, present });
    }

    fn phase(&self, phase: &str) {
        let _ = self.said.send(EventKind::RunPhaseChanged { phase: phase.to_owned() });
    }

    fn tag_published(&self, container: &ContainerName, reference: &str, digest: &Digest, change: &TagChange) {
        let kind =
            EventKind::TagPublished { container: container.clone(), reference: reference.to_owned(), digest: *digest, change: *change };
        let _ = self.said.send(kind);
    }

    fn tag_rolled_back(&self, container: &ContainerName, reference: &str, digest: Option<&Digest>) {
        let (container, reference) = (container.clone(), reference.to_owned());
        let _ = self.said.send(EventKind::TagRolledBack { container, reference, digest: digest.copied() });
    }
}
