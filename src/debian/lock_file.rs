//! `containers.lock` on disk: read, written, compared, and whether it still fits the catalog.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::index::is_pool_path;
use super::lock::{Lock, LockedArchive, LockedPackage};
use super::relation::{is_name, is_version};
use super::sources::{DEBIAN, SECURITY, archive_of};
use crate::catalog::{BuilderKind, Catalog, Container, DebianSettings, DebianSource, Target};
use crate::error::IoContext;
use crate::image::replace_file;
use crate::{Error, Result};

/// The only format there is.
pub(crate) const VERSION: u32 = 1;
/// A lock larger than this is not one; 1000 packages need 0.3 MB.
const MAX_LOCK: u64 = 64 << 20;
const HEADER: &str = "\
# Every package of every target, pinned. Written by catamaran: commit it, do not edit it.
# `catamaran update` takes the newest versions; `catamaran build --locked` refuses to change it.

";

/// What every image has whatever is asked for: os-release and the usr-merge links, users and groups.
const IMPLICIT: [&str; 2] = ["base-files", "base-passwd"];
/// Stands in the base's request for every package marked so, as in apt's patterns: no package can be called this.
pub(crate) const ESSENTIAL: &str = "?essential";

/// The lock at `path`; `None` when there is no such file.
///
/// # Errors
/// A usage error when the file is not a lock, with where and why.
pub fn read_lock(path: &Path) -> Result<Option<Lock>> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => {
            if other.at("reading", path)?.len() > MAX_LOCK {
                return Err(Error::usage(format!("{} is too large to be a lock", path.display())));
            }
        }
    }
    let bytes = std::fs::read(path).at("reading", path)?;
    let text = String::from_utf8(bytes).map_err(|error| Error::usage("not a lock").source(error));
    text.and_then(|text| parse(&text)).map(Some).map_err(|error| {
        let error = error.context(path.display());
        match error.advice() {
            Some(_) => error,
            None => error.hint("settle the merge if there was one, or delete the file and build again to write a new one"),
        }
    })
}

/// Writes `lock` to `path`, whole or not at all.
pub(crate) fn write_lock(path: &Path, lock: &Lock) -> Result<()> {
    replace_file(path, text(lock)?.as_bytes())
}

pub(super) fn text(lock: &Lock) -> Result<String> {
    let body = toml::to_string_pretty(lock).map_err(|error| Error::failed("the lock could not be written as TOML").source(error))?;
    Ok(format!("{HEADER}{body}"))
}

pub(super) fn parse(text: &str) -> Result<Lock> {
    /// What every version of the format begins with.
    #[derive(Deserialize)]
    struct Format {
        version: u32,
    }
    let not_a_lock = |error: toml::de::Error| Error::usage("not a lock").source(error);
    let Format { version } = toml::from_str(text).map_err(not_a_lock)?;
    if version > VERSION {
        return Err(Error::usage(format!("its format is version {version}, and this catamaran knows {VERSION}"))
            .hint("it was written by a newer catamaran: update this one"));
    }
    let lock: Lock = toml::from_str(text).map_err(not_a_lock)?;
    if version != VERSION {
        return Err(Error::usage(format!("its format is version {version}, and this catamaran knows {VERSION}")));
    }
    if let Some(archive) = lock.archives.iter().find(|archive| archive.date.parse::<Timestamp>().is_err()) {
        let LockedArchive { archive, suite, date, .. } = archive;
        return Err(Error::usage(format!("the date of {archive} {suite}, {date:?}, is none")));
    }
    for package in &lock.packages {
        let fine = is_name(&package.name)
            && is_version(&package.version)
            && is_name(&package.architecture)
            && is_pool_path(&package.path)
            && is_name(&package.archive);
        if !fine {
            return Err(Error::usage(format!("the entry of package {:?} is not valid", package.name)));
        }
    }
    let mut known: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for LockedPackage { name, version, architecture, .. } in &lock.packages {
        if !known.insert((name, version, architecture)) {
            return Err(Error::usage(format!("it has {name} {version} for {architecture} twice")));
        }
    }
    let closures = lock.bases.iter().map(|b| (b.target, &b.packages)).chain(lock.targets.iter().map(|t| (t.target, &t.packages)));
    for (architecture, packages) in closures {
        for entry in packages {
            let (name, version) = entry.split_once('=').unwrap_or((entry, ""));
            if !known.contains(&(name, version, architecture.debian())) && !known.contains(&(name, version, "all")) {
                return Err(Error::usage(format!("`{entry}` of a target for {architecture} is not among its packages")));
            }
        }
    }
    Ok(lock)
}

/// What the base layer asks for, sorted.
pub(crate) fn base_request(catalog: &Catalog) -> Vec<String> {
    let essential = catalog.debian.essential.then_some(ESSENTIAL);
    sorted(catalog.base.iter().map(String::as_str).chain(IMPLICIT).chain(essential))
}

/// What `container` asks for besides the base, sorted.
pub(crate) fn request(container: &Container) -> Vec<String> {
    sorted(container.debian_packages.iter().map(String::as_str))
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The containers that this builder makes.
pub(crate) fn containers(catalog: &Catalog) -> impl Iterator<Item = &Container> {
    catalog.containers.iter().filter(|c| c.builder == BuilderKind::Debian)
}

/// Whether `lock` still says what `catalog` asks for, for every one of `targets` that this builder makes.
pub fn is_fresh(lock: &Lock, catalog: &Catalog, targets: &[Target]) -> bool {
    staleness(lock, catalog, targets).is_none()
}

/// Why `lock` is not what `catalog` asks for, if it is not.
pub fn staleness(lock: &Lock, catalog: &Catalog, targets: &[Target]) -> Option<String> {
    let settings = &catalog.debian;
    if let Some(why) = other_archives(lock, settings) {
        return Some(why);
    }
    if lock.pins != settings.pins {
        return Some("it was made with other pins".into());
    }
    if lock.recommends != settings.recommends {
        let with = if lock.recommends { "with" } else { "without" };
        return Some(format!("it was made {with} recommended packages"));
    }
    let base = base_request(catalog);
    for target in targets {
        let Some(container) = containers(catalog).find(|c| c.name == target.container) else { continue };
        if lock.base(target.architecture).is_none_or(|locked| locked.request != base) {
            return Some(format!("the base layer of {} has changed", target.architecture));
        }
        match lock.target(target) {
            None => return Some(format!("{target} is not in it")),
            Some(locked) if locked.request != request(container) => return Some(format!("the packages of {target} have changed")),
            Some(_) => {}
        }
    }
    None
}

/// Whether `lock` is of other archives than those of `settings`, and which.
fn other_archives(lock: &Lock, settings: &DebianSettings) -> Option<String> {
    let debian = |archive: &str| [DEBIAN, SECURITY].contains(&archive);
    let is_source = |locked: &LockedArchive, name: &str, source: &DebianSource| {
        locked.archive == archive_of(name, source)
            && locked.suite == source.suite
            && locked.components == sorted(source.components.iter().map(String::as_str))
    };
    if let Some((name, _)) = settings.sources.iter().find(|(name, source)| !lock.archives.iter().any(|a| is_source(a, name, source))) {
        return Some(format!("it is not of the source {name}"));
    }
    let own = || lock.archives.iter().filter(|a| !settings.sources.iter().any(|(name, source)| is_source(a, name, source)));
    if let Some(other) = own().find(|a| !debian(&a.archive)) {
        return Some(format!("it is of the source {}, which is no longer named", other.archive));
    }
    let mine = |suite: &str| suite.strip_prefix(settings.suite.as_str()).is_some_and(|rest| ["", "-updates", "-security"].contains(&rest));
    if !own().any(|a| a.suite == settings.suite) || !own().all(|a| mine(&a.suite)) {
        return Some(format!("it is not of the suite {}", settings.suite));
    }
    let components = sorted(settings.components.iter().map(String::as_str));
    if own().any(|a| a.components != components) {
        return Some(format!("it is not of the components {}", components.join(", ")));
    }
    if lock.archives.iter().any(|a| debian(&a.archive) && a.snapshot != settings.snapshot) {
        return Some("it is of another snapshot".into());
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::super::lock::{Hex, LockedArchive, LockedBase, LockedPackage, LockedTarget};
    use super::*;
    use crate::catalog::Architecture;
    use crate::image::Digest;
    use proptest::prelude::*;

    const X: &[Architecture] = &[Architecture::X86_64];

    /// A container of this builder with nothing but packages.
    pub(crate) fn container(name: &str, packages: &[&str], targets: &[Architecture]) -> Container {
        Container {
            name: name.into(),
            targets: targets.to_vec(),
            debian_packages: packages.iter().map(|p| (*p).to_owned()).collect(),
            ..Container::new(name)
        }
    }

    pub(crate) fn catalog() -> Catalog {
        Catalog { base: vec!["bash".into()], containers: vec![container("fd", &["fd-find", "less"], X)], ..Catalog::default() }
    }

    pub(crate) fn package(name: &str, version: &str) -> LockedPackage {
        LockedPackage {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            archive: "debian".into(),
            path: format!("pool/main/{name}.deb"),
            size: 1,
            sha256: Hex(Digest::of(name.as_bytes())),
        }
    }

    pub(crate) fn lock() -> Lock {
        let archive = LockedArchive {
            archive: "debian".into(),
            suite: "trixie".into(),
            components: vec!["main".into()],
            snapshot: None,
            date: "2026-11-21T00:00:00Z".into(),
        };
        let base = LockedBase {
            target: Architecture::X86_64,
            request: vec!["base-files".into(), "base-passwd".into(), "bash".into()],
            packages: vec!["bash=5.2-1".into()],
        };
        let target = LockedTarget {
            container: "fd".into(),
            target: Architecture::X86_64,
            request: vec!["fd-find".into(), "less".into()],
            packages: vec!["bash=5.2-1".into(), "fd-find=10-1".into()],
        };
        let packages = vec![package("bash", "5.2-1"), package("fd-find", "10-1")];
        Lock {
            version: VERSION,
            recommends: false,
            pins: BTreeMap::new(),
            archives: vec![archive],
            bases: vec![base],
            targets: vec![target],
            packages,
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("containers.lock");
        assert_eq!(read_lock(&path).unwrap(), None);
        write_lock(&path, &lock()).unwrap();
        assert_eq!(read_lock(&path).unwrap(), Some(lock()));
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# Every package"));
    }

    #[test]
    fn a_lock_is_stale_when_what_was_asked_for_changes() {
        let targets = catalog().targets();
        assert_eq!(staleness(&lock(), &catalog(), &targets), None);
        let stale = |change: &dyn Fn(&mut Catalog)| {
            let mut changed = catalog();
            change(&mut changed);
            staleness(&lock(), &changed, &changed.targets()).unwrap_or_default()
        };
        assert!(stale(&|c| c.base.push("curl".into())).contains("base layer of x86_64"));
        assert!(stale(&|c| c.containers[0].debian_packages.push("x".into())).contains("packages of fd/x86_64"));
        assert!(stale(&|c| c.containers.push(container("rg", &["ripgrep"], X))).contains("rg/x86_64 is not in it"));
        assert!(stale(&|c| c.debian.suite = "forky".into()).contains("suite forky"));
        assert!(stale(&|c| c.debian.components.push("contrib".into())).contains("components"));
        let source = || DebianSource {
            url: None,
            suite: "trixie-backports".into(),
            components: vec!["main".into()],
            keyring: None,
            check_valid_until: None,
        };
        assert!(stale(&|c| _ = c.debian.sources.insert("backports".into(), source())).contains("source backports"));
        assert!(stale(&|c| _ = c.debian.pins.insert("bash".into(), "5*".into())).contains("other pins"));
        assert!(stale(&|c| c.debian.recommends = true).contains("without recommended packages"));
        assert!(stale(&|c| c.debian.essential = true).contains("base layer of x86_64"));
        assert!(stale(&|c| c.debian.snapshot = Some("20261101T000000Z".into())).contains("snapshot"));
        // Order, and containers of the other builder, do not matter.
        assert_eq!(stale(&|c| c.containers[0].debian_packages.reverse()), "");
        assert_eq!(stale(&|c| c.containers[0].builder = BuilderKind::Nix), "");
    }

    #[test]
    fn a_damaged_lock_says_what_is_wrong() {
        let good = text(&lock()).unwrap();
        for (from, to, expected) in [
            ("version = 1", "version = 2", "version 2"),
            ("pool/main/bash.deb", "../../etc/passwd", "package \"bash\""),
            ("\"fd-find=10-1\"", "\"fd-find=11-1\"", "fd-find=11-1"),
            ("[[base]]", "<<<<<<< HEAD", "not a lock"),
            ("2026-11-21T00:00:00Z", "yesterday", "the date of debian trixie, \"yesterday\", is none"),
            ("name = \"fd-find\"\nversion = \"10-1\"", "name = \"bash\"\nversion = \"5.2-1\"", "it has bash 5.2-1 for amd64 twice"),
        ] {
            let error = parse(&good.replace(from, to)).unwrap_err();
            assert!(error.message().contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_no_lock_is_a_usage_error_with_its_own_advice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("containers.lock");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let error = read_lock(&path).unwrap_err();
            assert_eq!(error.kind(), crate::Kind::Usage);
            error.advice().unwrap().to_owned()
        };
        assert!(refused(b"version = 1\n\xff").contains("settle the merge"));
        assert_eq!(refused(b"version = 2\nnew = true\n"), "it was written by a newer catamaran: update this one");
    }

    proptest! {
        #[test]
        fn any_text_is_a_lock_or_refused(text in "(version = 1\n|\\[\\[package\\]\\]\n|name = \"a\"\n|size = 1\n|[ -~]|\n){0,20}") {
            let _ = parse(&text);
        }
    }
}
