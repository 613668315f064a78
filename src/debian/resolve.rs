//! From a catalog and the packages of every architecture to a lock.
//!
//! First the base layer, then every container on top of exactly that base, so that the base is one and the same for all.
//! Versions are made equal across architectures: an image must not be newer on one machine than on another.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::lock::{Hex, Lock, LockedArchive, LockedBase, LockedPackage, LockedTarget};
use super::lock_file::{ESSENTIAL, VERSION, base_request, containers, request};
use super::packages::{Id, Packages, Pins};
use super::recommends::left_out;
use super::solver::solve;
use super::version::{compare, without_rebuild};
use crate::catalog::{Architecture, Catalog, Container, Target};
use crate::image::Digest;
use crate::progress::Progress;
use crate::{Error, Kind, Result};

/// How often versions are levelled and solved again before giving up; once is the rule.
const ROUNDS: usize = 16;

/// The packages that can be had, by architecture.
pub(crate) type Universes = BTreeMap<Architecture, Packages>;
/// A solution on every architecture.
type Solution = BTreeMap<Architecture, Vec<Id>>;

/// Solves the whole `catalog`. Versions of `old` are kept where they still fit.
///
/// A container that cannot be solved is an error only if it is among `requested`; others are left out, and said so.
pub(crate) fn resolve(
    catalog: &Catalog,
    universes: &Universes,
    archives: Vec<LockedArchive>,
    old: Option<&Lock>,
    requested: &[Target],
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Lock> {
    let request_of_base = base_request(catalog);
    let locked: BTreeMap<Architecture, Pins> =
        old.map(|lock| lock.bases.iter().map(|b| (b.target, pins(&b.packages))).collect()).unwrap_or_default();
    let architectures: Vec<Architecture> = universes.keys().copied().collect();
    let rules = Rules { universes, recommends: catalog.debian.recommends, cancel };
    let base = rules
        .together(&architectures, &with_essential(&request_of_base, universes), &Solution::new(), &locked)
        .map_err(|e| e.context("the base layer"))?;

    let of_base = rules.left_out(&base);
    if !of_base.is_empty() {
        progress.line(&format!("the base layer: recommended, but does not fit: {}", joined(&of_base)));
    }
    let mut lock = Lock { version: VERSION, recommends: rules.recommends, pins: catalog.debian.pins.clone(), archives, ..Lock::default() };
    let mut packages = BTreeSet::new();
    for (architecture, ids) in &base {
        lock.bases.push(LockedBase {
            target: *architecture,
            request: request_of_base.clone(),
            packages: entries(&universes[architecture], ids),
        });
        packages.extend(ids.iter().map(|id| (*architecture, *id)));
    }
    for container in containers(catalog) {
        match rules.on_base(container, &base, old) {
            Ok(solution) => {
                let left_out: BTreeSet<String> = rules.left_out(&solution).difference(&of_base).cloned().collect();
                if !left_out.is_empty() {
                    progress.line(&format!("container {}: recommended, but does not fit: {}", container.name, joined(&left_out)));
                }
                for (architecture, ids) in solution {
                    lock.targets.push(LockedTarget {
                        container: container.name.clone(),
                        target: architecture,
                        request: request(container),
                        packages: entries(&universes[&architecture], &ids),
                    });
                    packages.extend(ids.into_iter().map(|id| (architecture, id)));
                }
            }
            Err(error) if requested.iter().any(|t| t.container == container.name) || error.kind() == Kind::Interrupted => {
                return Err(error.context(format!("container {}", container.name)));
            }
            Err(error) => progress.line(&format!("container {} is left out of the lock: {error}", container.name)),
        }
    }
    lock.targets.sort_by(|a, b| (&a.container, a.target).cmp(&(&b.container, b.target)));
    lock.packages = packages.into_iter().map(|(architecture, id)| locked_package(&universes[&architecture], id)).collect::<Result<_>>()?;
    lock.packages.sort_by(|a, b| {
        (&a.name, &a.architecture)
            .cmp(&(&b.name, &b.architecture))
            .then_with(|| compare(&a.version, &b.version))
            .then_with(|| a.path.cmp(&b.path))
    });
    // Packages for all architectures come once from each of them.
    lock.packages.dedup_by(|a, b| (&a.name, &a.architecture, &a.version) == (&b.name, &b.architecture, &b.version));
    Ok(lock)
}

fn joined(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Packages and names, with `?essential` as the packages it stands for.
fn with_essential(request: &[String], universes: &Universes) -> Vec<String> {
    let mut wanted: Vec<String> = request.iter().filter(|name| *name != ESSENTIAL).cloned().collect();
    if wanted.len() < request.len() {
        let essential: BTreeSet<String> = universes.values().flat_map(Packages::essential).collect();
        wanted.extend(essential);
    }
    wanted
}

/// What every solution follows.
#[derive(Clone, Copy)]
struct Rules<'u> {
    universes: &'u Universes,
    recommends: bool,
    cancel: &'u CancellationToken,
}

impl Rules<'_> {
    /// The recommended packages that fit on no architecture of `solution`, or not on all.
    fn left_out(self, solution: &Solution) -> BTreeSet<String> {
        let each = solution.iter().filter(|_| self.recommends).map(|(architecture, ids)| left_out(&self.universes[architecture], ids));
        each.flatten().collect()
    }

    /// Solves one container on top of `base`.
    fn on_base(self, container: &Container, base: &Solution, old: Option<&Lock>) -> Result<Solution> {
        let wanted = request(container);
        let locked = old.map(|lock| {
            let mine = lock.targets.iter().filter(|t| t.container == container.name);
            mine.map(|t| (t.target, pins(&t.packages))).collect()
        });
        let locked: BTreeMap<Architecture, Pins> = locked.unwrap_or_default();
        let base: Solution = base.iter().filter(|(a, _)| container.targets.contains(a)).map(|(a, ids)| (*a, ids.clone())).collect();
        self.together(&container.targets, &wanted, &base, &locked).map_err(|error| {
            let alone =
                error.kind() == Kind::Failed && self.together(&container.targets, &wanted, &Solution::new(), &BTreeMap::new()).is_ok();
            match alone {
                true => error
                    .context("its packages do not fit on top of the base layer")
                    .hint("take the package that is in the way out of `base` under [defaults], or choose another for this container"),
                false => error,
            }
        })
    }

    /// Solves `request` on every one of `architectures`, with everything in `fixed`, preferring the versions of `locked`,
    /// such that a package has the same version wherever it is installed.
    fn together(
        self,
        architectures: &[Architecture],
        request: &[String],
        fixed: &Solution,
        locked: &BTreeMap<Architecture, Pins>,
    ) -> Result<Solution> {
        match self.level(architectures, request, fixed, locked) {
            // What is locked may no longer fit what is asked for now; then everything may be renewed.
            Err(error) if error.kind() == Kind::Failed && !locked.is_empty() => self.level(architectures, request, fixed, &BTreeMap::new()),
            done => done,
        }
    }

    fn level(
        self,
        architectures: &[Architecture],
        request: &[String],
        fixed: &Solution,
        locked: &BTreeMap<Architecture, Pins>,
    ) -> Result<Solution> {
        let universe = |architecture: Architecture| {
            self.universes.get(&architecture).ok_or_else(|| Error::failed(format!("the packages of {architecture} were not read")))
        };
        let mut pins = locked.clone();
        let mut requests: BTreeMap<Architecture, Vec<String>> = BTreeMap::new();
        for architecture in architectures {
            let packages = universe(*architecture)?;
            let pins = pins.entry(*architecture).or_default();
            let wanted = requests.entry(*architecture).or_default();
            for id in fixed.get(architecture).into_iter().flatten() {
                let record = packages.record(*id);
                pins.insert(record.name.to_owned(), record.version.to_owned());
                wanted.push(record.name.to_owned());
            }
            wanted.extend(request.iter().cloned());
        }
        for _ in 0..ROUNDS {
            let mut solution = Solution::new();
            for (architecture, wanted) in &requests {
                solution.insert(*architecture, solve(universe(*architecture)?, wanted, &pins[architecture], self.recommends, self.cancel)?);
            }
            let uneven = uneven(self.universes, &solution);
            if uneven.is_empty() {
                return Ok(solution);
            }
            for (name, versions) in uneven {
                for (architecture, version) in common(self.universes, &name, &versions)? {
                    pins.entry(architecture).or_default().insert(name.clone(), version);
                }
            }
        }
        Err(Error::failed("the same versions could not be found for all architectures")
            .hint("build the architectures from a snapshot (`snapshot` under [debian]) of a day when they were in step"))
    }
}

/// `["bash=5.2.37-2"]` as pins.
fn pins(packages: &[String]) -> Pins {
    packages.iter().filter_map(|entry| entry.split_once('=')).map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

fn entries(packages: &Packages, ids: &[Id]) -> Vec<String> {
    ids.iter().map(|id| packages.record(*id)).map(|record| format!("{}={}", record.name, record.version)).collect()
}

fn locked_package(packages: &Packages, id: Id) -> Result<LockedPackage> {
    let record = packages.record(id);
    Ok(LockedPackage {
        name: record.name.to_owned(),
        version: record.version.to_owned(),
        architecture: record.architecture.to_owned(),
        archive: packages.origin(id).archive.clone(),
        path: record.path(),
        size: record.size,
        sha256: Hex(Digest::from_hex(record.sha256).map_err(|error| Error::network(format!("package {}", record.name)).source(error))?),
    })
}

/// The packages whose versions differ, rebuilds aside: name → the version on each architecture that has it.
fn uneven(universes: &Universes, solution: &Solution) -> BTreeMap<String, BTreeMap<Architecture, String>> {
    let mut versions: BTreeMap<String, BTreeMap<Architecture, String>> = BTreeMap::new();
    for (architecture, ids) in solution {
        for record in ids.iter().map(|id| universes[architecture].record(*id)) {
            versions.entry(record.name.to_owned()).or_default().insert(*architecture, record.version.to_owned());
        }
    }
    versions.retain(|_, versions| {
        let mut plain = versions.values().map(|v| without_rebuild(v));
        let first = plain.next();
        plain.any(|other| Some(other) != first)
    });
    versions
}

/// The newest version of `name` that all architectures of `versions` have, as each of them calls it.
fn common(universes: &Universes, name: &str, versions: &BTreeMap<Architecture, String>) -> Result<BTreeMap<Architecture, String>> {
    // Of several rebuilds of one version the newest counts.
    let available = |architecture: &Architecture| {
        let packages = &universes[architecture];
        let mut all: BTreeMap<&str, &str> = BTreeMap::new();
        for version in packages.versions(name).map(|id| packages.record(id).version) {
            let best = all.entry(without_rebuild(version)).or_insert(version);
            if compare(version, best).is_gt() {
                *best = version;
            }
        }
        all
    };
    let all: BTreeMap<Architecture, BTreeMap<&str, &str>> = versions.keys().map(|a| (*a, available(a))).collect();
    let shared =
        all.values().next().into_iter().flat_map(|first| first.keys()).filter(|v| all.values().all(|other| other.contains_key(**v)));
    match shared.copied().max_by(|a, b| compare(a, b)) {
        Some(version) => Ok(all.iter().map(|(architecture, names)| (*architecture, names[version].to_owned())).collect()),
        None => {
            let newest = versions.values().max_by(|a, b| compare(a, b)).map(|v| without_rebuild(v)).unwrap_or_default();
            let (ahead, behind): (Vec<_>, Vec<_>) = versions.iter().partition(|(_, version)| without_rebuild(version) == newest);
            let words =
                |list: Vec<(&Architecture, &String)>| list.iter().map(|(a, v)| format!("{a} has {v}")).collect::<Vec<_>>().join(", ");
            Err(Error::failed(format!("{name} has no version that all architectures share: {}, but {}", words(ahead), words(behind))).hint(
                "the archive has not built it everywhere yet; try again later, build the architectures as separate containers, or use `snapshot` under [debian]",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lock_file::tests::container;
    use super::super::packages::tests::packages;
    use super::*;
    use crate::progress::Silent;

    const X: Architecture = Architecture::X86_64;
    const A: Architecture = Architecture::Aarch64;
    const BASE: &str = "base-files 13\nbase-passwd 3\n";

    fn catalog(containers: &str) -> Catalog {
        let mut catalog = Catalog::default();
        for line in containers.lines() {
            let (name, list) = line.split_once(": ").unwrap();
            catalog.containers.push(container(name, &list.split(' ').collect::<Vec<_>>(), &[X, A]));
        }
        catalog
    }

    fn universes(x: &[&str], a: &[&str]) -> Universes {
        let with_base = |suites: &[&str]| {
            let mut suites: Vec<String> = suites.iter().map(|s| (*s).to_owned()).collect();
            suites[0].insert_str(0, BASE);
            suites
        };
        let of = |architecture, suites: Vec<String>| packages(architecture, &suites.iter().map(String::as_str).collect::<Vec<_>>());
        Universes::from([(X, of(X, with_base(x))), (A, of(A, with_base(a)))])
    }

    fn run(catalog: &Catalog, universes: &Universes, old: Option<&Lock>) -> Result<Lock> {
        resolve(catalog, universes, Vec::new(), old, &catalog.targets(), &Silent, &CancellationToken::new())
    }

    fn closure(lock: &Lock, container: &str, architecture: Architecture) -> Vec<String> {
        let target = lock.target(&Target::new(container, architecture)).unwrap();
        target.packages.iter().filter(|p| !p.starts_with("base-")).cloned().collect()
    }

    #[test]
    fn an_architecture_that_is_ahead_waits_for_the_others() {
        let both = universes(&["curl 8.14-1+b2", "curl 8.14-2"], &["curl 8.14-1"]);
        let lock = run(&catalog("curl: curl"), &both, None).unwrap();
        assert_eq!(closure(&lock, "curl", X), ["curl=8.14-1+b2"]);
        assert_eq!(closure(&lock, "curl", A), ["curl=8.14-1"]);
        assert_eq!(lock.packages.len(), 2 + 2 * 2);

        let never = universes(&["curl 8.14-2"], &["curl 8.14-1"]);
        let message = run(&catalog("curl: curl"), &never, None).unwrap_err().message();
        assert!(message.contains("x86_64 has 8.14-2, but aarch64 has 8.14-1"), "{message}");
    }

    #[test]
    fn the_base_is_the_same_under_every_container() {
        let text = "app 1 ; Depends: lib | other\nlib 1\nother 1\nfoe 1 ; Conflicts: other";
        let mut wanted = catalog("app: app\nfoe: foe");
        wanted.base = vec!["other".into()];
        let both = universes(&[text], &[text]);
        let error = run(&wanted, &both, None).unwrap_err();
        assert!(error.message().contains("container foe: its packages do not fit on top of the base layer"), "{error}");
        // Built alone, the good container is not held up by the bad one, and uses what the base has.
        let target = Target::new("app", X);
        let lock = resolve(&wanted, &both, Vec::new(), None, &[target], &Silent, &CancellationToken::new()).unwrap();
        assert_eq!(closure(&lock, "app", X), ["app=1", "other=1"]);
        assert!(lock.targets.iter().all(|t| t.container.as_str() == "app"));
    }

    #[test]
    fn locked_versions_stay_until_they_no_longer_fit() {
        let suites = ["curl 1", "curl 2\nnew 1 ; Depends: curl (>= 2)"];
        let both = universes(&suites, &suites);
        let only_old = universes(&suites[..1], &suites[..1]);
        let old = run(&catalog("curl: curl"), &only_old, None).unwrap();
        let kept = run(&catalog("curl: curl"), &both, Some(&old)).unwrap();
        assert_eq!(closure(&kept, "curl", X), ["curl=1"]);
        let renewed = run(&catalog("curl: curl new"), &both, Some(&old)).unwrap();
        assert_eq!(closure(&renewed, "curl", X), ["curl=2", "new=1"]);
    }
}
