//! Planning and publishing: candidates from the local store, through the release room, to events.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;

use super::build::{is_current, verdict_of};
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::subject::built_entry;
use super::{PushRequest, ReleaseRequest};
use crate::catalog::{Catalog, ContainerName, Target};
use crate::debian::{self, Builder};
use crate::image::{Descriptor, Digest, Platform};
use crate::registry::{Credentials, Registry, Variables};
use crate::release::{self, Candidate, CandidateImage, Consent, Plan, PlanRequest, Publishing, TagChange};
use crate::verify::Verdict;
use crate::{Error, Result};

/// How many gates forbid the plan.
pub(super) fn failed_gates(plan: &Plan) -> usize {
    plan.gates.iter().filter(|gate| gate.verdict == Verdict::Fail).count()
}

impl Work {
    /// Computes what a push would do, and shows it.
    pub(super) async fn plan(&self, request: &PushRequest) -> Result<Plan> {
        let catalog = self.catalog()?;
        let targets = if request.targets.is_empty() { catalog.targets() } else { request.targets.clone() };
        let host = host_of(&catalog, request.registry.as_deref())?;
        self.emit(EventKind::RunPhaseChanged { phase: "verify".into() }).await;
        let variables = Variables::of_process();
        // Reading the system's certificates, looking at the images and asking git for the branch: none needs the others.
        let (at, credentials) = (host.clone(), Credentials::new(&catalog.registry, variables.clone()));
        let connecting = tokio::task::spawn_blocking(move || Registry::connect(&at, credentials));
        let tags = release::choose_tags(&request.version, request.tags.as_deref(), catalog.folder(), &variables);
        let (candidates, tags) = tokio::join!(self.candidates(&catalog, &host, &targets), tags);
        let (candidates, tags) = (candidates?, tags?);
        self.emit(EventKind::RunPhaseChanged { phase: "plan".into() }).await;
        let registry = connecting.await.map_err(|error| Error::failed("connecting stopped unexpectedly").source(error))??;
        let asked = PlanRequest { tags: &tags, candidates: &candidates, folder: catalog.folder(), force: request.force };
        let plan = release::plan(&registry, &asked, &self.token).await?;
        *self.context.planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(registry);
        self.emit(EventKind::ReleasePlanned { plan: Arc::new(plan.clone()) }).await;
        Ok(plan)
    }

    /// Carries out a plan, keeps the receipt, and shows it.
    pub(super) async fn publish(&self, plan: &Plan, accept_warnings: bool, force: bool) -> Result<()> {
        let catalog = self.catalog()?;
        let targets: Vec<Target> = plan.containers.iter().flat_map(|c| c.images.iter().map(|i| i.target.clone())).collect();
        let candidates = self.candidates(&catalog, &plan.registry, &targets).await?;
        let planned = self.context.planned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let registry = match planned.filter(|registry| registry.host() == plan.registry) {
            Some(registry) => registry,
            None => Registry::connect(&plan.registry, Credentials::new(&catalog.registry, Variables::of_process()))?,
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
        let consent = Consent { accept_warnings, force };
        let published = release::publish(&registry, plan, &candidates, consent, &listener, &self.token).await;
        drop(listener);
        let _ = relay.await;
        let receipt = published?;
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
        self.publish(&plan, request.accept_warnings, request.push.force).await?;
        Ok(0)
    }

    /// What is to be released, from the local store; images that were never checked are checked now.
    async fn candidates(&self, catalog: &Catalog, host: &str, targets: &[Target]) -> Result<Vec<Candidate>> {
        let store = self.store()?;
        let lock = debian::read_lock(&catalog.lock_path())?.unwrap_or_default();
        let mut candidates: BTreeMap<usize, Candidate> = BTreeMap::new();
        for target in targets {
            let Some((position, container)) = catalog.containers.iter().enumerate().find(|(_, c)| c.name == target.container) else {
                return Err(Error::usage(format!("{} has no container `{}`", catalog.path.display(), target.container)));
            };
            let entry = built_entry(&store, catalog, target)?;
            let verdict = self.verdict(target, &entry).await?;
            let candidate = candidates.entry(position).or_insert_with(|| Candidate {
                container: container.name.clone(),
                repository: format!("{host}/{}", catalog.registry.repository_of(&container.name)),
                targets: container.targets.clone(),
                images: Vec::new(),
                annotations: container.annotations.clone(),
            });
            let inputs = Builder::inputs(catalog, target, &lock, &self.context.options.folders.cache)?;
            let current = is_current(&entry, inputs);
            candidate.images.push(CandidateImage { target: target.clone(), image: store.image(&entry)?, verdict: Some(verdict), current });
        }
        Ok(candidates.into_values().collect())
    }

    async fn verdict(&self, target: &Target, entry: &Descriptor) -> Result<Verdict> {
        if let Some(verdict) = verdict_of(entry).filter(|verdict| *verdict != Verdict::Fail) {
            return Ok(verdict);
        }
        let image = self.store()?.image(entry)?;
        Ok(self.check(target, image, &self.known(), &self.token).await?.verdict())
    }
}

/// Where a push goes: what the command line says, else what the file says.
fn host_of(catalog: &Catalog, given: Option<&str>) -> Result<String> {
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

    fn manifest_published(&self, container: &ContainerName, digest: &Digest, platform: Option<&Platform>) {
        let kind = EventKind::ManifestPublished { container: container.clone(), digest: *digest, platform: platform.cloned() };
        let _ = self.said.send(kind);
    }

    fn tag_published(&self, container: &ContainerName, reference: &str, digest: &Digest, change: &TagChange) {
        let kind =
            EventKind::TagPublished { container: container.clone(), reference: reference.to_owned(), digest: *digest, change: *change };
        let _ = self.said.send(kind);
    }
}
