//! Everything that can be installed on one architecture: the indexes of all suites taken together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::index::{Index, Record};
use super::relation::{Relation, relations};
use super::version;
use crate::catalog::Architecture;

/// The packages of one architecture.
#[derive(Debug)]
pub(crate) struct Packages {
    /// Which architecture.
    pub architecture: Architecture,
    indexes: Vec<(Origin, Index)>,
    /// Of the packages that are pinned, what may be chosen.
    restricted: HashMap<String, Vec<Id>>,
    /// For names that are no package here: where there is one.
    pub elsewhere: BTreeMap<String, String>,
}

/// Where an index is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The archive, as the lock calls it.
    pub archive: String,
    /// `trixie`, `trixie-backports`.
    pub suite: String,
    /// The NAME of `[debian.sources.NAME]`, if it is one of those.
    pub source: Option<String>,
    /// Whether what is newer there is taken without being asked for; backports and experimental say it is not.
    pub automatic: bool,
}

/// A package: which index, which position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(u32, u32);

/// Chosen versions by package name; they win over newer ones.
pub(crate) type Pins = BTreeMap<String, String>;

impl Packages {
    /// Joins `indexes`; of equal versions the first index's is taken.
    pub fn new(architecture: Architecture, indexes: Vec<(Origin, Index)>) -> Self {
        Packages { architecture, indexes, restricted: HashMap::new(), elsewhere: BTreeMap::new() }
    }

    /// The package `id`.
    pub fn record(&self, id: Id) -> Record<'_> {
        self.indexes[id.0 as usize].1.record(id.1 as usize)
    }

    /// Where the package `id` is from.
    pub fn origin(&self, id: Id) -> &Origin {
        &self.indexes[id.0 as usize].0
    }

    /// Every version of the package `name`, wherever it is from.
    pub fn every_version(&self, name: &str) -> impl Iterator<Item = Id> {
        self.indexes.iter().enumerate().flat_map(move |(i, (_, index))| index.find(name).map(move |p| Id(i as u32, p as u32)))
    }

    /// The versions of the package `name` that may be chosen: where it is pinned, those of the pin; else, if there are
    /// any, those that need not be asked for.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = Id> {
        let pinned = self.restricted.get(name);
        let all = move || self.every_version(name);
        let automatic = pinned.is_none() && all().any(|id| self.origin(id).automatic);
        let standing = pinned.is_none().then(all).into_iter().flatten().filter(move |id| !automatic || self.origin(*id).automatic);
        pinned.into_iter().flatten().copied().chain(standing)
    }

    /// Whether only some versions of `name` may be chosen.
    pub fn is_pinned(&self, name: &str) -> bool {
        self.restricted.contains_key(name)
    }

    /// Lets only `allowed` be chosen of the versions of `name`.
    pub fn restrict(&mut self, name: &str, allowed: Vec<Id>) {
        self.restricted.insert(name.to_owned(), allowed);
    }

    /// The version of `name` to install: the locked one if it may be chosen, else the newest, whatever suite has it.
    pub fn candidate(&self, name: &str, pins: &Pins) -> Option<Id> {
        let pinned = pins.get(name).and_then(|pin| self.versions(name).find(|id| self.record(*id).version == *pin));
        pinned.or_else(|| {
            self.versions(name).reduce(|best, id| match version::compare(self.record(id).version, self.record(best).version) {
                std::cmp::Ordering::Greater => id,
                _ => best,
            })
        })
    }

    /// Where apt would first have met the package `name`: which index, and after how many other names.
    pub fn mention(&self, name: &str) -> (usize, u32) {
        let first = self.indexes.iter().enumerate().find_map(|(i, (_, index))| {
            let position = index.find(name).next()?;
            Some((i, index.record(position).mention))
        });
        first.unwrap_or_default()
    }

    /// The names of all packages marked `Essential: yes`, sorted.
    pub fn essential(&self) -> Vec<String> {
        let all = self.indexes.iter().flat_map(|(_, index)| (0..index.len()).map(|position| index.record(position)));
        let names: BTreeSet<&str> = all.filter(|record| record.essential).map(|record| record.name).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The candidates that provide `relation` by `Provides`, best first: by priority, then by name.
    pub fn providers(&self, relation: &Relation<'_>, pins: &Pins) -> Vec<Id> {
        let all = self.indexes.iter().enumerate();
        let mut found: Vec<Id> = all
            .flat_map(|(i, (_, index))| index.providers(relation.name).map(move |position| Id(i as u32, position as u32)))
            .filter(|id| {
                let record = self.record(*id);
                let provides = relations(record.provides).flatten().any(|provided| {
                    provided.name == relation.name && relation.accepts_provided(provided.constraint.map(|(_, version)| version))
                });
                // An old version's Provides must not count, or an update would be held back by it.
                provides && self.candidate(record.name, pins) == Some(*id)
            })
            .collect();
        found.sort_by_key(|id| {
            let record = self.record(*id);
            (importance(record.priority), record.name)
        });
        found.dedup();
        found
    }

    /// Every name of a package, with repetitions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.indexes.iter().flat_map(|(_, index)| (0..index.len()).map(|position| index.name(position)))
    }
}

/// `required`, `important`, `standard`, `optional` by their first letters (Policy 2.5), most important first.
pub(crate) fn importance(priority: &str) -> u8 {
    match priority {
        // apt numbers them from 1 and leaves what says nothing at 0.
        "" => 0,
        "r" => 1,
        "i" => 2,
        "s" => 3,
        "o" => 4,
        _ => 5,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::relation::relation;
    use super::*;

    /// Packages from lines `name version ; field: value ; …`.
    pub(crate) fn packages(architecture: Architecture, suites: &[&str]) -> Packages {
        let indexes = suites.iter().enumerate().map(|(i, suite)| {
            let mut text = String::new();
            for line in suite.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let mut parts = line.split(" ; ").map(str::trim);
                let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
                let sha = crate::image::Digest::of(line.as_bytes()).hex();
                let debian = architecture.debian();
                text += &format!("Package: {name}\nVersion: {version}\nArchitecture: {debian}\n");
                text += &format!("Filename: pool/main/{name}_{version}_{debian}.deb\nSize: {}\nSHA256: {sha}\n", line.len());
                parts.for_each(|field| text += &format!("{field}\n"));
                text.push('\n');
            }
            let origin = Origin { archive: "debian".into(), suite: format!("suite{i}"), source: None, automatic: true };
            (origin, Index::scan(text.as_bytes(), architecture.debian()).unwrap())
        });
        Packages::new(architecture, indexes.collect())
    }

    fn names(packages: &Packages, text: &str) -> Vec<String> {
        let found = packages.providers(&relation(text).unwrap(), &Pins::new());
        found.into_iter().map(|id| format!("{} {}", packages.record(id).name, packages.record(id).version)).collect()
    }

    #[test]
    fn the_newest_of_all_suites_wins_unless_another_is_pinned() {
        let all = packages(Architecture::X86_64, &["curl 8.14.1-1\ncurl 8.2-1", "curl 8.14.1-1+deb13u1"]);
        let version = |pins: &Pins| all.record(all.candidate("curl", pins).unwrap()).version.to_owned();
        assert_eq!(version(&Pins::new()), "8.14.1-1+deb13u1");
        assert_eq!(version(&Pins::from([("curl".into(), "8.2-1".into())])), "8.2-1");
        assert_eq!(version(&Pins::from([("curl".into(), "7-gone".into())])), "8.14.1-1+deb13u1");
    }

    #[test]
    fn what_is_not_automatic_waits_to_be_asked_for() {
        let mut all = packages(Architecture::X86_64, &["curl 1", "curl 2\nnew 2"]);
        all.indexes[1].0.automatic = false;
        let version = |name: &str| all.record(all.candidate(name, &Pins::new()).unwrap()).version;
        assert_eq!((version("curl"), version("new")), ("1", "2"));
    }

    #[test]
    fn providers_are_current_and_ordered_by_priority() {
        let all = packages(
            Architecture::X86_64,
            &[
                "gawk 5 ; Priority: optional ; Provides: awk\nmawk 1 ; Priority: required ; Provides: awk (= 2)\nold 1 ; Provides: awk",
                "old 2",
            ],
        );
        assert_eq!(names(&all, "awk"), ["mawk 1", "gawk 5"]);
        assert_eq!(names(&all, "awk (>= 2)"), ["mawk 1"]);
    }
}
