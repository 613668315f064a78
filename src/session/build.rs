//! Building: lock once for all, then every target under a limit, verified as soon as all of its container are made.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::future::{FutureExt, LocalBoxFuture, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::emitter::{Listener, Subject};
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::history::{Durations, last_published};
use super::noted::is_verified;
use super::payload::{BuiltImage, Failure, ImageState, Outcome, TargetSummary};
use super::prove::Proven;
use super::siblings::Family;
use super::{BuildRequest, RunId};
use crate::catalog::{BuilderKind, Catalog, ContainerName, DebianSettings, Target};
use crate::debian::{self, Archive, Builder, Fetcher, Lock, LockedPackage, PackageFiles};
use crate::image::{Descriptor, Digest, Image, Index, LayerRecords, REF_NAME, Store, media_type};
use crate::nix::kept_image;
use crate::registry::Variables;
use crate::release;
use crate::verify::Known;
use crate::{Error, Kind, Result};

/// Entry annotation: what decided the image's bytes. Equal inputs are not built again.
const INPUTS: &str = "dev.catamaran.inputs";
/// Entry annotation: how many packages are in it.
const PACKAGES: &str = "dev.catamaran.packages";

/// The Debian archives of a session, with the settings they were opened for.
#[derive(Clone)]
pub(super) struct Workshop {
    settings: DebianSettings,
    archive: Arc<Archive>,
}

/// A target that was built: what the store has of it, nothing when that failed; and what cancels it.
pub(super) struct Made {
    pub(super) target: Target,
    pub(super) entry: Option<Descriptor>,
    pub(super) token: CancellationToken,
}

/// What all targets of one build have in common.
pub(super) struct Shared {
    pub(super) catalog: Arc<Catalog>,
    pub(super) lock: Arc<Lock>,
    /// The store's entries by name, as the build found them.
    pub(super) before: HashMap<String, Descriptor>,
    tools: Option<(Workshop, Builder)>,
    pub(super) known: Known,
    /// The folder of the targets' logs.
    logs: PathBuf,
    /// How many things may be done at a time.
    pub(super) jobs: usize,
    /// So many targets are built at a time,
    builds: Semaphore,
    /// and so many containers verified; those do not wait for all that is to be built.
    pub(super) proofs: Semaphore,
    /// How long what was made took, in milliseconds.
    pub(super) took: Mutex<Vec<(Target, u64)>>,
}

impl Shared {
    /// The file of a target's log.
    pub(super) fn log_of(&self, target: &Target) -> PathBuf {
        self.logs.join(format!("{}.{}.log", target.container, target.architecture))
    }
}

impl Work {
    /// Reports every target with what the local store has of it.
    pub(super) async fn load_catalog(&self) -> Result<()> {
        let catalog = self.catalog()?;
        let store = self.store()?;
        let lock = debian::read_lock(&catalog.lock_path())?.unwrap_or_default();
        let entries = store.entries()?;
        // What there is of each target, and whether it is what would be made now. A local file that is missing makes an image
        // stale; why, a build says.
        let state = |target: Target| {
            let name = catalog.store_name(&target);
            let entry = entries.iter().find(|d| is_named(d, &name));
            let current = entry.is_some_and(|entry| self.is_current_now(&catalog, &lock, &target, entry));
            (target, (entry, current))
        };
        let states: BTreeMap<Target, (Option<&Descriptor>, bool)> = catalog.targets().into_iter().map(state).collect();
        let state_of = |target: &Target| states.get(target).copied().unwrap_or_default();
        let is_current_of = |target: &Target, _: &Descriptor| state_of(target).1;
        let family = Family { catalog: &catalog, together: &BTreeSet::new(), is_current: &is_current_of };
        let durations = Durations::read(&self.context.options.folders, &catalog);
        let targets = catalog
            .containers
            .iter()
            .flat_map(|container| {
                container.targets.iter().map(move |architecture| (container, Target::new(container.name.clone(), *architecture)))
            })
            .map(|(container, target)| {
                let (entry, current) = state_of(&target);
                let state = match entry.map(|entry| (entry, kept_image(&store, entry).map(|image| built_image(&image, entry)))) {
                    Some((entry, Ok(image))) if current => {
                        let kin = family.kin(&target, |target| state_of(target).0.cloned());
                        let waivers = catalog.waivers_of(target.container.as_str());
                        ImageState::Built { image, verified: is_verified(entry, &waivers, kin.against()) }
                    }
                    Some((_, Ok(image))) => ImageState::Stale { image },
                    Some((_, Err(_))) | None => ImageState::Never,
                };
                TargetSummary {
                    builder: container.builder,
                    packages: container.packages().to_vec(),
                    entrypoint: container.entrypoint.clone(),
                    line: container.line,
                    usual: durations.usual(&target),
                    target,
                    state,
                }
            })
            .collect();
        let registry = catalog.registry.host.as_ref().map(|host| match &catalog.registry.repository {
            Some(repository) => format!("{host}/{repository}"),
            None => format!("{host}/{{container}}"),
        });
        let published = last_published(&self.context.options.folders, &catalog);
        self.emit(EventKind::CatalogLoaded { path: catalog.path.clone(), registry, targets, published }).await;
        // Asking git takes longer than all of the above: what can be shown already is.
        let (latest, why) = release::moves_latest(catalog.folder(), &Variables::of_process()).await;
        self.emit(EventKind::TagRuleRead { latest, why }).await;
        Ok(())
    }

    /// Builds what is asked for, and says how many targets failed to build or to verify. Targets fail one by one; only what
    /// concerns all (the lock) is an error here.
    pub(super) async fn build(&self, request: &BuildRequest) -> Result<usize> {
        self.build_images(request).await.map(|(failed, _)| failed)
    }

    /// The same, with what there is now of every target that was built or had not changed.
    pub(super) async fn build_images(&self, request: &BuildRequest) -> Result<(usize, Vec<(Target, Descriptor)>)> {
        let catalog = Arc::new(self.catalog()?);
        let targets = if request.targets.is_empty() { catalog.targets() } else { request.targets.clone() };
        for target in &targets {
            self.emit(EventKind::BuildQueued { target: target.clone() }).await;
        }
        let debian: Vec<Target> = targets.iter().filter(|t| catalog.builder_of(t) == BuilderKind::Debian).cloned().collect();
        let (lock, unresolved) = match self.lock_each(&catalog, &debian, request.locked).await {
            Ok((lock, unresolved)) => (Arc::new(lock), unresolved),
            Err(error) => {
                // Nothing can be built without a lock; no target may stay queued for ever.
                for target in &targets {
                    let outcome = if self.token.is_cancelled() { Outcome::Cancelled } else { Outcome::Failed(Failure::from(&error)) };
                    self.emit(EventKind::BuildFinished { target: target.clone(), outcome, took: 0 }).await;
                }
                return Err(error);
            }
        };
        for target in targets.iter().filter(|t| unresolved.contains_key(&t.container)) {
            let outcome = Outcome::Failed(unresolved[&target.container].clone());
            self.emit(EventKind::BuildFinished { target: target.clone(), outcome, took: 0 }).await;
        }
        let mut failed = targets.iter().filter(|t| unresolved.contains_key(&t.container)).count();
        let targets: Vec<Target> = targets.into_iter().filter(|t| !unresolved.contains_key(&t.container)).collect();
        let before = self.entries_by_name().await?;
        // A builder for every run: what it remembers of the cache is forgotten with it.
        let known = self.known();
        let tools = match debian.is_empty() {
            true => None,
            false => {
                let (cache, records) =
                    (self.context.options.folders.cache.clone(), LayerRecords::new(self.context.options.folders.content()));
                Some((self.workshop(&catalog)?, Builder::new(cache, self.store()?, records, known.witnessed.clone())))
            }
        };
        let jobs = match request.jobs {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            jobs => jobs,
        };
        let shared = Shared {
            catalog: catalog.clone(),
            lock,
            before,
            tools,
            known,
            logs: self.log_folder(),
            jobs,
            builds: Semaphore::new(jobs),
            proofs: Semaphore::new(jobs),
            took: Mutex::default(),
        };
        let mut seen = BTreeSet::new();
        let (nix, targets_of_debian): (Vec<Target>, Vec<Target>) =
            targets.iter().cloned().partition(|target| catalog.builder_of(target) == BuilderKind::Nix);
        let mut running: FuturesUnordered<LocalBoxFuture<'_, Vec<Proven>>> = targets_of_debian
            .iter()
            .map(|target| &target.container)
            .filter(|container| seen.insert(*container))
            .map(|container| {
                let targets = targets_of_debian.iter().filter(|target| target.container == *container).collect();
                self.build_container(&shared, targets).boxed_local()
            })
            .collect();
        running.push(self.build_nix(&shared, nix, request.jobs).boxed_local());
        let mut images: BTreeMap<Target, Descriptor> = BTreeMap::new();
        while let Some(built) = running.next().await {
            failed += built.iter().filter(|(_, image)| !matches!(image, Some((_, true)))).count();
            images.extend(built.into_iter().filter_map(|(target, image)| image.map(|(image, _)| (target, image))));
        }
        drop(running);
        let made = std::mem::take(&mut *shared.took.lock().unwrap_or_else(PoisonError::into_inner));
        if !made.is_empty() {
            Durations::read(&self.context.options.folders, &catalog).remember(made);
        }
        self.check_cancelled()?;
        let images: Vec<(Target, Descriptor)> =
            targets.iter().filter_map(|target| images.remove(target).map(|image| (target.clone(), image))).collect();
        if let Some(folder) = &request.out {
            self.write_out(&catalog, folder.clone(), images.clone()).await?;
        }
        Ok((failed, images))
    }

    /// The lock that covers `targets`; containers whose packages cannot be had are left out of it and named with the reason,
    /// so that one of them does not hold up the others.
    async fn lock_each(&self, catalog: &Catalog, targets: &[Target], locked: bool) -> Result<(Lock, BTreeMap<ContainerName, Failure>)> {
        let own_fault = |error: &Error| matches!(error.kind(), Kind::Usage | Kind::Failed);
        let together = match self.lock(catalog, targets, locked).await {
            Ok(lock) => return Ok((lock, BTreeMap::new())),
            Err(error) => error,
        };
        let containers: BTreeSet<&ContainerName> = targets.iter().map(|t| &t.container).collect();
        if locked || containers.len() < 2 || self.token.is_cancelled() || !own_fault(&together) {
            return Err(together);
        }
        let (mut lock, mut unresolved) = (None, BTreeMap::new());
        for container in containers {
            let own: Vec<Target> = targets.iter().filter(|t| t.container == *container).cloned().collect();
            match self.lock(catalog, &own, locked).await {
                Ok(whole) => lock = Some(whole),
                Err(error) if own_fault(&error) && !self.token.is_cancelled() => {
                    unresolved.insert(container.clone(), Failure::from(&error));
                }
                Err(error) => return Err(error),
            }
        }
        lock.map(|lock| (lock, unresolved)).ok_or(together)
    }

    /// The lock that covers `targets`, renewed when it has to be.
    pub(super) async fn lock(&self, catalog: &Catalog, targets: &[Target], locked: bool) -> Result<Lock> {
        if targets.is_empty() {
            return Ok(Lock::default());
        }
        let workshop = self.workshop(catalog)?;
        let (lock, changes) = workshop.archive.lock(catalog, targets, locked, self.progress.as_ref(), &self.token).await?;
        if let Some(changes) = changes {
            self.emit(EventKind::LockWritten { path: catalog.lock_path(), packages: lock.packages.len(), changes }).await;
        }
        Ok(lock)
    }

    /// Builds targets of one container, and verifies them as soon as all are made, for they are held against each other: each with
    /// its image and whether the checks passed, or nothing when there is none.
    async fn build_container(&self, shared: &Shared, targets: Vec<&Target>) -> Vec<Proven> {
        let made = targets.into_iter().map(|target| async move {
            let token = self.context.token_of(self.run, target);
            let _permit = tokio::select! {
                permit = shared.builds.acquire() => permit.ok(),
                () = token.cancelled() => None,
            };
            Made { target: target.clone(), entry: self.build_one(shared, target, &token).await, token }
        });
        self.prove_together(shared, join_all(made).await).await
    }

    /// Builds one target; nothing when it failed.
    async fn build_one(&self, shared: &Shared, target: &Target, token: &CancellationToken) -> Option<Descriptor> {
        let Shared { catalog, lock, before, tools, .. } = shared;
        let began = Instant::now();
        let took = || began.elapsed().as_millis() as u64;
        let finished = |outcome: Outcome| EventKind::BuildFinished { target: target.clone(), outcome, took: took() };
        if token.is_cancelled() {
            self.emit(finished(Outcome::Cancelled)).await;
            return None;
        }
        match self.cached(catalog, target, lock, before).await {
            Ok(Some((entry, image))) => {
                self.emit(finished(Outcome::Cached { image })).await;
                return Some(entry);
            }
            Ok(None) => {}
            Err(error) => {
                self.emit(finished(Outcome::Failed(Failure::from(&error)))).await;
                return None;
            }
        }
        let log = shared.log_of(target);
        self.emit(EventKind::BuildStarted { target: target.clone(), log: Some(log.clone()) }).await;
        let listening = Listener::start(&self.context.emitter, self.run, Subject::Target(target.clone()), Some(&log));
        let progress = listening.progress();
        let made = match tools {
            Some((workshop, builder)) => {
                let files = Files { fetcher: workshop.archive.fetcher().of(lock) };
                tokio::select! {
                    made = builder.build(catalog, target, lock, &files, progress, token) => made,
                    () = token.cancelled() => Err(Error::interrupted()),
                }
            }
            None => Err(Error::bug(format!("{target} was given to the debian builder, which was not wanted"))),
        };
        listening.finish().await;
        let made = match made {
            Ok(descriptor) => {
                self.store().and_then(|store| store.image(&descriptor)).map(|image| (built_image(&image, &descriptor), descriptor))
            }
            Err(error) => Err(error),
        };
        match made {
            Ok((image, descriptor)) => {
                shared.took.lock().unwrap_or_else(PoisonError::into_inner).push((target.clone(), took()));
                self.emit(finished(Outcome::Succeeded { image })).await;
                Some(descriptor)
            }
            Err(error) => {
                let outcome = if token.is_cancelled() { Outcome::Cancelled } else { Outcome::Failed(Failure::from(&error)) };
                self.emit(finished(outcome)).await;
                None
            }
        }
    }

    /// Every named entry of the store, read once: with hundreds of targets, reading the index for each would take longest.
    pub(super) async fn entries_by_name(&self) -> Result<HashMap<String, Descriptor>> {
        let store = self.store()?;
        blocking(move || {
            let entries = store.entries()?.into_iter();
            Ok(entries.filter_map(|entry| Some((entry.annotations.get(REF_NAME)?.clone(), entry))).collect())
        })
        .await
    }

    /// The image of `target`, when the store had it whole `before` and nothing that decides its bytes has changed.
    async fn cached(
        &self,
        catalog: &Arc<Catalog>,
        target: &Target,
        lock: &Arc<Lock>,
        before: &HashMap<String, Descriptor>,
    ) -> Result<Option<(Descriptor, BuiltImage)>> {
        let (store, cache, entry) =
            (self.store()?, self.context.options.folders.cache.clone(), before.get(&catalog.store_name(target)).cloned());
        let (catalog, target, lock) = (catalog.clone(), target.clone(), lock.clone());
        blocking(move || {
            // Also where there is no image yet: a local file that is missing is the first thing to say.
            let inputs = Builder::inputs(&catalog, &target, &lock, &cache)?;
            let Some(entry) = entry.filter(|entry| is_current(entry, inputs)) else { return Ok(None) };
            // A manifest or config that is gone or damaged is made again like a layer that is.
            let Ok(image) = store.image(&entry) else { return Ok(None) };
            if !image.manifest.blobs().all(|blob| store.has(blob)) {
                return Ok(None);
            }
            let image = built_image(&image, &entry);
            Ok(Some((entry, image)))
        })
        .await
    }

    /// Writes images into an OCI image layout of the user's: each under its target's name, and for every container
    /// the index that joins them under the container's.
    async fn write_out(&self, catalog: &Arc<Catalog>, folder: PathBuf, images: Vec<(Target, Descriptor)>) -> Result<()> {
        self.emit(EventKind::RunPhaseChanged { phase: "out".into() }).await;
        let (store, catalog) = (self.store()?, catalog.clone());
        blocking(move || {
            let out = Store::open(&folder)?;
            let mut containers: Vec<(ContainerName, Vec<Descriptor>)> = Vec::new();
            for (target, entry) in &images {
                let image = kept_image(&store, entry)?;
                out.import(&target.to_string(), &image)?;
                let mut member = Descriptor::new(entry.media_type.clone(), entry.digest, entry.size);
                member.platform = Some(image.platform());
                match containers.iter_mut().find(|(name, _)| *name == target.container) {
                    Some((_, members)) => members.push(member),
                    None => containers.push((target.container.clone(), vec![member])),
                }
            }
            for (name, members) in containers {
                let annotations = catalog.container(name.as_str()).map(|c| c.annotations.clone()).unwrap_or_default();
                let index = Index::new(members, annotations).to_bytes();
                out.put(&index)?;
                out.publish(name.as_str(), Descriptor::of(media_type::INDEX, &index))?;
            }
            Ok(())
        })
        .await
    }

    /// The Debian archives of this session; opened anew when the settings have changed.
    fn workshop(&self, catalog: &Catalog) -> Result<Workshop> {
        let mut slot = self.context.workshop.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(workshop) = slot.as_ref().filter(|w| w.settings == catalog.debian) {
            workshop.archive.tell(self.progress.clone());
            return Ok(workshop.clone());
        }
        let cache = &self.context.options.folders.cache;
        let workshop = Workshop {
            settings: catalog.debian.clone(),
            archive: Arc::new(Archive::new(&catalog.debian, catalog.folder(), cache.clone())?),
        };
        workshop.archive.tell(self.progress.clone());
        *slot = Some(workshop.clone());
        Ok(workshop)
    }

    /// The archives that `catalog` names.
    pub(super) fn archive(&self, catalog: &Catalog) -> Result<Arc<Archive>> {
        Ok(self.workshop(catalog)?.archive)
    }

    pub(super) fn log_folder(&self) -> PathBuf {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let RunId(run) = self.run;
        self.context.options.folders.state.join("runs").join(format!("{now}-{}-{run}", std::process::id()))
    }
}

/// Package files come from the archive.
pub(super) struct Files {
    pub(super) fetcher: Fetcher,
}

impl PackageFiles for Files {
    fn fetch<'a>(&'a self, package: &'a LockedPackage, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<PathBuf>> {
        Box::pin(async move { self.fetcher.fetch(package, &|_| {}, cancel).await })
    }
}

fn is_named(entry: &Descriptor, name: &str) -> bool {
    entry.annotations.get(REF_NAME).is_some_and(|noted| noted == name)
}

/// Whether the entry was made from exactly `inputs`.
pub(super) fn is_current(entry: &Descriptor, inputs: Option<Digest>) -> bool {
    inputs.is_some_and(|inputs| entry.annotations.get(INPUTS).is_some_and(|noted| *noted == inputs.to_string()))
}

pub(super) fn built_image(image: &Image, entry: &Descriptor) -> BuiltImage {
    BuiltImage {
        digest: entry.digest,
        size: image.size(),
        layers: image.manifest.layers.len(),
        packages: entry.annotations.get(PACKAGES).and_then(|n| n.parse().ok()).unwrap_or(0),
        entrypoint: image.config.config.entrypoint.clone(),
    }
}
