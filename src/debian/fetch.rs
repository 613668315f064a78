//! Fetching package files into the cache: in parallel, resumable, checked against their SHA-256 while they arrive.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::http::{Answer, Fault, Http, Pieces, shown};
use super::lock::{Lock, LockedPackage};
use super::sources::{DEBIAN, SECURITY, SNAPSHOT_SETTING, Sources, setting};
use crate::error::{IoContext, io_error};
use crate::image::{Digest, Hasher};
use crate::{Error, Result};

/// Downloads at a time.
const PARALLEL: usize = 8;

/// Fetches packages of a lock. Cheap to clone; clones share connections, limits and work.
#[derive(Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
    /// When each archive had all packages of the lock, for what the mirror has dropped since.
    moments: Arc<BTreeMap<String, Vec<Timestamp>>>,
}

struct Inner {
    http: Http,
    sources: Sources,
    folder: PathBuf,
    slots: Arc<Semaphore>,
    /// One lock per package being fetched, so that two targets do not fetch it twice.
    busy: Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<()>>>>,
}

impl Fetcher {
    pub(crate) fn new(http: Http, sources: Sources, folder: PathBuf) -> Self {
        let slots = Arc::new(Semaphore::new(PARALLEL));
        let inner = Arc::new(Inner { http, sources, folder, slots, busy: Mutex::default() });
        Fetcher { inner, moments: Arc::default() }
    }

    /// The same, for packages of `lock`: what the mirrors no longer have is taken from the snapshot archive of its date.
    pub fn of(&self, lock: &Lock) -> Self {
        let mut dates: BTreeMap<String, Timestamp> = BTreeMap::new();
        // Other repositories than Debian's have no past that could be asked for.
        for archive in lock.archives.iter().filter(|a| [DEBIAN, SECURITY].contains(&a.archive.as_str())) {
            if let Ok(date) = archive.date.parse::<Timestamp>() {
                let latest = dates.entry(archive.archive.clone()).or_insert(date);
                *latest = date.max(*latest);
            }
        }
        // A moment stands for the last snapshot before it. That of the release's own date is often the one before the
        // release; a day later there are some with it.
        let later = |date: Timestamp| date.checked_add(jiff::Span::new().hours(24)).ok();
        let moments = dates.into_iter().map(|(archive, date)| (archive, [Some(date), later(date)].into_iter().flatten().collect()));
        Fetcher { inner: self.inner.clone(), moments: Arc::new(moments.collect()) }
    }

    /// Where `package` is in the cache, if it is there.
    ///
    /// Its name is its hash, and it got its name only after the content was checked; what a crash or a disk made of it since
    /// is found when it is read.
    pub fn cached(&self, package: &LockedPackage) -> Option<PathBuf> {
        let path = self.inner.path(package);
        fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() == package.size).then_some(path)
    }

    /// The file of `package`, fetched unless it is in the cache. `received` is told how many more bytes are there, in
    /// all `package.size` of them (a file that turns out to be wrong is fetched, and counted, once more).
    ///
    /// # Errors
    /// Network errors name the package; nothing wrong or half-fetched is ever in the cache under its final name.
    pub async fn fetch(
        &self,
        package: &LockedPackage,
        received: &(dyn Fn(u64) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<PathBuf> {
        let digest = package.sha256.0;
        let gate = self.inner.busy.lock().unwrap_or_else(PoisonError::into_inner).entry(digest).or_default().clone();
        let done = match cancel.run_until_cancelled(gate.lock()).await {
            None => Err(Error::interrupted()),
            Some(_turn) => match self.cached(package) {
                Some(path) => {
                    received(package.size);
                    Ok(path)
                }
                None => self.download(package, received, cancel).await,
            },
        };
        drop(gate);
        let mut busy = self.inner.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.get(&digest).is_some_and(|gate| Arc::strong_count(gate) == 1) {
            busy.remove(&digest);
        }
        done.map_err(|error| error.context(format!("package {} {} ({})", package.name, package.version, package.architecture)))
    }

    async fn download(
        &self,
        package: &LockedPackage,
        received: &(dyn Fn(u64) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<PathBuf> {
        let inner = &self.inner;
        let _slot: Option<OwnedSemaphorePermit> = match cancel.run_until_cancelled(inner.slots.clone().acquire_owned()).await {
            None => return Err(Error::interrupted()),
            Some(slot) => slot.ok(),
        };
        fs::create_dir_all(&inner.folder).at("creating", &inner.folder)?;
        let path = inner.path(package);
        let Some(part) = Part::open(&path, package.size, cancel).await? else {
            received(package.size); // another process was faster
            return Ok(path);
        };
        let part = Arc::new(Mutex::new(part));
        let moments = self.moments.get(&package.archive).map_or(&[][..], Vec::as_slice);
        let urls = inner.urls(package, moments)?;
        let progress = Arc::new(Reported::default());
        let attempts = inner.http.with_retries(cancel, || async {
            for (url, setting) in &urls {
                let from = part.lock().unwrap_or_else(PoisonError::into_inner).length;
                let answer = match from == package.size {
                    true => return finish(&part, package, None).await,
                    false => inner.http.ask(url, setting, from, None).await?,
                };
                let Answer::Body(body) = answer else { continue };
                let (target, start, source) = (part.clone(), body.from, shown(url));
                let (size, counter) = (package.size, progress.clone());
                let reading = body.read_by(move |pieces| {
                    target.lock().unwrap_or_else(PoisonError::into_inner).append(pieces, start, size, &source, &counter)
                });
                watched(reading, &progress, received).await?;
                return finish(&part, package, Some(url)).await;
            }
            Err(Fault::lasting(
                Error::network(match moments.is_empty() {
                    true => format!("the archive `{}` no longer has {}", package.archive, package.path),
                    false => format!("neither the mirror nor the snapshot archive has {}", package.path),
                })
                .hint("the archive has moved on: `catamaran update` takes what it has now"),
            ))
        });
        attempts.await?;
        progress.tell(received);
        Ok(path)
    }
}

impl Inner {
    fn path(&self, package: &LockedPackage) -> PathBuf {
        self.folder.join(format!("{}.deb", package.sha256.0.hex()))
    }

    /// The mirrors first; then the past, which is slow to answer and must not be asked more than needed.
    /// Each with the setting it comes from.
    fn urls(&self, package: &LockedPackage, moments: &[Timestamp]) -> Result<Vec<(Url, String)>> {
        let pool = self.sources.pool(&package.archive);
        if pool.is_empty() || !super::index::is_pool_path(&package.path) {
            return Err(Error::usage(format!("`{}` in the archive `{}` cannot be fetched", package.path, package.archive)));
        }
        let past = moments.iter().map(|moment| self.sources.past(&package.archive, *moment)).collect::<Result<Vec<Url>>>()?;
        // The first of a pool is the mirror; what follows is the snapshot archive.
        let settings = std::iter::once(setting(&package.archive)).chain(std::iter::repeat_with(|| SNAPSHOT_SETTING.to_owned()));
        let full = |base: &Url| base.join(&package.path).map_err(|e| Error::usage(format!("`{}` is not a path", package.path)).source(e));
        pool.iter().chain(&past).zip(settings).map(|(base, setting)| full(base).map(|url| (url, setting))).collect()
    }
}

/// Bytes on disk, as the writing thread counts them and the listener has heard of them.
#[derive(Default)]
struct Reported {
    on_disk: std::sync::atomic::AtomicU64,
    told: std::sync::atomic::AtomicU64,
}

impl Reported {
    fn tell(&self, received: &(dyn Fn(u64) + Send + Sync)) {
        use std::sync::atomic::Ordering::Relaxed;
        let now = self.on_disk.load(Relaxed);
        let before = self.told.swap(now, Relaxed);
        if now > before {
            received(now - before);
        }
    }
}

/// Runs `work` and reports progress ten times a second.
async fn watched<T>(work: impl Future<Output = T>, progress: &Reported, received: &(dyn Fn(u64) + Send + Sync)) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(Duration::from_millis(100), &mut work).await {
            Ok(done) => return done,
            Err(_) => progress.tell(received),
        }
    }
}

/// Checks the hash and gives the file its name. A wrong file is emptied and, once, fetched again from the start.
async fn finish(part: &Arc<Mutex<Part>>, package: &LockedPackage, url: Option<&Url>) -> Result<(), Fault> {
    let (part, expected, size) = (part.clone(), package.sha256.0, package.size);
    let from = url.map(|url| format!(" from {}", shown(url))).unwrap_or_default();
    let work = move || {
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.length < size {
            return Err(Fault::transient(Error::network(format!("the connection ended after {} of {size} bytes{from}", part.length))));
        }
        let found = part.hasher.clone().finish();
        if found != expected {
            let again = !part.was_wrong;
            part.was_wrong = true;
            part.restart().map_err(Fault::lasting)?;
            let error = Error::network(format!("what came{from} is not what is locked: expected {expected}, found {found}")).hint(
                "the mirror or a proxy altered it, or the lock was edited: try another mirror, or delete containers.lock and build again",
            );
            return Err(Fault { error, transient: again, after: Some(Duration::ZERO) });
        }
        part.publish().map_err(Fault::lasting)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(Fault::lasting(Error::failed("checking the file stopped unexpectedly"))),
    }
}

/// A package being received: `SHA256.part`, locked against other processes, never deleted while it may be wanted.
struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    length: u64,
    hasher: Hasher,
    was_wrong: bool,
}

impl Part {
    /// Waits for the turn to fetch `target` of `size` bytes; `None` when another process has done it meanwhile.
    async fn open(target: &Path, size: u64, cancel: &CancellationToken) -> Result<Option<Self>> {
        let path = target.with_extension("part");
        loop {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).at("opening", &path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::Error(error)) => return Err(io_error(error, "locking", &path)),
                Err(TryLockError::WouldBlock) => {
                    if cancel.run_until_cancelled(tokio::time::sleep(Duration::from_millis(50))).await.is_none() {
                        return Err(Error::interrupted());
                    }
                    continue;
                }
            }
            // Whoever had the lock before may have renamed the file away: then this is the finished package itself.
            let same = fs::metadata(&path).is_ok_and(|m| file.metadata().is_ok_and(|mine| mine.ino() == m.ino()));
            if fs::metadata(target).is_ok_and(|m| m.len() == size) {
                if same {
                    let _ = fs::remove_file(&path);
                }
                return Ok(None);
            }
            if same {
                let target = target.to_owned();
                let part = Part { file, path, target, length: 0, hasher: Hasher::new(), was_wrong: false };
                let opened = tokio::task::spawn_blocking(move || part.resume(size)).await;
                return opened.map_err(|_| Error::failed("reading a partly fetched package stopped unexpectedly"))?.map(Some);
            }
        }
    }

    /// Takes in what an earlier run has received.
    fn resume(mut self, size: u64) -> Result<Self> {
        let mut buffer = vec![0; 1 << 17];
        loop {
            let n = self.file.read(&mut buffer).at("reading", &self.path)?;
            if n == 0 {
                break;
            }
            self.hasher.update(&buffer[..n]);
            self.length += n as u64;
        }
        if self.length > size {
            self.restart()?;
        }
        Ok(self)
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).at("emptying", &self.path)?;
        self.file.seek(SeekFrom::Start(0)).at("emptying", &self.path)?;
        (self.length, self.hasher) = (0, Hasher::new());
        Ok(())
    }

    /// Appends a body that begins at byte `start` of the file.
    fn append(&mut self, pieces: &mut Pieces, start: u64, size: u64, source: &str, progress: &Reported) -> Result<(), Fault> {
        if start != self.length {
            self.restart().map_err(Fault::lasting)?;
            if start != 0 {
                return Err(Fault::transient(Error::network(format!("{source} answered with another part of the file than asked for"))));
            }
        }
        let mut buffer = vec![0; 1 << 17];
        loop {
            let n = match pieces.read(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()), // the wire's side reports it
                Err(error) => return Err(Fault::lasting(io_error(error, "receiving", &self.path))),
            };
            if n == 0 {
                return Ok(());
            }
            if self.length + n as u64 > size {
                self.restart().map_err(Fault::lasting)?;
                return Err(Fault::lasting(
                    Error::network(format!("{source} is longer than the {size} bytes that are locked"))
                        .hint("the mirror or a proxy altered it, or the lock was edited: try another mirror, or delete containers.lock and build again"),
                ));
            }
            self.file.write_all(&buffer[..n]).map_err(|error| Fault::lasting(io_error(error, "writing", &self.path)))?;
            self.hasher.update(&buffer[..n]);
            self.length += n as u64;
            progress.on_disk.store(self.length, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// Gives the checked file its final name. Not synced, which took longer than many a download: after a crash a file may have
    /// other content, and whoever reads it checks its hash once more.
    fn publish(&mut self) -> Result<()> {
        fs::rename(&self.path, &self.target).at("writing", &self.target)
    }
}
