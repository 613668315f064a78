//! Builds the image of a target: packages → segments → layers → image, each step done once for all who need it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{LocalBoxFuture, try_join_all};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::image_config::{Built, entrypoint, image_config};
use super::layer::{self, CachedLayer, ImagePlan, LayerPlan, Part};
use super::local::{self, Accounts};
use super::members::{Members, inputs, members};
use super::script::Emulations;
use super::segment::{self, Making, Segment, Workers};
use super::single_flight::SingleFlight;
use super::turn::Turn;
use super::{Lock, LockedPackage};
use crate::catalog::{Catalog, LayerCompression, Target};
use crate::error::IoContext;
use crate::image::{Descriptor, Digest, LayerRecords, Manifest, Platform, REF_NAME, ScriptRecords, Store, Witnessed, media_type};
use crate::progress::{Progress, Unit, bytes, count};
use crate::{Error, Result};

/// Packages asked for at a time; the fetcher has its own limit on connections.
const FETCHES: usize = 16;
/// Facts of segments loaded in one go.
const SHARE: usize = 16;

/// Where .deb files come from.
pub trait PackageFiles: Send + Sync {
    /// The path of the .deb of `package`, fetched when it is not there yet. Its SHA-256 is checked again when it is read; a file that is
    /// not what is locked is removed then, and asked for once more.
    fn fetch<'a>(&'a self, package: &'a LockedPackage, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<PathBuf>>;
}

/// Builds images into a store. One per session: targets built at the same time share their segments and layers.
#[derive(Clone)]
pub struct Builder(Arc<Shared>);

struct Shared {
    cache: PathBuf,
    segments_folder: PathBuf,
    layers_folder: PathBuf,
    store: Store,
    records: LayerRecords,
    scripts: ScriptRecords,
    witnessed: Witnessed,
    /// Facts of segments that are in the cache.
    segments: Mutex<HashMap<(Digest, LayerCompression), Arc<Segment>>>,
    made: SingleFlight<(Digest, LayerCompression), ()>,
    layers: SingleFlight<Digest, CachedLayer>,
    workers: Workers,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("store", &self.0.store).finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder that keeps segments, layer recipes, hashes of local files and what became of scripts below `cache`
    /// (`debian/segments`, `debian/layers`, `debian/local`, `debian/scripts`) and images in `store`. What is inside the layers
    /// it writes goes to `records`; their digests, to `witnessed`. It uses every core.
    pub fn new(cache: PathBuf, store: Store, records: LayerRecords, witnessed: Witnessed) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_cores(cache, store, records, witnessed, cores)
    }

    /// Like [`Builder::new`], with a number of cores to use. The images are the same for any number.
    pub fn with_cores(cache: PathBuf, store: Store, records: LayerRecords, witnessed: Witnessed, cores: usize) -> Self {
        Builder(Arc::new(Shared {
            segments_folder: cache.join("debian/segments"),
            layers_folder: cache.join("debian/layers"),
            scripts: ScriptRecords::new(cache.join("debian/scripts")),
            cache,
            store,
            records,
            witnessed,
            segments: Mutex::default(),
            made: SingleFlight::default(),
            layers: SingleFlight::default(),
            workers: Workers::new(cores),
        }))
    }

    /// The digest of everything that decides the bytes of `target`'s image: its definition, its packages, our formats.
    /// `None` when the catalog or the lock does not have it, or the lock is not whole. Hashes of large local files are
    /// remembered below `cache`.
    ///
    /// # Errors
    /// A usage error when a local file is missing or cannot go into an image, or emulations cannot be read.
    pub fn inputs(catalog: &Catalog, target: &Target, lock: &Lock, cache: &Path) -> Result<Option<Digest>> {
        let Some(container) = catalog.container(target.container.as_str()) else { return Ok(None) };
        let Some(Ok(members)) = members(lock, target) else { return Ok(None) };
        let local = local::gather(catalog.folder(), container, target, cache)?;
        Ok(Some(inputs(container, target, &members, &local, &Emulations::of(catalog)?)))
    }

    /// Builds `target` from its locked packages and publishes the image in the store under [`Catalog::store_name`].
    ///
    /// The descriptor carries the platform and the annotations `dev.catamaran.inputs` and `dev.catamaran.packages`.
    pub async fn build(
        &self,
        catalog: &Catalog,
        target: &Target,
        lock: &Lock,
        packages: &dyn PackageFiles,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<Descriptor> {
        let container = catalog
            .container(target.container.as_str())
            .ok_or_else(|| Error::usage(format!("there is no container `{}` in {}", target.container, catalog.path.display())))?;
        let members = members(lock, target).ok_or_else(|| {
            Error::failed(format!("containers.lock has no packages for {target}")).hint("delete containers.lock and build again")
        })??;
        let how = container.compression;
        // Before anything is fetched: a missing file is the user's next thing to do, not a minute from now.
        let local = {
            let (folder, container) = (catalog.folder().to_owned(), container.clone());
            let (target, cache) = (target.clone(), self.0.cache.clone());
            Arc::new(blocking(move || local::gather(&folder, &container, &target, &cache)).await??)
        };
        let emulations = Arc::new(Emulations::of(catalog)?);
        let segments = self.segments(&members, how, packages, &progress, cancel).await?;
        let (base, application) = segments.split_at(members.base.len());

        progress.phase("layers");
        let ImagePlan { layers: plans, root } = {
            let (base, application, local, emulations) = (base.to_vec(), application.to_vec(), local.clone(), emulations.clone());
            let count = container.layers.map_or(2, |layers| layers as usize);
            let plan = move || layer::plan(&base, &application, &local, &emulations, count);
            self.0.workers.make(plan).await.map_err(|error| error.context(target))?
        };
        if let Some(user) = &container.user {
            Accounts::of(&root)?.ids(user).map_err(|error| error.context(format!("{target}: `user`")))?;
        }
        // Before the layers are written, as long as nothing is lost by an error.
        let entrypoint = entrypoint(container, target, &root, if application.is_empty() { base } else { application })?;
        let mut layers = Vec::new();
        for plan in plans {
            let plan = Arc::new(plan);
            plan.remarks.iter().for_each(|remark| progress.line(remark));
            let layer = self.layer(&plan, how, cancel).await?;
            let own = match plan.local {
                0 => String::new(),
                files => format!(" · {}", count(files, "local file")),
            };
            let what = if plan.part == Part::Rest { "generated files".to_owned() } else { count(plan.packages, "package") };
            progress.line(&format!("layer {} · {what}{own} · {}", layer.digest.short(), bytes(layer.size)));
            layers.push(Built { plan, layer });
        }

        progress.phase("image");
        let config = image_config(container, target, entrypoint, &members, &layers).to_bytes();
        let blobs: Vec<Descriptor> = layers.iter().map(|built| built.layer.descriptor()).collect();
        let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config), blobs, container.annotations.clone()).to_bytes();
        let mut descriptor = Descriptor::of(media_type::MANIFEST, &manifest);
        descriptor.platform = Some(Platform::linux(target.architecture));
        let digest = inputs(container, target, &members, &local, &emulations);
        let (store, name, count) = (self.0.store.clone(), catalog.store_name(target), segments.len());
        let (records, scripts) = (self.0.scripts.clone(), root.scripts);
        blocking(move || {
            store.put(&config)?;
            store.put(&manifest)?;
            records.keep(&descriptor.digest, &scripts)?;
            // What was found out about the very same image stays true.
            let known = store.find(&name)?.filter(|entry| entry.digest == descriptor.digest);
            descriptor.annotations = known.map(|entry| entry.annotations).unwrap_or_default();
            descriptor.annotations.insert("dev.catamaran.inputs".into(), digest.to_string());
            descriptor.annotations.insert("dev.catamaran.packages".into(), count.to_string());
            descriptor.annotations.insert(REF_NAME.into(), name.clone());
            store.publish(&name, descriptor.clone())?;
            Ok(descriptor)
        })
        .await?
    }

    /// The segments of all packages, base first, in the order of the lock.
    ///
    /// What is missing is made first, then the facts of it are loaded: held while others are made, they would lie among the
    /// decoders' large dictionaries and keep the memory of these from being used again.
    pub(super) async fn segments(
        &self,
        members: &Members<'_>,
        how: LayerCompression,
        packages: &dyn PackageFiles,
        progress: &Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Arc<Segment>>> {
        let all: Vec<&LockedPackage> = members.base.iter().chain(&members.application).copied().collect();
        let total = all.len() as u64;
        self.load(&all, how).await?;
        let mut missing = all.clone();
        missing.retain(|package| self.loaded(package, how).is_none());
        // The largest take longest; begun last, they would keep one core busy while the others have nothing left to do.
        missing.sort_by_key(|package| std::cmp::Reverse(package.size));
        let there = total - missing.len() as u64;
        let (fetched, done) = (AtomicU64::new(there), AtomicU64::new(there));
        progress.phase(if missing.is_empty() { "segments" } else { "fetch" });
        progress.amount(there, total, Unit::Packages);
        let (fetched, done) = (&fetched, &done);
        stream::iter(&missing)
            .map(|package| async move {
                let made = self.make(package, how, packages, progress, cancel, || {
                    if fetched.fetch_add(1, Ordering::Relaxed) + 1 == total {
                        progress.phase("segments");
                        progress.amount(done.load(Ordering::Relaxed), total, Unit::Packages);
                    }
                });
                made.await?;
                progress.amount(done.fetch_add(1, Ordering::Relaxed) + 1, total, Unit::Packages);
                Ok::<_, Error>(())
            })
            .buffer_unordered(FETCHES)
            .try_collect::<()>()
            .await?;
        self.0.workers.give_back();
        self.load(&missing, how).await?;
        if !missing.is_empty() {
            let folder = self.0.segments_folder.clone();
            blocking(move || segment::trim(&folder)).await?;
        }
        all.into_iter()
            .map(|package| {
                self.loaded(package, how).ok_or_else(|| {
                    self.0.made.forget(&(package.sha256.0, how));
                    Error::failed(format!("the segment of {} {} is gone again", package.name, package.version))
                        .hint("was the cache emptied meanwhile? build again: it is made anew from its .deb")
                })
            })
            .collect()
    }

    /// The facts of a segment, if they are in memory.
    fn loaded(&self, package: &LockedPackage, how: LayerCompression) -> Option<Arc<Segment>> {
        self.0.segments.lock().unwrap_or_else(PoisonError::into_inner).get(&(package.sha256.0, how)).cloned()
    }

    /// Takes the facts of those segments that are cached into memory. By the threads that make segments: what these took for
    /// their work is free by now, and nobody else's.
    async fn load(&self, packages: &[&LockedPackage], how: LayerCompression) -> Result<()> {
        let wanted = packages.iter().filter(|package| self.loaded(package, how).is_none());
        let wanted: Vec<Digest> = wanted.map(|package| package.sha256.0).collect();
        try_join_all(wanted.chunks(SHARE).map(|share| {
            let (shared, share) = (self.0.clone(), share.to_vec());
            self.0.workers.make(move || {
                let found = |sha256| Segment::load(&shared.segments_folder, &sha256, how).map(|found| ((sha256, how), Arc::new(found)));
                let found: Vec<_> = share.into_iter().filter_map(found).collect();
                // Another target of this run may have been faster; then these go.
                let mut segments = shared.segments.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, segment) in found {
                    segments.entry(key).or_insert(segment);
                }
                Ok(())
            })
        }))
        .await
        .map(drop)
    }

    /// Makes the segment of one package from its .deb, unless another process has made it meanwhile.
    async fn make(
        &self,
        package: &LockedPackage,
        how: LayerCompression,
        packages: &dyn PackageFiles,
        progress: &Arc<dyn Progress>,
        cancel: &CancellationToken,
        arrived: impl Fn(),
    ) -> Result<()> {
        let sha256 = package.sha256.0;
        // Counted once, whether it was fetched, cached, or made for another target meanwhile.
        let once = AtomicBool::new(false);
        let arrived = || {
            if !once.swap(true, Ordering::Relaxed) {
                arrived();
            }
        };
        let cell = self.0.made.cell((sha256, how));
        let make = async {
            let deb = packages.fetch(package, cancel).await?;
            arrived();
            let mut made = self.make_from(&deb, package, how, cancel).await;
            if let Err(error) = &made
                && !error.is_interrupted()
                && drop_altered(deb, sha256).await?
            {
                progress.line(&format!("{} {} was altered in the cache; it is fetched again", package.name, package.version));
                let deb = packages.fetch(package, cancel).await?;
                made = self.make_from(&deb, package, how, cancel).await;
            }
            made?.iter().for_each(|line| progress.line(line));
            Ok::<_, Error>(())
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::interrupted()),
            made = cell.get_or_try_init(|| make) => {
                arrived();
                made.copied()
            }
        }
    }

    /// Makes the segment of `package` from `deb` and says so; nothing when another process has made it.
    async fn make_from(
        &self,
        deb: &Path,
        package: &LockedPackage,
        how: LayerCompression,
        cancel: &CancellationToken,
    ) -> Result<Option<String>> {
        let (shared, deb, package, cancel) = (self.0.clone(), deb.to_owned(), package.clone(), cancel.clone());
        let make = move || {
            let sha256 = package.sha256.0;
            let _turn = Turn::take(&Segment::places(&shared.segments_folder, &sha256, how).members, &cancel)?;
            if Segment::load(&shared.segments_folder, &sha256, how).is_some() {
                return Ok(None); // another process was faster
            }
            let segment = segment::make(&Making {
                package: &package,
                deb: &deb,
                folder: &shared.segments_folder,
                compression: how,
                workers: &shared.workers,
                cancel: &cancel,
            })?;
            let (from, to) = (bytes(segment.deb_size), bytes(segment.size));
            Ok(Some(format!("{} {} · {from} → {to}", segment.package, segment.version)))
        };
        self.0.workers.make(make).await
    }

    /// The layer of `plan`: remembered, or written now.
    async fn layer(&self, plan: &Arc<LayerPlan>, how: LayerCompression, cancel: &CancellationToken) -> Result<CachedLayer> {
        let recipe = layer::recipe(plan, how);
        let cell = self.0.layers.cell(recipe);
        // A blob that has been pruned since is written again.
        if let Some(layer) = cell.get()
            && !self.0.store.has(&layer.descriptor())
        {
            self.0.layers.forget(&recipe);
            return Box::pin(self.layer(plan, how, cancel)).await;
        }
        let make = async {
            let (shared, plan, cancel) = (self.0.clone(), plan.clone(), cancel.clone());
            let make = move || {
                let _turn = Turn::take(&shared.layers_folder.join(recipe.hex()), &cancel)?;
                if let Some(layer) = layer::load(&shared.layers_folder, &recipe, &shared.store) {
                    return Ok(layer);
                }
                let layer = layer::write(&plan, how, &shared.segments_folder, &shared.store, &shared.workers, &cancel)?;
                shared.witnessed.add(layer.digest);
                if let Some(content) = layer::content(&plan, &layer) {
                    shared.records.keep(&layer.digest, &content)?;
                }
                layer::save(&shared.layers_folder, &recipe, &layer)?;
                Ok(layer)
            };
            self.0.workers.make(make).await
        };
        cell.get_or_try_init(|| make).await.cloned()
    }
}

/// Removes `deb` if it is not what `sha256` says, and whether it was so. Files in the cache were right once; disks and people alter them.
async fn drop_altered(deb: PathBuf, sha256: Digest) -> Result<bool> {
    blocking(move || {
        match File::open(&deb).and_then(Digest::of_reader) {
            Ok((found, _)) if found != sha256 => fs::remove_file(&deb).at("removing", &deb).map(|()| true),
            // What cannot be read at all is for the first error to tell.
            _ => Ok(false),
        }
    })
    .await?
}

/// Runs `work` on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::failed("a worker stopped").source(error))
}
