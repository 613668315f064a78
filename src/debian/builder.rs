//! Builds the image of a target: packages → segments → layers → image, each step done once for all who need it.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;

use super::image_config::{Built, image_config};
use super::layer::{self, CachedLayer, LayerPlan};
use super::members::{Members, inputs, members};
use super::segment::{self, Making, Segment};
use super::{Lock, LockedPackage};
use crate::catalog::{Catalog, Target};
use crate::image::{Descriptor, Digest, Manifest, Platform, REF_NAME, Store, media_type};
use crate::progress::{Progress, Unit};
use crate::{Error, Result};

/// Packages asked for at a time; the fetcher has its own limit on connections.
const FETCHES: usize = 16;

/// Where .deb files come from.
pub trait PackageFiles: Send + Sync {
    /// The path of the .deb of `package`, fetched when it is not there yet. Its SHA-256 is checked again when it is read.
    fn fetch<'a>(&'a self, package: &'a LockedPackage, cancel: &'a CancellationToken) -> LocalBoxFuture<'a, Result<PathBuf>>;
}

/// Builds images into a store. One per session: targets built at the same time share their segments and layers.
#[derive(Clone)]
pub struct Builder(Arc<Shared>);

struct Shared {
    segments_folder: PathBuf,
    layers_folder: PathBuf,
    store: Store,
    segments: SingleFlight<Digest, Arc<Segment>>,
    layers: SingleFlight<Digest, CachedLayer>,
    cores: usize,
    permits: Arc<Semaphore>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("store", &self.0.store).finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder that keeps segments and layer records below `cache` (`debian/segments`, `debian/layers`) and images in
    /// `store`. It uses every core.
    pub fn new(cache: PathBuf, store: Store) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self::with_cores(cache, store, cores))
    }

    /// Like [`Builder::new`], with a number of cores to use. The images are the same for any number.
    pub fn with_cores(cache: PathBuf, store: Store, cores: usize) -> Self {
        Builder(Arc::new(Shared {
            segments_folder: cache.join("debian/segments"),
            layers_folder: cache.join("debian/layers"),
            store,
            segments: SingleFlight::default(),
            layers: SingleFlight::default(),
            cores: cores.max(1),
            permits: Arc::new(Semaphore::new(cores.max(1))),
        }))
    }

    /// The digest of everything that decides the bytes of `target`'s image: its definition, its packages, our formats.
    /// `None` when the catalog or the lock does not have it, or the lock is not whole.
    pub fn inputs(catalog: &Catalog, target: &Target, lock: &Lock) -> Option<Digest> {
        let container = catalog.container(target.container.as_str())?;
        let members = members(lock, target)?.ok()?;
        Some(inputs(container, target, &members))
    }

    /// Builds `target` from its locked packages and publishes the image in the store as `NAME/ARCHITECTURE`.
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
            Error::failed(format!("containers.lock has no packages for {target}")).hint("run `catamaran update` to add them")
        })??;
        let segments = self.segments(&members, packages, &progress, cancel).await?;
        let (base, application) = segments.split_at(members.base.len());

        progress.phase("layers");
        let (base_plan, application_plan) = {
            let (base, application) = (base.to_vec(), application.to_vec());
            blocking(move || layer::plan(&base, &application)).await?.map_err(|error| error.context(target))?
        };
        let mut layers = Vec::new();
        for plan in std::iter::once(base_plan).chain(application_plan) {
            let plan = Arc::new(plan);
            plan.remarks.iter().for_each(|remark| progress.line(remark));
            let layer = self.layer(&plan, cancel).await?;
            progress.line(&format!("layer {} · {} packages · {}", layer.digest.short(), plan.packages(), megabytes(layer.size)));
            layers.push(Built { plan, layer });
        }

        progress.phase("image");
        let config = image_config(container, target, &members, &layers, base, application)?.to_bytes();
        let blobs: Vec<Descriptor> = layers.iter().map(|built| built.layer.descriptor()).collect();
        let manifest = Manifest::new(Descriptor::of(media_type::CONFIG, &config), blobs, container.annotations.clone()).to_bytes();
        let mut descriptor = Descriptor::of(media_type::MANIFEST, &manifest);
        descriptor.platform = Some(Platform::linux(target.architecture));
        let digest = inputs(container, target, &members);
        let (store, name, count) = (self.0.store.clone(), target.to_string(), segments.len());
        blocking(move || {
            store.put(&config)?;
            store.put(&manifest)?;
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
    async fn segments(
        &self,
        members: &Members<'_>,
        packages: &dyn PackageFiles,
        progress: &Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Arc<Segment>>> {
        let all: Vec<&LockedPackage> = members.base.iter().chain(&members.application).copied().collect();
        let total = all.len() as u64;
        let (fetched, done) = (AtomicU64::new(0), AtomicU64::new(0));
        progress.phase("fetch");
        let (fetched, done) = (&fetched, &done);
        let mut segments: Vec<(usize, Arc<Segment>)> = stream::iter(all.into_iter().enumerate())
            .map(|(index, package)| async move {
                let segment = self.segment(package, packages, progress, cancel, || {
                    if fetched.fetch_add(1, Ordering::Relaxed) + 1 == total {
                        progress.phase("segments");
                        progress.amount(done.load(Ordering::Relaxed), total, Unit::Packages);
                    }
                });
                let segment = segment.await?;
                progress.amount(done.fetch_add(1, Ordering::Relaxed) + 1, total, Unit::Packages);
                Ok::<_, Error>((index, segment))
            })
            .buffer_unordered(FETCHES)
            .try_collect()
            .await?;
        segments.sort_by_key(|(index, _)| *index);
        Ok(segments.into_iter().map(|(_, segment)| segment).collect())
    }

    /// The segment of one package: from memory, from the cache, or made from its .deb.
    async fn segment(
        &self,
        package: &LockedPackage,
        packages: &dyn PackageFiles,
        progress: &Arc<dyn Progress>,
        cancel: &CancellationToken,
        arrived: impl Fn(),
    ) -> Result<Arc<Segment>> {
        let sha256 = package.sha256.0;
        // Counted once, whether it was fetched, cached, or made for another target meanwhile.
        let once = AtomicBool::new(false);
        let arrived = || {
            if !once.swap(true, Ordering::Relaxed) {
                arrived();
            }
        };
        let cell = self.0.segments.cell(sha256);
        let make = async {
            let shared = self.0.clone();
            if let Some(segment) = blocking(move || Segment::load(&shared.segments_folder, &sha256)).await? {
                return Ok(Arc::new(segment));
            }
            let deb = packages.fetch(package, cancel).await?;
            arrived();
            let permit = self.0.permits.clone().acquire_owned().await.map_err(|_| Error::interrupted())?;
            let (shared, package, cancel) = (self.0.clone(), package.clone(), cancel.clone());
            let segment = blocking(move || {
                let _permit = permit;
                let workers = if shared.cores == 1 { 0 } else { shared.cores };
                segment::make(&Making { package: &package, deb: &deb, folder: &shared.segments_folder, workers, cancel: &cancel })
            })
            .await??;
            let (from, to) = (megabytes(segment.deb_size), megabytes(segment.size));
            progress.line(&format!("{} {} · {from} → {to}", segment.package, segment.version));
            Ok::<_, Error>(Arc::new(segment))
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::interrupted()),
            segment = cell.get_or_try_init(|| make) => {
                arrived();
                segment.cloned()
            }
        }
    }

    /// The layer of `plan`: remembered, or written now.
    async fn layer(&self, plan: &Arc<LayerPlan>, cancel: &CancellationToken) -> Result<CachedLayer> {
        let recipe = plan.recipe();
        let cell = self.0.layers.cell(recipe);
        // A blob that has been pruned since is written again.
        if let Some(layer) = cell.get()
            && !self.0.store.has(&layer.descriptor())
        {
            self.0.layers.forget(&recipe);
            return Box::pin(self.layer(plan, cancel)).await;
        }
        let make = async {
            let permit = self.0.permits.clone().acquire_owned().await.map_err(|_| Error::interrupted())?;
            let (shared, plan, cancel) = (self.0.clone(), plan.clone(), cancel.clone());
            blocking(move || {
                let _permit = permit;
                if let Some(layer) = layer::load(&shared.layers_folder, &recipe, &shared.store) {
                    return Ok(layer);
                }
                let workers = if shared.cores == 1 { 0 } else { shared.cores };
                let layer = layer::write(&plan, &shared.segments_folder, &shared.store, workers, &cancel)?;
                layer::save(&shared.layers_folder, &recipe, &layer)?;
                Ok(layer)
            })
            .await?
        };
        cell.get_or_try_init(|| make).await.cloned()
    }
}

/// Runs `work` on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::failed("a worker stopped").source(error))
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// One computation per key at a time; whoever asks meanwhile waits for it. A failed or cancelled one is tried again by
/// the next who asks.
struct SingleFlight<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        SingleFlight(Mutex::default())
    }
}

impl<K: Eq + Hash + Copy, V> SingleFlight<K, V> {
    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
    }

    fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
