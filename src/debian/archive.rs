//! One session's view of Debian: locks from it, package files from it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::changes::{Renewal, changes, older_suites, republished, taken_back};
use super::elsewhere;
use super::fetch::Fetcher;
use super::http::{Http, shown};
use super::indexes::{self, Wanted};
use super::keyring::{Keyring, KeyringNote};
use super::lock::{Change, Lock, LockedArchive};
use super::lock_file::{containers, read_lock, staleness, write_lock};
use super::packages::{Origin, Packages};
use super::pins;
use super::release::{self, Policy, Release};
use super::resolve::{Universes, resolve};
use super::sources::{DEBIAN, Host, SECURITY, Source, Sources};
use crate::catalog::{Architecture, Catalog, ContainerName, DebianSettings, Target};
use crate::error::IoContext;
use crate::progress::Progress;
use crate::{Error, Result};

/// How the lock is renewed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Update {
    /// Whether the lock is written.
    pub write: bool,
    /// Whether it may go back to older suites and packages.
    pub allow_downgrades: bool,
}

/// The Debian archives of one session: settings, connections and the cache. Does nothing until asked.
pub struct Archive {
    pub(super) http: Http,
    sources: Sources,
    settings: DebianSettings,
    /// Where relative keyring paths start.
    folder: PathBuf,
    /// `cache/debian`.
    cache: PathBuf,
    fetcher: Fetcher,
}

impl Archive {
    /// The archives that `settings` and this host name. `folder` is that of `containers.toml`, where a relative keyring
    /// path starts; `cache` is the program's cache folder, below which `debian/` is used.
    pub fn new(settings: &DebianSettings, folder: &Path, cache: PathBuf) -> Result<Self> {
        Self::on(settings, folder, cache, &Host::read())
    }

    pub(crate) fn on(settings: &DebianSettings, folder: &Path, cache: PathBuf, host: &Host) -> Result<Self> {
        let http = Http::new();
        let sources = Sources::new(settings, host)?;
        let cache = cache.join("debian");
        let fetcher = Fetcher::new(http.clone(), sources.clone(), cache.join("packages"));
        Ok(Archive { http, sources, settings: settings.clone(), folder: folder.to_owned(), cache, fetcher })
    }

    /// From now on `progress` hears which servers are waited for.
    pub fn tell(&self, progress: Arc<dyn Progress>) {
        self.http.tell(progress);
    }

    /// What fetches the packages of a lock.
    pub fn fetcher(&self) -> Fetcher {
        self.fetcher.clone()
    }

    /// The lock of `catalog`: the one on disk if it fits all of `targets`, without asking the network anything, else a
    /// renewed one, which is written. Then the changes come with it, a line each.
    ///
    /// Versions that are locked stay locked where they can. The file always covers the whole catalog.
    ///
    /// # Errors
    /// With `locked`, a lock that would have to be renewed is a failure.
    pub async fn lock(
        &self,
        catalog: &Catalog,
        targets: &[Target],
        locked: bool,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(Lock, Option<Vec<String>>)> {
        let old = read_lock(&catalog.lock_path())?;
        let why = match &old {
            None => "there is none".to_owned(),
            Some(lock) => match staleness(lock, catalog, targets) {
                None => return Ok((lock.clone(), None)),
                Some(why) => why,
            },
        };
        if locked {
            return Err(Error::failed(format!("{} does not fit containers.toml: {why}", catalog.lock_path().display()))
                .hint("run `catamaran build` once without --locked, and commit the lock"));
        }
        progress.line(&format!("renewing containers.lock: {why}"));
        let lock = self.renew(catalog, targets, old.as_ref(), progress, cancel).await?;
        if old.as_ref() != Some(&lock) {
            write_lock(&catalog.lock_path(), &lock)?;
        }
        older_suites(old.as_ref(), &lock).iter().for_each(|warning| progress.line(&format!("warning: {warning}")));
        let changes = changes(old.as_ref(), &lock).iter().map(Change::to_string).collect();
        Ok((lock, Some(changes)))
    }

    /// Renews the lock of `catalog` with the newest versions and says what changes; only with `write` is it written.
    ///
    /// With `names`, only those containers take new versions: the base layer and all others keep theirs.
    ///
    /// # Errors
    /// Writing a lock that goes back in time is a failure, unless `allow_downgrades`.
    pub async fn update(
        &self,
        catalog: &Catalog,
        names: &[ContainerName],
        Update { write, allow_downgrades }: Update,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Renewal> {
        let old = read_lock(&catalog.lock_path())?;
        let keep = old.clone().filter(|_| !names.is_empty()).map(|mut lock| {
            lock.targets.retain(|target| !names.contains(&target.container));
            lock
        });
        let lock = self.renew(catalog, &catalog.targets(), keep.as_ref(), progress, cancel).await?;
        let changes = changes(old.as_ref(), &lock);
        let mut warnings = taken_back(old.as_ref(), &lock, &changes, catalog);
        if write && !allow_downgrades && !warnings.is_empty() {
            return Err(Error::failed(format!("containers.lock stays as it is: {}", warnings.join("; "))).hint(
                "the mirror is behind, or someone withholds updates: try later or another mirror; \
                 `catamaran update --allow-downgrades` takes it all the same",
            ));
        }
        warnings.extend(republished(&changes));
        if write && old.as_ref() != Some(&lock) {
            write_lock(&catalog.lock_path(), &lock)?;
        }
        Ok(Renewal { lock, changes, warnings })
    }

    /// Solves the whole catalog; `keep` is what versions are preferred from.
    async fn renew(
        &self,
        catalog: &Catalog,
        targets: &[Target],
        keep: Option<&Lock>,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Lock> {
        progress.phase("lock");
        let mut architectures: Vec<Architecture> = containers(catalog).flat_map(|c| c.targets.iter().copied()).collect();
        architectures.sort();
        architectures.dedup();
        let (releases, mut universes) = self.universes(&architectures, progress, cancel).await?;
        self.note_elsewhere(catalog, &releases, &mut universes, cancel).await;
        let archives = self.locked_archives(&releases);
        // Solving is milliseconds of plain computation.
        resolve(catalog, &universes, archives, keep, targets, progress, cancel)
    }

    /// What can be installed on each of `architectures`, and the releases that say so.
    pub(super) async fn universes(
        &self,
        architectures: &[Architecture],
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(Vec<(&Source, Release)>, Universes)> {
        let releases = self.releases(cancel).await?;
        for (source, release) in &releases {
            progress.line(&format!("{} {} of {}", source.archive, source.suite, release.date));
        }
        let read = architectures.iter().map(|architecture| self.packages(*architecture, &releases, progress, cancel));
        let mut universes: Universes = try_join_all(read).await?.into_iter().collect();
        pins::apply(&self.settings.pins, &mut universes)?;
        Ok((releases, universes))
    }

    /// Notes where what `catalog` asks for in vain is.
    pub(super) async fn note_elsewhere(
        &self,
        catalog: &Catalog,
        releases: &[(&Source, Release)],
        universes: &mut Universes,
        cancel: &CancellationToken,
    ) {
        let missing = elsewhere::missing(catalog, universes);
        if !missing.is_empty() {
            elsewhere::look(&self.http, &missing, releases, &self.releases_folder(), universes, cancel).await;
        }
    }

    /// Where indexes are kept.
    pub(super) fn releases_folder(&self) -> PathBuf {
        self.cache.join("releases")
    }

    /// Reads and verifies the releases of all suites, and says what they are.
    ///
    /// # Errors
    /// A mirror cannot be reached, or what it has is not signed by a key of the keyring.
    pub async fn check(&self, cancel: &CancellationToken) -> Result<Vec<String>> {
        let releases = self.releases(cancel).await?;
        Ok(releases.iter().map(|(source, release)| format!("{} of {} from {}", source.suite, release.date, shown(&source.base))).collect())
    }

    /// The keyrings that are used, each with its name.
    pub fn keyrings(&self) -> Vec<(String, Result<KeyringNote>)> {
        let paths: BTreeSet<Option<&Path>> = self.sources.suites.iter().map(|source| source.keyring.as_deref()).collect();
        let read = |path: Option<&Path>| match path {
            None => (KeyringNote::EMBEDDED.to_owned(), Keyring::embedded().map(|keyring| keyring.note())),
            Some(path) => {
                let name = format!("keyring {}", path.display());
                (name, Keyring::open(&self.folder.join(path)).map(|keyring| keyring.note()))
            }
        };
        paths.into_iter().map(read).collect()
    }

    /// The releases of all suites, verified.
    pub(super) async fn releases(&self, cancel: &CancellationToken) -> Result<Vec<(&Source, Release)>> {
        let cache = self.releases_folder();
        std::fs::create_dir_all(&cache).at("creating", &cache)?;
        let mut keyrings: BTreeMap<Option<&Path>, Keyring> = BTreeMap::new();
        for source in &self.sources.suites {
            let path = source.keyring.as_deref();
            if let Entry::Vacant(unread) = keyrings.entry(path) {
                unread.insert(path.map_or_else(Keyring::embedded, |path| Keyring::open(&self.folder.join(path)))?);
            }
        }
        let (cache, keyrings) = (&cache, &keyrings);
        try_join_all(self.sources.suites.iter().map(async |source| {
            // Only Debian's own archives have a past; the others are read as they are now.
            let past = self.settings.snapshot.is_some() && [DEBIAN, SECURITY].contains(&source.archive.as_str());
            let policy = Policy { now: Timestamp::now(), check_valid_until: source.check_valid_until, past };
            let release = release::read(&self.http, source, &keyrings[&source.keyring.as_deref()], policy, cache, cancel).await?;
            Ok((source, release))
        }))
        .await
    }

    /// Everything that can be installed on `architecture`.
    pub(super) async fn packages(
        &self,
        architecture: Architecture,
        releases: &[(&Source, Release)],
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(Architecture, Packages)> {
        let debian = architecture.debian();
        let mut wanted = Vec::new();
        for (source, release) in releases {
            for component in &source.components {
                if !release.components.contains(component) {
                    return Err(Error::usage(format!("{} has no component `{component}`", source.suite)).hint(format!(
                        "it has {}; see `components` under {}",
                        release.components.join(", "),
                        source.table()
                    )));
                }
                if !release.architectures.iter().any(|a| a == debian) {
                    if let Some(name) = &source.name {
                        // Of the containers, only some may need it; those say what is missing.
                        progress.line(&format!("the source {name} has nothing for {architecture}"));
                        break;
                    }
                    return Err(Error::usage(format!("Debian {} does not exist for {architecture}", source.suite))
                        .hint(format!("it exists for {}", release.architectures.join(", "))));
                }
                let folders = [debian].into_iter().chain(release.separate_all.then_some("all"));
                wanted.extend(folders.map(|folder| Wanted { source, release, component, folder, architecture: debian }));
            }
        }
        let cache = self.releases_folder();
        let read = wanted.iter().map(async |wanted| {
            let index = indexes::read(&self.http, wanted, &cache, cancel).await?;
            let Source { archive, suite, name, .. } = wanted.source;
            let automatic = wanted.release.automatic;
            let origin = Origin { archive: archive.clone(), suite: suite.clone(), source: name.clone(), automatic };
            Ok::<_, Error>(index.map(|index| (origin, index)))
        });
        let indexes: Vec<_> = try_join_all(read).await?.into_iter().flatten().collect();
        let packages = tokio::task::spawn_blocking(move || Packages::new(architecture, indexes)).await;
        Ok((architecture, packages.map_err(|_| Error::failed("joining the package indexes stopped unexpectedly"))?))
    }

    pub(super) fn locked_archives(&self, releases: &[(&Source, Release)]) -> Vec<LockedArchive> {
        let mut archives: Vec<LockedArchive> = releases
            .iter()
            .map(|(source, release)| LockedArchive {
                archive: source.archive.clone(),
                suite: source.suite.clone(),
                components: source.components.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
                snapshot: self.settings.snapshot.clone().filter(|_| [DEBIAN, SECURITY].contains(&source.archive.as_str())),
                date: release.date.to_string(),
            })
            .collect();
        archives.sort_by(|a, b| (&a.archive, &a.suite).cmp(&(&b.archive, &b.suite)));
        archives
    }
}
