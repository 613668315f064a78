//! Where benches come in: the steps of a build, each as something that can be timed by itself. Nothing else uses them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::deb::Deb;
use super::http::Answer;
use super::index::Index;
use super::indexes::{self, Wanted};
use super::layer::{self, LayerPlan};
use super::local::Local;
use super::members::members;
use super::release::Release;
use super::resolve::{self, Universes};
use super::script::Emulations;
use super::segment::{self, Making, Segment, Workers};
use super::sources::Source;
use super::{Archive, Lock, LockedPackage};
use crate::catalog::{Architecture, Catalog, LayerCompression, Target};
use crate::error::IoContext;
use crate::image::Store;
use crate::progress::Silent;
use crate::{Error, Result};

/// Most that an index unpacks to; trixie's main has 53 MB.
const MAX_INDEX: u64 = 1 << 30;

/// The releases of an archive's suites, read and verified.
pub struct Releases<'a> {
    archive: &'a Archive,
    of: Vec<(&'a Source, Release)>,
}

impl<'a> Releases<'a> {
    /// Asks the mirror for them.
    pub async fn read(archive: &'a Archive) -> Result<Self> {
        Ok(Releases { archive, of: archive.releases(&CancellationToken::new()).await? })
    }

    /// The `Packages` file of the first suite's first component, as the mirror has it, unpacked.
    pub async fn text(&self, architecture: Architecture) -> Result<Vec<u8>> {
        let missing = || Error::failed("the mirror has no Packages.gz of the first suite");
        let (source, release) = self.of.first().ok_or_else(missing)?;
        let (component, debian) = (source.components.first().ok_or_else(missing)?, architecture.debian());
        let wanted = Wanted { source, release, component, folder: debian, architecture: debian };
        let path = format!("{component}/binary-{debian}/Packages.gz");
        let (digest, size) = release.files.get(&path).ok_or_else(missing)?;
        let url = indexes::urls(&wanted, &path, digest)?.into_iter().next().ok_or_else(missing)?;
        let cancel = CancellationToken::new();
        let packed = self.archive.http.with_retries(&cancel, || async {
            match self.archive.http.ask(&url, &source.setting, 0, None).await? {
                Answer::Body(body) => Ok(Some(body.bytes(*size).await?)),
                _ => Ok(None),
            }
        });
        let packed = packed.await?.ok_or_else(missing)?;
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed[..])
            .take(MAX_INDEX)
            .read_to_end(&mut text)
            .map_err(|error| Error::network(format!("{path} does not unpack")).source(error))?;
        Ok(text)
    }

    /// Everything that can be installed on `architectures`: every index from the cache, opened and joined.
    pub async fn open(&self, architectures: &[Architecture]) -> Result<Installable> {
        let mut universes = Universes::new();
        for architecture in architectures {
            universes.extend([self.archive.packages(*architecture, &self.of, &Silent, &CancellationToken::new()).await?]);
        }
        Ok(Installable(universes))
    }
}

/// Scans a `Packages` file; how many packages it has.
pub fn scan(text: &[u8], architecture: Architecture) -> Result<usize> {
    Index::scan(text, architecture.debian()).map(|index| index.len())
}

/// What can be installed, by architecture.
pub struct Installable(Universes);

impl Installable {
    /// The lock of the whole `catalog`, from nothing.
    pub fn resolve(&self, catalog: &Catalog) -> Result<Lock> {
        resolve::resolve(catalog, &self.0, Vec::new(), None, &catalog.targets(), &Silent, &CancellationToken::new())
    }
}

/// Reads a .deb to its end; the length of its data tar.
pub fn read_deb(path: &Path) -> Result<u64> {
    let mut deb = Deb::open(File::open(path).at("opening", path)?)?;
    deb.control()?;
    let length = io::copy(&mut deb.data()?, &mut io::sink()).at("reading", path)?;
    deb.drain()?;
    Ok(length)
}

/// Makes segments into a folder.
pub struct SegmentMaker {
    folder: PathBuf,
    compression: LayerCompression,
    workers: Workers,
}

impl SegmentMaker {
    /// One that uses every core.
    pub fn new(folder: PathBuf, compression: LayerCompression) -> Self {
        SegmentMaker { folder, compression, workers: workers() }
    }

    /// Makes the segment of `package` from its .deb, whether it is there or not; its length, uncompressed and compressed.
    pub fn make(&self, package: &LockedPackage, deb: &Path) -> Result<(u64, u64)> {
        let SegmentMaker { folder, compression, workers } = self;
        let cancel = &CancellationToken::new();
        let segment = segment::make(&Making { package, deb, folder, compression: *compression, workers, cancel })?;
        Ok((segment.raw_size, segment.size))
    }
}

/// The segments of a target, loaded: base, application.
pub struct Segments(Vec<Arc<Segment>>, Vec<Arc<Segment>>);

impl Segments {
    /// Loads the facts of all of them from the cache folder.
    ///
    /// # Errors
    /// One is not there.
    pub fn load(cache: &Path, lock: &Lock, target: &Target) -> Result<Self> {
        let members = members(lock, target).ok_or_else(|| Error::failed(format!("the lock has no {target}")))??;
        let load = |package: &&LockedPackage| {
            let segment = Segment::load(&cache.join("debian/segments"), &package.sha256.0, LayerCompression::Gzip);
            segment.map(Arc::new).ok_or_else(|| Error::failed(format!("{} has no segment", package.name)))
        };
        let all = |packages: &[&LockedPackage]| packages.iter().map(load).collect::<Result<Vec<_>>>();
        Ok(Segments(all(&members.base)?, all(&members.application)?))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len() + self.1.len()
    }

    /// Evaluates every maintainer script and decides what goes into which layer.
    pub fn plan(&self) -> Result<Layers> {
        let plan = layer::plan(&self.0, &self.1, &Local::default(), &Emulations::builtin(), 2)?;
        Ok(Layers { plans: plan.layers, workers: workers() })
    }
}

/// The layers of a target, planned.
pub struct Layers {
    plans: Vec<LayerPlan>,
    workers: Workers,
}

impl Layers {
    /// Writes them into `store` from the segments of `cache`; the length of all tars, and of all blobs.
    pub fn write(&self, cache: &Path, store: &Store) -> Result<(u64, u64)> {
        let (folder, cancel) = (cache.join("debian/segments"), CancellationToken::new());
        let (mut raw, mut size) = (0, 0);
        for plan in &self.plans {
            let layer = layer::write(plan, LayerCompression::Gzip, &folder, store, &self.workers, &cancel)?;
            (raw, size) = (raw + layer.raw_size, size + layer.size);
        }
        Ok((raw, size))
    }
}

/// Those that a builder has.
fn workers() -> Workers {
    Workers::new(std::thread::available_parallelism().map_or(1, usize::from))
}
