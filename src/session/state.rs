//! The state both front ends draw: the only place where events become state.
//!
//! [`State::apply`] is total: any sequence of events, complete or not, in any order, gives a usable state.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::RunId;
use super::activity::{Added, BlobState, Build, Phase, Publication, Run, RunEnd, Trial, Update, Verification};
use super::add::Proposal;
use super::cache::{CacheReport, Pruned};
use super::copy::Copied;
use super::doctor::Diagnosis;
use super::event::{Event, EventKind};
use super::load::Loaded;
use super::payload::{Failure, ImageState, Inspection, LastPublished, Listing, NotCompared, Outcome, TargetSummary};
use crate::catalog::{ContainerName, Target};
use crate::image::Digest;
use crate::progress::Unit;
use crate::release::{NO_TAG, Named, Plan, public_in_words};
use crate::runtime::EngineFacts;
use crate::verify::{self, AppliedWaiver, Report};

/// Everything a front end draws.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The file the catalog came from, once it was read.
    pub catalog: Option<PathBuf>,
    /// `host/path` template of the registry, when there is one.
    pub registry: Option<String>,
    /// Every target, in file order.
    pub targets: Vec<TargetSummary>,
    /// What was published last of each container.
    pub published: BTreeMap<ContainerName, LastPublished>,
    /// Whether the tag rule moves `latest`, and why.
    pub tag_rule: Option<(bool, String)>,
    /// Builds of this session, by target; the latest of each.
    pub builds: BTreeMap<Target, Build>,
    /// Verifications of this session, by subject; the latest of each.
    pub verifications: BTreeMap<String, Verification>,
    /// What the last verification could not read, and why.
    pub unread: Vec<(String, Failure)>,
    /// Waivers that had nothing to do in the last verification.
    pub unused_waivers: Vec<AppliedWaiver>,
    /// Images that were read, by subject and platform; the latest of each.
    pub inspections: BTreeMap<String, Arc<Inspection>>,
    /// Files of images that were listed, by subject; the latest of each.
    pub listings: BTreeMap<String, Arc<Listing>>,
    /// Pairs of images that were compared, by what the user calls them; the latest of each.
    pub compared: BTreeMap<(String, String), Arc<verify::Comparison>>,
    /// What the last comparison left out.
    pub not_compared: Vec<NotCompared>,
    /// What was copied last.
    pub copied: Option<Arc<Copied>>,
    /// The engine that answered last.
    pub engine: Option<EngineFacts>,
    /// Images that were put into an engine, by target; the latest of each.
    pub loads: BTreeMap<Target, Loaded>,
    /// Tests of this session, by target; the latest of each.
    pub tests: BTreeMap<Target, Trial>,
    /// What `doctor` found last.
    pub diagnosis: Option<Arc<Diagnosis>>,
    /// The plan shown last.
    pub plan: Option<Arc<Plan>>,
    /// The publication of this session.
    pub publication: Option<Publication>,
    /// What the last update found.
    pub update: Option<Update>,
    /// What the cache holds, as of the last look.
    pub cache: Option<Arc<CacheReport>>,
    /// What was thrown away last.
    pub pruned: Option<Arc<Pruned>>,
    /// What was looked up last, to be defined.
    pub proposal: Option<Arc<Proposal>>,
    /// What was defined last.
    pub added: Option<Added>,
    /// Every run, by id.
    pub runs: BTreeMap<RunId, Run>,
    /// Milliseconds since the session began, as of the last event.
    pub now: u64,
}

impl State {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        self.now = self.now.max(event.at);
        let run = event.run;
        match &event.kind {
            EventKind::RunStarted { command } => {
                if command == "verify" {
                    self.unread.clear();
                }
                if command == "compare" {
                    self.not_compared.clear();
                }
                self.runs.insert(run, Run { command: command.clone(), started: event.at, ..Run::default() });
            }
            EventKind::CatalogLoaded { path, registry, targets, published } => {
                self.catalog = Some(path.clone());
                self.registry.clone_from(registry);
                self.targets.clone_from(targets);
                self.published.clone_from(published);
            }
            EventKind::TagRuleRead { latest, why } => self.tag_rule = Some((*latest, why.clone())),
            EventKind::LockWritten { changes, .. } => {
                let run = self.runs.entry(run).or_default();
                run.lines.push(changes, event.at);
            }
            EventKind::LockCompared { path, written, packages, changes, warnings } => {
                self.update = Some(Update {
                    path: path.clone(),
                    written: *written,
                    packages: *packages,
                    changes: changes.clone(),
                    warnings: warnings.clone(),
                });
            }
            EventKind::RunPhaseChanged { phase } => {
                let run = self.runs.entry(run).or_default();
                run.phase = Some(phase.clone());
                run.progress = None;
            }
            EventKind::RunOutput { lines } => {
                self.runs.entry(run).or_default().lines.push(lines, event.at);
            }
            EventKind::RunProgressed { done, total, unit } => {
                self.runs.entry(run).or_default().progress = Some((*done, *total, *unit));
            }
            EventKind::BuildQueued { target } => {
                self.builds.insert(target.clone(), Build::new(run));
            }
            EventKind::BuildStarted { target, log } => {
                let build = self.build(target, run);
                build.phase = Phase::Running("start".into());
                build.started = Some(event.at);
                build.log.clone_from(log);
            }
            EventKind::PhaseChanged { target, phase } => {
                let build = self.build(target, run);
                if build.is_open() {
                    build.phase = Phase::Running(phase.clone());
                    build.progress = None;
                }
            }
            EventKind::Progressed { target, done, total, unit } => {
                self.build(target, run).progress = Some((*done, *total, *unit));
            }
            EventKind::OutputReceived { target, lines } => {
                let build = self.build(target, run);
                build.lines.push(lines, event.at);
            }
            EventKind::BuildFinished { target, outcome, took } => {
                let build = self.build(target, run);
                build.phase = Phase::Ended(outcome.clone());
                build.took = Some(*took);
                build.progress = None;
                if let Outcome::Succeeded { image } | Outcome::Cached { image } = outcome {
                    // A cached image keeps the verdict it had; a new one has none until its checks end.
                    let cached = matches!(outcome, Outcome::Cached { .. });
                    if let Some(summary) = self.targets.iter_mut().find(|t| t.target == *target) {
                        let verified = cached && matches!(summary.state, ImageState::Built { verified: true, .. });
                        summary.state = ImageState::Built { image: image.clone(), verified };
                    }
                }
            }
            EventKind::VerifyStarted { subject, target } => {
                self.unused_waivers.clear();
                self.verifications.insert(subject.clone(), Verification { target: target.clone(), ..Verification::default() });
            }
            EventKind::CheckFinished { subject, result } => {
                self.verifications.entry(subject.clone()).or_default().checks.push(result.clone());
            }
            EventKind::VerifyFinished { target, report } => {
                let verification = self.verifications.entry(report.subject.clone()).or_default();
                verification.target.clone_from(target);
                verification.checks.clone_from(&report.checks);
                verification.report = Some(Arc::clone(report));
                let passed = report.verdict() < crate::verify::Verdict::Fail;
                let summary = self.targets.iter_mut().find(|t| Some(&t.target) == target.as_ref());
                if let Some(ImageState::Built { image, verified }) = summary.map(|s| &mut s.state)
                    && image.digest == report.digest
                {
                    *verified = passed;
                }
            }
            EventKind::VerifyFailed { subject, failure } => {
                self.verifications.retain(|of, verification| of != subject || verification.report.is_some());
                let line = format!("{subject} could not be read: {}", failure.message);
                self.runs.entry(run).or_default().lines.push(&[line], event.at);
                self.unread.push((subject.clone(), failure.clone()));
            }
            EventKind::WaiversUnused { waivers } => self.unused_waivers.clone_from(waivers),
            EventKind::Inspected { inspection } => {
                self.inspections.insert(inspection.subject.clone(), Arc::clone(inspection));
            }
            EventKind::FilesListed { listing } => {
                self.listings.insert(listing.subject.clone(), Arc::clone(listing));
            }
            EventKind::Compared { comparison } => {
                let pair = (comparison.left.subject.clone(), comparison.right.subject.clone());
                self.compared.insert(pair, Arc::clone(comparison));
            }
            EventKind::CompareSkipped { skipped } => self.not_compared.push(skipped.clone()),
            EventKind::Copied { copied } => self.copied = Some(Arc::clone(copied)),
            EventKind::EngineFound { engine } => self.engine = Some(engine.clone()),
            // One image after the other: how far it is, is how far the run is.
            EventKind::LoadStarted { target, .. } => {
                let run = self.runs.entry(run).or_default();
                (run.phase, run.progress) = (Some(format!("load {target}")), None);
            }
            EventKind::LoadProgressed { done, total, .. } => {
                self.runs.entry(run).or_default().progress = Some((*done, *total, Unit::Bytes));
            }
            EventKind::Loaded { loaded, .. } => {
                self.runs.entry(run).or_default().progress = None;
                self.loads.insert(loaded.target.clone(), loaded.clone());
            }
            EventKind::TestStarted { target, command, log } => {
                self.runs.entry(run).or_default().phase = Some("test".into());
                let trial = Trial { run, command: command.clone(), started: event.at, log: log.clone(), ..Trial::default() };
                self.tests.insert(target.clone(), trial);
            }
            EventKind::TestOutput { target, lines } => {
                self.tests.entry(target.clone()).or_default().lines.push(lines, event.at);
            }
            EventKind::TestFinished { target, outcome, took } => {
                let trial = self.tests.entry(target.clone()).or_default();
                (trial.outcome, trial.took) = (Some(outcome.clone()), Some(*took));
            }
            EventKind::CacheSurveyed { report } => self.cache = Some(Arc::clone(report)),
            EventKind::CachePruned { pruned } => self.pruned = Some(Arc::clone(pruned)),
            EventKind::ContainerProposed { proposal } => self.proposal = Some(Arc::clone(proposal)),
            EventKind::ContainerAdded { path, container, line } => {
                self.added = Some(Added { path: path.clone(), container: container.clone(), line: *line });
            }
            EventKind::Diagnosed { diagnosis } => self.diagnosis = Some(Arc::clone(diagnosis)),
            EventKind::ReleasePlanned { plan } => self.plan = Some(Arc::clone(plan)),
            EventKind::PublishStarted { version, bytes } => {
                self.publication = Some(Publication { run, version: version.clone(), bytes: *bytes, ..Publication::default() });
            }
            EventKind::BlobProgressed { container, digest, sent, total } => {
                let blob = self.blob(run, container, *digest);
                (blob.sent, blob.total) = (*sent, *total);
            }
            EventKind::BlobFinished { container, digest, size, present } => {
                *self.blob(run, container, *digest) = BlobState { sent: *size, total: *size, done: true, present: *present };
            }
            EventKind::ManifestPublished { container, digest, .. } => {
                self.publication(run).manifests.push((container.clone(), *digest));
            }
            EventKind::TagPublished { reference, digest, .. } => {
                self.publication(run).tags.push((reference.clone(), *digest));
            }
            EventKind::TagRolledBack { reference, .. } => {
                self.publication(run).tags.retain(|(set, _)| set != reference);
            }
            EventKind::ReleaseFinished { receipt, path } => {
                let publication = self.publication(run);
                publication.receipt = Some(Arc::clone(receipt));
                publication.receipt_path.clone_from(path);
                self.published.extend(LastPublished::of(receipt, 0));
            }
            EventKind::RunFinished { failed, .. } => {
                self.runs.entry(run).or_default().end = Some(RunEnd::Finished { failed: *failed });
            }
            EventKind::RunFailed { failure } => {
                self.runs.entry(run).or_default().end = Some(RunEnd::Failed(failure.clone()));
                if let Some(publication) = &mut self.publication
                    && publication.run == run
                    && publication.receipt.is_none()
                {
                    publication.failure = Some(failure.clone());
                }
            }
        }
    }

    /// The summary of `target`.
    pub fn target(&self, target: &Target) -> Option<&TargetSummary> {
        self.targets.iter().find(|t| t.target == *target)
    }

    /// The latest report of one of our targets.
    pub fn report(&self, target: &Target) -> Option<&Arc<Report>> {
        self.verifications.values().filter(|v| v.target.as_ref() == Some(target)).find_map(|v| v.report.as_ref())
    }

    /// What was read of one of our targets: of its present image when that was read, else of the one before.
    pub fn inspection(&self, target: &Target) -> Option<&Arc<Inspection>> {
        let present = self.target(target).and_then(|t| match &t.state {
            ImageState::Never => None,
            ImageState::Built { image, .. } | ImageState::Stale { image } => Some(image.digest),
        });
        let mine = || self.inspections.values().filter(|i| i.target.as_ref() == Some(target));
        mine().find(|i| Some(i.digest) == present).or_else(|| mine().next())
    }

    /// Whether `run` publishes, and has come to its tags.
    pub fn is_tagging(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|run| matches!(run.phase.as_deref(), Some("tags" | "proof")))
    }

    /// What is public of the release that `run` publishes, in words, as far as its events have told; `None` when it publishes none.
    pub fn public_of(&self, run: RunId) -> Option<String> {
        let publication = self.publication.as_ref().filter(|publication| publication.run == run)?;
        if !self.is_tagging(run) {
            return Some(NO_TAG.into());
        }
        let planned = self.plan.iter().flat_map(|plan| &plan.containers);
        let tags = planned.flat_map(|c| c.all_tags().map(move |tag| (format!("{}:{}", c.repository, tag.tag), tag.to)));
        let asked: Vec<Named> = tags.filter(|(tag, _)| !publication.tags.iter().any(|(set, _)| set == tag)).collect();
        Some(public_in_words(&publication.tags, &asked, 0))
    }

    /// What is left of `run` when nobody waits for its end, in words: what is public of a release, a container that may still run.
    pub fn left_by(&self, run: RunId) -> Option<String> {
        let tried = self.tests.values().any(|trial| trial.run == run && trial.outcome.is_none());
        let container = || "its container may still be there: `docker ps -a --filter label=dev.catamaran.test`".to_owned();
        self.public_of(run).or_else(|| tried.then(container))
    }

    /// Runs that are still going.
    pub fn running(&self) -> impl Iterator<Item = (&RunId, &Run)> {
        self.runs.iter().filter(|(_, run)| run.is_running())
    }

    fn build(&mut self, target: &Target, run: RunId) -> &mut Build {
        self.builds.entry(target.clone()).or_insert_with(|| Build::new(run))
    }

    fn publication(&mut self, run: RunId) -> &mut Publication {
        self.publication.get_or_insert_with(|| Publication { run, ..Publication::default() })
    }

    fn blob(&mut self, run: RunId, container: &ContainerName, digest: Digest) -> &mut BlobState {
        let fresh = BlobState { sent: 0, total: 0, done: false, present: false };
        self.publication(run).blobs.entry((container.clone(), digest)).or_insert(fresh)
    }
}
