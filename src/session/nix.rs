//! The nix builder at work: all of its targets evaluated and built together, each verified as soon as those of its container are there.
//!
//! What a target would be built from is asked of Nix when it is built or pushed: evaluating takes seconds, and a list or a check of what
//! there is should not wait for it. Until then an image counts as current as long as what Nix has built is there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::build::{Made, Shared, built_image};
use super::emitter::{Listener, Listening, Subject};
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::payload::{BuiltImage, Failure, Outcome};
use super::prove::Proven;
use crate::catalog::{Catalog, ContainerName, Target};
use crate::image::Descriptor;
use crate::nix::{self, Building, Derivation, Evaluation, Nix, Wanted};
use crate::{Error, Result};

/// Evaluations at a time, where one breaks those of all and nobody has said how many things may be done at once.
pub(super) const EVALUATIONS: usize = 4;

/// A target that Nix builds, as far as it is.
struct Ordered {
    derivation: Derivation,
    token: CancellationToken,
    began: Instant,
    listening: Option<Listening>,
}

impl Work {
    /// What each of `targets` would be built from now.
    ///
    /// # Errors
    /// Nix cannot be run, or its flake not be read.
    pub(super) async fn derivations(&self, catalog: &Catalog, targets: &[Target], jobs: usize) -> Result<(Nix, Vec<Result<Derivation>>)> {
        self.emit(EventKind::RunPhaseChanged { phase: "evaluate".into() }).await;
        let nix = Nix::find(catalog.folder(), &self.token).await?;
        let evaluation = Evaluation { nix: &nix, settings: &catalog.nix, progress: self.progress.as_ref(), cancel: &self.token };
        let derivations = evaluation.derivations(targets, jobs).await?;
        Ok((nix, derivations))
    }

    /// Builds `targets`, which are Nix's, and verifies them: each with its image and whether the checks passed.
    pub(super) async fn build_nix(&self, shared: &Shared, targets: Vec<Target>, jobs: usize) -> Vec<Proven> {
        if targets.is_empty() {
            return Vec::new();
        }
        let mut gathered = Gathered::new(&targets);
        let mut proofs = FuturesUnordered::new();
        let (nix, derivations) = match self.derivations(&shared.catalog, &targets, shared.jobs).await {
            Ok((nix, derivations)) => (Some(nix), derivations),
            Err(error) => {
                let failure = Failure::from(&error);
                (None, targets.iter().map(|_| Err(again(&failure))).collect())
            }
        };
        let (mut wanted, mut ordered) = (Vec::new(), Vec::new());
        for (target, derivation) in targets.iter().zip(derivations) {
            let token = self.context.token_of(self.run, target);
            let settled = match derivation {
                Err(error) => Some(Err(error)),
                Ok(_) if token.is_cancelled() => Some(Err(Error::interrupted())),
                Ok(derivation) => {
                    let root = self.context.options.folders.cache.join("nix/roots").join(shared.catalog.store_name(target));
                    match self.kept(shared, target, &derivation, &root) {
                        Some(kept) => Some(Ok(kept)),
                        None => {
                            wanted.push(self.order(shared, target, &derivation, &token, root, &mut ordered).await);
                            None
                        }
                    }
                }
            };
            if let Some(settled) = settled {
                let cached = settled.map(|(entry, image)| (entry, Outcome::Cached { image }));
                let entry = self.finish(target, &token, Instant::now(), cached).await;
                proofs.extend(gathered.add(Made { target: target.clone(), entry, token }).map(|made| self.prove_together(shared, made)));
            }
        }
        let mut proven = Vec::new();
        if let (Some(nix), false) = (&nix, wanted.is_empty()) {
            self.emit(EventKind::RunPhaseChanged { phase: "build".into() }).await;
            let building = Building {
                nix,
                settings: &shared.catalog.nix,
                jobs: (jobs > 0).then_some(jobs),
                progress: self.progress.as_ref(),
                cancel: &self.token,
            };
            let (sender, mut settled) = mpsc::unbounded_channel();
            let build = async {
                let built = building.build(&wanted, &sender).await;
                drop(sender);
                built
            };
            let settle = async {
                loop {
                    let (number, built) = tokio::select! {
                        Some(done) = proofs.next() => {
                            proven.extend::<Vec<Proven>>(done);
                            continue;
                        }
                        settled = settled.recv() => match settled {
                            Some(settled) => settled,
                            None => break,
                        },
                    };
                    let made = self.settle(shared, &wanted[number].target, &mut ordered[number], built).await;
                    proofs.extend(gathered.add(made).map(|made| self.prove_together(shared, made)));
                }
            };
            let (built, ()) = tokio::join!(build, settle);
            if let Err(error) = built {
                // Of whom nothing was told: the error is theirs.
                let failure = Failure::from(&error);
                for (wanted, ordered) in wanted.iter().zip(&mut ordered).filter(|(_, ordered)| ordered.listening.is_some()) {
                    let made = self.settle(shared, &wanted.target, ordered, Err(again(&failure))).await;
                    proofs.extend(gathered.add(made).map(|made| self.prove_together(shared, made)));
                }
            }
        }
        proven.extend(proofs.concat().await);
        proven
    }

    /// The image that is there already: built from `derivation`, and kept from being collected.
    fn kept(&self, shared: &Shared, target: &Target, derivation: &Derivation, root: &std::path::Path) -> Option<(Descriptor, BuiltImage)> {
        let entry = shared.before.get(&shared.catalog.store_name(target)).filter(|entry| nix::is_built_from(entry, derivation))?;
        std::fs::read_link(root).ok().filter(|link| *link == derivation.document)?;
        let image = nix::kept_image(&self.store().ok()?, entry).ok()?;
        Some((entry.clone(), built_image(&image, entry)))
    }

    /// Begins a target's log, and says what is wanted of Nix.
    async fn order(
        &self,
        shared: &Shared,
        target: &Target,
        derivation: &Derivation,
        token: &CancellationToken,
        root: PathBuf,
        ordered: &mut Vec<Ordered>,
    ) -> Wanted {
        let log = shared.log_of(target);
        self.emit(EventKind::BuildStarted { target: target.clone(), log: Some(log.clone()) }).await;
        let listening = Listener::start(&self.context.emitter, self.run, Subject::Target(target.clone()), Some(&log));
        let progress = listening.progress();
        // Until Nix comes to it.
        progress.phase("wait");
        progress.line(&format!("{}#{} is {}", shared.catalog.nix.flake, nix::attribute(target), derivation.path));
        let (derivation, cancel) = (derivation.clone(), token.clone());
        ordered.push(Ordered { derivation: derivation.clone(), token: token.clone(), began: Instant::now(), listening: Some(listening) });
        Wanted { target: target.clone(), derivation, root, progress, cancel }
    }

    /// Takes what was built into the store, and tells of it.
    async fn settle(&self, shared: &Shared, target: &Target, ordered: &mut Ordered, built: Result<()>) -> Made {
        let made = match built {
            Ok(()) => self.keep(shared, target, &ordered.derivation).await,
            Err(error) => Err(error),
        };
        if let Some(listening) = ordered.listening.take() {
            listening.finish().await;
        }
        if made.is_ok() {
            let took = ordered.began.elapsed().as_millis() as u64;
            shared.took.lock().unwrap_or_else(PoisonError::into_inner).push((target.clone(), took));
        }
        let entry = self.finish(target, &ordered.token, ordered.began, made).await;
        Made { target: target.clone(), entry, token: ordered.token.clone() }
    }

    async fn keep(&self, shared: &Shared, target: &Target, derivation: &Derivation) -> Result<(Descriptor, Outcome)> {
        let (store, name, derivation) = (self.store()?, shared.catalog.store_name(target), derivation.clone());
        blocking(move || {
            let entry = nix::keep(&store, &name, &derivation)?;
            let image = built_image(&nix::kept_image(&store, &entry)?, &entry);
            Ok((entry, Outcome::Succeeded { image }))
        })
        .await
    }

    /// Tells how a target's build ended; its entry, when there is one.
    async fn finish(
        &self,
        target: &Target,
        token: &CancellationToken,
        began: Instant,
        made: Result<(Descriptor, Outcome)>,
    ) -> Option<Descriptor> {
        let (entry, outcome) = match made {
            Ok((entry, outcome)) => (Some(entry), outcome),
            Err(_) if token.is_cancelled() => (None, Outcome::Cancelled),
            Err(error) => (None, Outcome::Failed(Failure::from(&error))),
        };
        let took = began.elapsed().as_millis() as u64;
        self.emit(EventKind::BuildFinished { target: target.clone(), outcome, took }).await;
        entry
    }
}

/// The same error for another target.
fn again(failure: &Failure) -> Error {
    let error = Error::new(failure.kind, failure.message.clone());
    match &failure.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    }
}

/// Targets that have ended, until all of their container have.
struct Gathered(BTreeMap<ContainerName, (usize, Vec<Made>)>);

impl Gathered {
    fn new(targets: &[Target]) -> Self {
        let mut containers: BTreeMap<ContainerName, (usize, Vec<Made>)> = BTreeMap::new();
        for target in targets {
            containers.entry(target.container.clone()).or_default().0 += 1;
        }
        Gathered(containers)
    }

    /// All of the container, in the order of their architectures, when `made` was the last of them.
    fn add(&mut self, made: Made) -> Option<Vec<Made>> {
        let (expected, so_far) = self.0.get_mut(&made.target.container)?;
        so_far.push(made);
        if so_far.len() < *expected {
            return None;
        }
        let mut all = std::mem::take(so_far);
        all.sort_by(|a, b| a.target.cmp(&b.target));
        Some(all)
    }
}
