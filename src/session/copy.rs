//! `copy`: from any reference to any other, every digest kept; only plain layers of engines, of their archives and of nix2container are
//! compressed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::compress::{Place, comes_plain};
use super::engine::{Work, blocking};
use super::event::EventKind;
use super::subject::built_entry;
use crate::catalog::{Architecture, Catalog, select};
use crate::error::IoContext;
use crate::image::{
    Descriptor, Digest, DockerArchive, Image, Index, Reference, RegistryReference, Store, Tree, replace_with, tree_in_layout,
    write_docker_archive,
};
use crate::nix::kept_image;
use crate::progress::{Progress, Unit};
use crate::registry::{Received, Registry};
use crate::runtime::{Engine, EngineChoice};
use crate::{Error, Result};

/// What to copy.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    /// From where.
    pub source: Reference,
    /// To where.
    pub destination: Reference,
    /// Only the image for this architecture; `None` takes everything the source names, a whole index with all its members.
    pub target: Option<Architecture>,
    /// Layers that are plain tars for want of anybody to compress them are left as they are, and so is every digest.
    pub preserve_digests: bool,
}

/// What a copy came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Version of this document: 1.
    pub schema: u32,
    /// From where.
    pub source: String,
    /// To where.
    pub destination: String,
    /// What the destination names now: a manifest's or an index's digest; the source's own, unless layers were compressed.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Images in it, attestations aside.
    pub images: usize,
    /// Members that say something about an image (SBOM, provenance).
    pub attestations: usize,
    /// Bytes of configs and layers.
    pub bytes: u64,
    /// Bytes that had to be sent or written; the rest was there.
    pub moved: u64,
}

impl Work {
    /// Copies, and says what it came to.
    pub(super) async fn copy(&self, request: &CopyRequest) -> Result<()> {
        let copied = self.or_cancelled(self.copy_whole(request)).await?;
        self.emit(EventKind::Copied { copied: Arc::new(copied) }).await;
        Ok(())
    }

    async fn copy_whole(&self, request: &CopyRequest) -> Result<Copied> {
        let (source, destination) = (&request.source, &request.destination);
        // Before anything is read: a destination that cannot be written is said at once.
        writable(destination)?;
        self.emit(EventKind::RunPhaseChanged { phase: "read".into() }).await;
        let mut connection = None;
        let mut tree = self.tree(source, &mut connection).await?;
        let single = matches!(destination, Reference::DockerArchive { .. } | Reference::DockerDaemon(_) | Reference::ContainersStorage(_));
        let target = request.target;
        tree = blocking(move || {
            let tree = match target {
                Some(architecture) => tree.only(architecture)?,
                None => tree,
            };
            if single { tree.single() } else { Ok(tree) }
        })
        .await
        .map_err(|error| error.context(source))?;
        self.emit(EventKind::RunPhaseChanged { phase: "copy".into() }).await;
        let mut compressed = 0;
        // Who names a digest wants what has it.
        let named = matches!(destination, Reference::Registry(to) if to.digest == Some(tree.top().descriptor.digest));
        if comes_plain(source) && !request.preserve_digests && !named {
            (tree, compressed) = match destination {
                Reference::Registry(remote) => {
                    let registry = self.registry(&remote.host)?;
                    let done = self.compressed(tree, &Place::Registry(&registry, &remote.repository)).await?;
                    connection = Some(registry);
                    done
                }
                // What nix2container declares is what a layout of it is expected to hold.
                Reference::Layout { folder, .. } if !matches!(source, Reference::Nix(_)) => {
                    self.compressed(tree, &Place::Layout(Store::open(folder)?)).await?
                }
                _ => (tree, 0),
            };
        }
        if matches!(destination, Reference::Layout { .. }) && tree.has_docker_types() {
            tree = self.for_layout(tree, request.preserve_digests)?;
        }
        let top = tree.top().descriptor.clone();
        let attestations = tree.attestations();
        let bytes = Descriptor::total(&tree.contents());
        let images = tree.image_count();
        let moved = match destination {
            Reference::Layout { folder, name } => self.to_layout(tree, folder, name.as_deref()).await?,
            Reference::Registry(remote) => self.to_registry(&tree, remote, source, connection).await?.sent,
            Reference::DockerArchive { file, name } => self.to_archive(tree, file, name.clone()).await?,
            Reference::DockerDaemon(name) | Reference::ContainersStorage(name) => self.to_engine(tree, destination, name).await?,
            Reference::Container { .. } | Reference::Nix(_) => return Err(unwritable(destination)),
        };
        let moved = compressed + moved;
        Ok(Copied {
            schema: 1,
            source: source.to_string(),
            destination: destination.to_string(),
            digest: top.digest,
            media_type: top.media_type,
            images,
            attestations,
            bytes,
            moved,
        })
    }

    /// Everything `source` names. A registry's connection is kept: the destination may be the same one.
    async fn tree(&self, source: &Reference, connection: &mut Option<Registry>) -> Result<Tree> {
        match source {
            Reference::Layout { folder, name } => {
                let (folder, name) = (folder.clone(), name.clone());
                blocking(move || tree_in_layout(&folder, name.as_deref())).await
            }
            Reference::Registry(remote) => {
                let registry = self.registry(&remote.host)?;
                let tree = registry.tree(remote).await?;
                *connection = Some(registry);
                Ok(tree)
            }
            Reference::DockerArchive { file, name } => {
                let (file, name) = (file.clone(), name.clone());
                blocking(move || of_archive(&DockerArchive::open(&file)?, name.as_deref())).await
            }
            Reference::DockerDaemon(name) | Reference::ContainersStorage(name) => {
                let archive = self.saved(source, name).await?;
                blocking(move || of_archive(&archive, None)).await
            }
            Reference::Container { name, architecture } => {
                let catalog = self.catalog()?;
                let targets = select(&catalog, &[name.to_string()], architecture.as_slice())?;
                let store = self.store()?;
                blocking(move || {
                    let images: Vec<Image> =
                        targets.iter().map(|target| kept_image(&store, &built_entry(&store, &catalog, target)?)).collect::<Result<_>>()?;
                    of_images(&catalog, &store, images, targets.first().map(|t| t.container.as_str()))
                })
                .await
            }
            Reference::Nix(file) => Ok(Tree::of_image(&self.nix_image(source, file).await?)),
        }
    }

    /// A tree in Docker's media types, as a layout has to hold it: in OCI's, unless its digests are to stay.
    fn for_layout(&self, tree: Tree, preserve_digests: bool) -> Result<Tree> {
        if preserve_digests {
            let kept =
                "Docker's media types are kept, and every digest with them: umoci and older versions of skopeo will not read that layout";
            self.progress.line(kept);
            return Ok(tree);
        }
        let digest = tree.top().descriptor.digest;
        let tree = tree.in_oci_types()?;
        let now = tree.top().descriptor.digest;
        self.progress.line(&format!(
            "{digest} is in Docker's media types, which most tools do not read in a layout: written in OCI's it is {now} \
             (--preserve-digests keeps Docker's)"
        ));
        Ok(tree)
    }

    async fn to_registry(&self, tree: &Tree, to: &RegistryReference, from: &Reference, open: Option<Registry>) -> Result<Received> {
        let digest = tree.top().descriptor.digest;
        if let Some(wanted) = to.digest.filter(|wanted| *wanted != digest) {
            return Err(Error::usage(format!("what is copied has the digest {digest}, not {wanted}"))
                .hint("name a tag, or that digest; --preserve-digests leaves layers as they are in the source"));
        }
        let registry = match open.filter(|registry| registry.host() == to.host) {
            Some(registry) => registry,
            None => self.registry(&to.host)?,
        };
        // The registry can take blobs from its own repository instead of having them sent.
        let mount = match from {
            Reference::Registry(from) if from.host == to.host && from.repository != to.repository => Some(from.repository.as_str()),
            _ => None,
        };
        let progress = |done: u64, total: u64| self.progress.amount(done, total, Unit::Bytes);
        registry.receive(&to.repository, to.tag.as_deref(), tree, mount, &progress).await
    }

    async fn to_archive(&self, tree: Tree, file: &Path, name: Option<String>) -> Result<u64> {
        let (file, token, progress) = (file.to_owned(), self.token.clone(), Arc::clone(&self.progress));
        blocking(move || {
            if file.exists() {
                return Err(Error::usage(format!("{} is there already", file.display())).hint("remove it, or name another file"));
            }
            replace_with(&file, &mut |out| archive(&tree, name.as_deref(), out, &file, &token, &progress))
        })
        .await
    }

    async fn to_engine(&self, tree: Tree, destination: &Reference, name: &str) -> Result<u64> {
        let (engine, facts) = self.engine(&engine_of(destination)).await?;
        let bytes = Descriptor::total(&tree.contents());
        super::load::send(&engine, &facts, tree, &with_tag(name), &self.token, &self.progress).await?;
        Ok(bytes)
    }

    /// The image `name` of the engine that `reference` is about, as an archive.
    pub(super) async fn saved(&self, reference: &Reference, name: &str) -> Result<DockerArchive> {
        let engine = Engine::find(&engine_of(reference)).await?;
        let folder = self.context.options.folders.cache.clone();
        let (file, folder) = blocking(move || Ok((spool(&folder)?, folder))).await?;
        let file = engine.save(name, file, &folder, &|bytes| self.progress.amount(bytes, 0, Unit::Bytes)).await?;
        let shown = reference.to_string();
        blocking(move || DockerArchive::read(file, shown)).await
    }
}

/// The engine that has what `reference` names. Podman's storage has no API of its own: Podman is asked.
fn engine_of(reference: &Reference) -> EngineChoice {
    match reference {
        Reference::ContainersStorage(_) => EngineChoice::Podman,
        _ => EngineChoice::Any,
    }
}

/// An archive's images as one tree: there must be one to choose.
fn of_archive(archive: &DockerArchive, name: Option<&str>) -> Result<Tree> {
    let mut images = archive.images(name)?;
    let Some((_, image)) = images.pop().filter(|_| images.is_empty()) else {
        let names: Vec<String> = images.into_iter().flat_map(|(names, _)| names).collect();
        return Err(Error::usage(format!("{archive:?} has several images"))
            .hint(format!("name one: docker-archive:FILE:NAME; {}", names.join(", "))));
    };
    Ok(Tree::of_image(&image?))
}

/// The built images of one container: the image itself when there is one, else an index as a release makes it.
fn of_images(catalog: &Catalog, store: &Store, mut images: Vec<Image>, container: Option<&str>) -> Result<Tree> {
    if let [image] = images.as_slice() {
        return Ok(Tree::of_image(image));
    }
    images.sort_by_key(|image| image.platform());
    let members = images.iter().map(|image| {
        let mut member = Descriptor::of(image.descriptor.media_type.clone(), &image.manifest_bytes);
        member.platform = Some(image.platform());
        member
    });
    let annotations = container.and_then(|name| catalog.container(name)).map(|c| c.annotations.clone()).unwrap_or_default();
    let index = Index::new(members.collect(), annotations);
    Tree::of_index(&index.to_bytes(), &images, Arc::new(store.clone()))
}

/// Writes the one image of `tree` as a Docker archive, and says how many bytes of blobs that were.
pub(super) fn archive(
    tree: &Tree,
    name: Option<&str>,
    out: &mut dyn Write,
    place: &Path,
    token: &CancellationToken,
    progress: &Arc<dyn Progress>,
) -> Result<u64> {
    let total = Descriptor::total(&tree.contents());
    let mut done = 0;
    write_docker_archive(tree, name, io::BufWriter::with_capacity(256 << 10, out), place, &mut |n| {
        done += n;
        progress.amount(done, total, Unit::Bytes);
        if token.is_cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    })?;
    Ok(done)
}

/// A file without a name beside the cache, where there is room for images.
fn spool(folder: &Path) -> Result<File> {
    std::fs::create_dir_all(folder).at("creating", folder)?;
    tempfile::tempfile_in(folder).at("creating a temporary file in", folder)
}

/// An engine's name of an image always has a tag.
pub(super) fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

fn writable(destination: &Reference) -> Result<()> {
    match destination {
        Reference::Container { .. } | Reference::Nix(_) => Err(unwritable(destination)),
        Reference::DockerDaemon(name) | Reference::ContainersStorage(name) if name.contains('@') || name.starts_with("sha256:") => {
            Err(Error::usage(format!("{destination}: an engine names images by tag, not by digest")))
        }
        _ => Ok(()),
    }
}

fn unwritable(destination: &Reference) -> Error {
    Error::usage(format!("nothing can be copied to `{destination}`"))
        .hint("a destination is HOST/REPOSITORY:TAG, oci:DIR[:TAG], docker-archive:FILE[:NAME:TAG], docker-daemon:NAME:TAG or containers-storage:NAME:TAG")
}
