//! Builds the image of a target: packages → segments → layers → image, each step done once for all who need it.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::image_config::{Built, image_config};
use super::layer::{self, CachedLayer, ImagePlan, LayerPlan, Part};
use super::local::{self, Accounts};
use super::members::{Members, inputs, members};
use super::script::Emulations;
use super::segment::{self, Making, Segment, Workers};
use super::turn::Turn;
use super::{Lock, LockedPackage};
use crate::catalog::{Catalog, LayerCompression, Target};
use crate::image::{Descriptor, Digest, LayerRecords, Manifest, Platform, REF_NAME, ScriptRecords, Store, Witnessed, media_type};
use crate::progress::{Progress, Unit, bytes, count};
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
    cache: PathBuf,
    segments_folder: PathBuf,
    layers_folder: PathBuf,
    store: Store,
    records: LayerRecords,
    scripts: ScriptRecords,
    witnessed: Witnessed,
    segments: SingleFlight<(Digest, LayerCompression), Arc<Segment>>,
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
            segments: SingleFlight::default(),
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
            blocking(move || layer::plan(&base, &application, &local, &emulations, count)).await?.map_err(|error| error.context(target))?
        };
        if let Some(user) = &container.user {
            Accounts::of(&root)?.ids(user).map_err(|error| error.context(format!("{target}: `user`")))?;
        }
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
        let config = image_config(container, target, &members, &layers, &root, base, application)?.to_bytes();
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
    async fn segments(
        &self,
        members: &Members<'_>,
        how: LayerCompression,
        packages: &dyn PackageFiles,
        progress: &Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Result<Vec<Arc<Segment>>> {
        let mut all: Vec<(usize, &LockedPackage)> = members.base.iter().chain(&members.application).copied().enumerate().collect();
        let total = all.len() as u64;
        self.load(all.iter().map(|(_, package)| package.sha256.0), how).await?;
        // The largest take longest; begun last, they would keep one core busy while the others have nothing left to do.
        all.sort_by_key(|(_, package)| std::cmp::Reverse(package.size));
        let (fetched, done) = (AtomicU64::new(0), AtomicU64::new(0));
        progress.phase("fetch");
        let (fetched, done) = (&fetched, &done);
        let mut segments: Vec<(usize, Arc<Segment>)> = stream::iter(all)
            .map(|(index, package)| async move {
                let segment = self.segment(package, how, packages, progress, cancel, || {
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

    /// Takes the facts of those segments that are cached into memory. On the workers: on threads that the runtime makes for
    /// it, each would leave its memory behind with another of them.
    async fn load(&self, segments: impl Iterator<Item = Digest>, how: LayerCompression) -> Result<()> {
        let wanted: Vec<Digest> = segments.filter(|sha256| self.0.segments.cell((*sha256, how)).get().is_none()).collect();
        let shared = self.0.clone();
        blocking(move || {
            shared.workers.ordered(
                false,
                |push| wanted.into_iter().try_for_each(push),
                |sha256| Ok(Segment::load(&shared.segments_folder, &sha256, how).map(|segment| (sha256, segment))),
                |segment| {
                    if let Some((sha256, segment)) = segment {
                        // Another target of this run may have been faster.
                        let _ = shared.segments.cell((sha256, how)).set(Arc::new(segment));
                    }
                    Ok(())
                },
            )
        })
        .await?
    }

    /// The segment of one package: from memory, or made from its .deb unless another process has made it meanwhile.
    async fn segment(
        &self,
        package: &LockedPackage,
        how: LayerCompression,
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
        let cell = self.0.segments.cell((sha256, how));
        let make = async {
            let deb = packages.fetch(package, cancel).await?;
            arrived();
            let (shared, package, cancel) = (self.0.clone(), package.clone(), cancel.clone());
            let make = move || {
                let _turn = Turn::take(&Segment::paths(&shared.segments_folder, &sha256, how).0, &cancel)?;
                if let Some(segment) = Segment::load(&shared.segments_folder, &sha256, how) {
                    return Ok((segment, false)); // another process was faster
                }
                segment::make(&Making {
                    package: &package,
                    deb: &deb,
                    folder: &shared.segments_folder,
                    compression: how,
                    workers: &shared.workers,
                    cancel: &cancel,
                })
                .map(|segment| (segment, true))
            };
            let (segment, made) = self.0.workers.make(make).await?;
            if made {
                let (from, to) = (bytes(segment.deb_size), bytes(segment.size));
                progress.line(&format!("{} {} · {from} → {to}", segment.package, segment.version));
            }
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

/// Runs `work` on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::failed("a worker stopped").source(error))
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

#[cfg(test)]
mod tests {
    use super::super::fixtures::{Archive, catalog, file, folder, link};
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::Image;
    use crate::progress::Silent;
    use std::collections::BTreeMap;
    use std::io::Read;

    fn target() -> Target {
        Target::new("x", Architecture::X86_64)
    }

    fn run(archive: &Archive, lock: &Lock, folder: &Path, cores: usize, entrypoint: &str) -> Result<Image> {
        let store = Store::open(folder.join("images"))?;
        let records = LayerRecords::new(folder.join("content"));
        let builder = Builder::with_cores(folder.to_owned(), store.clone(), records, Witnessed::default(), cores);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (catalog, cancel) = (catalog(entrypoint), CancellationToken::new());
        let descriptor = runtime.block_on(builder.build(&catalog, &target(), lock, archive, Arc::new(Silent), &cancel))?;
        assert_eq!(
            descriptor.annotations["dev.catamaran.inputs"],
            Builder::inputs(&catalog, &target(), lock, folder)?.unwrap().to_string()
        );
        assert_eq!(store.find(&catalog.store_name(&target()))?.as_ref(), Some(&descriptor));
        assert!(store.is_whole(&descriptor));
        store.image(&descriptor)
    }

    /// Paths of a layer with what `ls` would show: `type mode link content`.
    fn listing(image: &Image, layer: usize) -> BTreeMap<String, String> {
        let mut raw = Vec::new();
        let blob = image.blobs.open(&image.manifest.layers[layer]).unwrap();
        flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut raw).unwrap();
        assert_eq!(Digest::of(&raw), image.config.rootfs.diff_ids[layer]);
        let mut out = BTreeMap::new();
        for entry in tar::Archive::new(&raw[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            content.truncate(20);
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let header = entry.header();
            let kind = header.entry_type().as_byte() as char;
            let link = entry.link_name_bytes().map(|l| String::from_utf8(l.into_owned()).unwrap()).unwrap_or_default();
            let text = format!("{kind} {:o} {link}{}", header.mode().unwrap(), String::from_utf8_lossy(&content));
            assert_eq!(out.insert(path.clone(), text), None, "{path} appears twice");
        }
        out
    }

    fn archive(folder_path: &Path) -> Archive {
        let mut archive = Archive::new(folder_path);
        let noise: Vec<u8> = (0..600_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        archive.add(
            "base-files",
            "",
            &[
                folder("bin"),
                folder("lib"),
                ("tmp", tar::EntryType::Directory, "", 0o1777, b""),
                folder("var/run"),
                file("usr/lib/os-release", 0o644, b"ID=debian\n"),
            ],
        );
        archive.add(
            "libc6",
            "",
            &[folder("lib"), folder("lib64"), file("lib/x/libc.so.6", 0o755, b"\x7fELF"), link("lib64/ld.so", "/lib/x/libc.so.6")],
        );
        archive.add("big", "", &[file("bin/big", 0o755, &noise), ("bin/also", tar::EntryType::Link, "./bin/big", 0o755, b"")]);
        archive.add(
            "tool",
            "",
            &[folder("usr/bin"), folder("opt/tool"), file("usr/bin/tool", 0o755, b"#!/bin/sh\n"), file("opt/tool/x", 0o644, b"x")],
        );
        archive
    }

    #[test]
    fn the_image_is_the_same_on_one_core_and_many_in_any_folder() {
        let (debs, one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let archive = archive(debs.path());
        let lock = archive.lock(&["base-files", "libc6", "big"], &["tool"]);
        let first = run(&archive, &lock, one.path(), 1, "tool").unwrap();
        assert_eq!(archive.fetched.lock().unwrap().len(), 4);
        let second = run(&archive, &lock, two.path(), 4, "tool").unwrap();
        assert_eq!(first.descriptor.digest, second.descriptor.digest);
        assert_eq!(first.config.config.entrypoint, ["/usr/bin/tool"]);
        assert_eq!(first.manifest.annotations["note"], "yes");
        assert_eq!(first.config.history[0].created_by.as_deref(), Some("catamaran: base base (3 packages)"));
        assert_eq!(first.config.created.as_deref(), Some("2023-11-14T22:13:20Z"));

        // Made once: nothing is fetched again, whatever else needs it.
        let again = run(&archive, &lock, two.path(), 2, "tool").unwrap();
        assert_eq!((again.descriptor.digest, archive.fetched.lock().unwrap().len()), (first.descriptor.digest, 8));

        let base = listing(&first, 0);
        assert_eq!(base["bin"], "2 777 usr/bin");
        assert_eq!(base["lib64"], "2 777 usr/lib64");
        assert_eq!(base["var/run"], "2 777 /run");
        assert_eq!(base["tmp/"], "5 1777 ");
        assert_eq!(base["usr/bin/also"], "1 755 usr/bin/big");
        assert_eq!(base["usr/lib64/ld.so"], "2 777 /lib/x/libc.so.6");
        assert!(base["var/lib/dpkg/status.d/libc6"].starts_with("0 644 Package: libc6"));
        assert!(!base.keys().any(|path| path.starts_with("bin/") || path.starts_with("lib/") || path.starts_with("lib64/")));
        let parents_first: Vec<&String> = base.keys().filter(|p| p.ends_with('/')).collect();
        assert!(parents_first.contains(&&"usr/lib/x/".to_owned()));

        // `usr/bin` and `opt` are in the base layer already.
        let own: Vec<String> = listing(&first, 1).into_keys().collect();
        assert_eq!(own, ["opt/tool/", "opt/tool/x", "usr/bin/tool", "var/lib/dpkg/status.d/tool"]);
    }

    #[test]
    fn a_base_layer_is_the_same_for_every_container_and_may_stand_alone() {
        let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let archive = archive(debs.path());
        let with = run(&archive, &archive.lock(&["base-files", "libc6"], &["tool"]), cache.path(), 2, "tool").unwrap();
        let alone = run(&archive, &archive.lock(&["base-files", "libc6"], &[]), cache.path(), 2, "/lib64/ld.so").unwrap();
        assert_eq!(alone.manifest.layers, with.manifest.layers[..1]);
        assert_eq!(alone.config.config.entrypoint, ["/usr/lib64/ld.so"]);
    }

    #[test]
    fn two_owners_of_a_path_are_an_error_unless_one_replaces_the_other() {
        let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut archive = archive(debs.path());
        archive.add("rival", "", &[file("usr/bin/tool", 0o755, b"rival"), file("usr/bin/own", 0o755, b"own")]);
        archive.add("heir", "Replaces: rival (<< 2), other\n", &[file("usr/bin/tool", 0o755, b"heir")]);
        let error = run(&archive, &archive.lock(&["libc6"], &["tool", "rival"]), cache.path(), 2, "tool").unwrap_err();
        assert!(error.message().contains("/usr/bin/tool is in rival 1 and in tool 1"), "{error}");

        let image = run(&archive, &archive.lock(&["libc6"], &["heir", "rival"]), cache.path(), 2, "tool").unwrap();
        let layer = listing(&image, 1);
        assert_eq!((&*layer["usr/bin/tool"], &*layer["usr/bin/own"]), ("0 755 heir", "0 755 own"));
        // The one that is replaced may be in the layer below, or the one that replaces.
        let image = run(&archive, &archive.lock(&["rival"], &["heir"]), cache.path(), 2, "tool").unwrap();
        assert_eq!(listing(&image, 1)["usr/bin/tool"], "0 755 heir");
        let image = run(&archive, &archive.lock(&["heir"], &["rival"]), cache.path(), 2, "tool").unwrap();
        assert!(!listing(&image, 1).contains_key("usr/bin/tool"));
    }

    #[test]
    fn what_cannot_be_built_says_why() {
        let (debs, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut archive = archive(debs.path());
        let lock = archive.lock(&["libc6"], &["tool"]);
        let error = run(&archive, &lock, cache.path(), 2, "tol").unwrap_err();
        assert_eq!(error.message(), "x/x86_64: entrypoint `tol` is not in the image");
        assert!(error.advice().unwrap().contains("ship tool"));

        let mut other = lock.clone();
        other.packages.iter_mut().find(|p| p.name == "tool").unwrap().architecture = "arm64".into();
        let error = run(&archive, &other, cache.path(), 2, "tool").unwrap_err();
        assert_eq!(error.message(), "containers.lock has tool=1 for arm64 only, not for amd64");

        // Not the file that the lock names; nothing of it may stay in the cache.
        archive.add("other", "", &[]);
        let wrong = std::fs::read(debs.path().join("other.deb")).unwrap();
        std::fs::write(debs.path().join("big.deb"), wrong).unwrap();
        let error = run(&archive, &archive.lock(&["libc6"], &["big"]), cache.path(), 2, "big").unwrap_err();
        assert!(error.message().contains("SHA-256"), "{error}");
        let left = std::fs::read_dir(cache.path().join("debian/segments")).unwrap();
        assert!(left.flatten().all(|f| !f.file_name().to_string_lossy().starts_with(".new-")));
    }

    #[test]
    fn the_definition_and_the_packages_decide_the_inputs() {
        let debs = tempfile::tempdir().unwrap();
        let archive = archive(debs.path());
        let lock = archive.lock(&["libc6"], &["tool"]);
        let digest = Builder::inputs(&catalog("tool"), &target(), &lock, debs.path()).unwrap();
        assert_ne!(Builder::inputs(&catalog("other"), &target(), &lock, debs.path()).unwrap(), digest);
        let cut = |layers| {
            let mut catalog = catalog("tool");
            catalog.containers[0].layers = Some(layers);
            Builder::inputs(&catalog, &target(), &lock, debs.path()).unwrap()
        };
        assert_eq!(cut(2), digest, "two is what it makes anyway");
        assert!(cut(3) != digest && cut(3) != cut(4));
        let mut changed = lock.clone();
        changed.packages.iter_mut().find(|p| p.name == "tool").unwrap().sha256 = super::super::Hex(Digest::of(b""));
        assert_ne!(Builder::inputs(&catalog("tool"), &target(), &changed, debs.path()).unwrap(), digest);
        assert_eq!(Builder::inputs(&catalog("tool"), &Target::new("x", Architecture::Aarch64), &lock, debs.path()).unwrap(), None);
    }
}
