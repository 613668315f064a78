//! `[debian.pins]`: versions that are chosen instead of the newest (apt_preferences(5), with one priority only).
//!
//! What is pinned comes in a version that the pin allows, or not at all: here apt would quietly take another one. Of
//! several that are allowed the newest is taken. A name is more exact than a pattern, and a long pattern than a short
//! one: the most exact pin alone counts.

use std::collections::{BTreeMap, BTreeSet};

use super::packages::{Id, Packages};
use super::resolve::Universes;
use super::solver::near_names;
use super::version::without_rebuild;
use crate::{Error, Result};

/// Leaves of every package that is pinned only the versions that `pins` allow.
///
/// # Errors
/// A usage error that names every pin that allows nothing, and what there is.
pub(crate) fn apply(pins: &BTreeMap<String, String>, universes: &mut Universes) -> Result<()> {
    let mut order: Vec<(&str, &str)> = pins.iter().map(|(pattern, wanted)| (pattern.as_str(), wanted.as_str())).collect();
    order.sort_by_key(|(pattern, _)| (!is_pattern(pattern), pattern.len()));
    let mut problems = Vec::new();
    for (pattern, wanted) in order {
        let mut met = false;
        let mut versions: BTreeSet<String> = BTreeSet::new();
        for packages in universes.values_mut() {
            let names: BTreeSet<String> = match is_pattern(pattern) {
                true => packages.names().filter(|name| matches(pattern, name)).map(str::to_owned).collect(),
                false => BTreeSet::from([pattern.to_owned()]),
            };
            for name in names {
                let all: Vec<Id> = packages.every_version(&name).collect();
                let allowed: Vec<Id> = all.iter().copied().filter(|id| allows(packages, *id, wanted)).collect();
                if allowed.is_empty() {
                    versions.extend(all.iter().map(|id| told(packages, &name, *id)));
                    continue;
                }
                met = true;
                packages.restrict(&name, allowed);
            }
        }
        // A pattern may well cover packages that the suite does not have; a name means that one package everywhere.
        if !met || (!is_pattern(pattern) && !versions.is_empty()) {
            problems.push(problem(pattern, wanted, versions, universes));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::usage(problems.join("; ")).hint("a pin is a version, the beginning of one with `*`, a suite or a source")),
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Whether `wanted` means this version: by its number (rebuilds for one architecture aside), suite or source.
fn allows(packages: &Packages, id: Id, wanted: &str) -> bool {
    let (version, origin) = (packages.record(id).version, packages.origin(id));
    let by_version = match wanted.strip_suffix('*') {
        Some(beginning) => version.starts_with(beginning),
        None => version == wanted || without_rebuild(version) == wanted,
    };
    by_version || origin.suite == wanted || origin.source.as_deref() == Some(wanted)
}

fn told(packages: &Packages, name: &str, id: Id) -> String {
    format!("{name} {} of {} for {}", packages.record(id).version, packages.origin(id).suite, packages.architecture)
}

fn problem(pattern: &str, wanted: &str, versions: BTreeSet<String>, universes: &Universes) -> String {
    let found = format!("the pin `{pattern} = \"{wanted}\"` under [debian.pins] allows nothing");
    if versions.is_empty() {
        let near = universes.values().next().map(|packages| near_names(packages, pattern)).unwrap_or_default();
        let near = if near.is_empty() { String::new() } else { format!(" (there is {})", near.join(", ")) };
        return format!("{found}: no package is called so{near}");
    }
    let more = if versions.len() > 6 { format!(" and {} more", versions.len() - 6) } else { String::new() };
    let some: Vec<String> = versions.into_iter().take(6).collect();
    format!("{found}: there is {}{more}", some.join(", "))
}

/// Whether `name` is what `pattern` describes, `*` being anything and `?` any one character.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was, and how much of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packages::Pins;
    use super::super::packages::tests::packages;
    use super::*;
    use crate::catalog::Architecture;

    const SUITES: [&str; 2] = ["curl 8.14-1\nlibcurl4 8.14-1", "curl 8.14-2+b1\nlibcurl4 8.14-2\nnew 1"];

    /// The version of `curl` under these pins, or what is wrong with them.
    fn curl(pins: &[(&str, &str)]) -> Result<String> {
        let mut universes = Universes::from([(Architecture::X86_64, packages(Architecture::X86_64, &SUITES))]);
        apply(&pins.iter().map(|(p, w)| ((*p).into(), (*w).into())).collect(), &mut universes)?;
        let all = &universes[&Architecture::X86_64];
        Ok(all.record(all.candidate("curl", &Pins::new()).unwrap()).version.to_owned())
    }

    #[test]
    fn a_pin_is_a_version_its_beginning_or_a_suite() {
        assert_eq!(curl(&[]).unwrap(), "8.14-2+b1");
        assert_eq!(curl(&[("curl", "8.14-1")]).unwrap(), "8.14-1");
        assert_eq!(curl(&[("curl", "8.14-2")]).unwrap(), "8.14-2+b1", "a rebuild is the same version");
        assert_eq!(curl(&[("curl", "8.14*")]).unwrap(), "8.14-2+b1", "the newest of what is allowed");
        assert_eq!(curl(&[("curl", "suite0")]).unwrap(), "8.14-1");
        assert_eq!(curl(&[("*curl*", "suite0")]).unwrap(), "8.14-1");
        assert_eq!(curl(&[("*curl*", "suite0"), ("curl", "suite1")]).unwrap(), "8.14-2+b1", "a name is more exact");
    }

    #[test]
    fn a_pin_that_allows_nothing_says_what_there_is() {
        let error = curl(&[("curl", "9*"), ("crul", "1"), ("z*", "suite0"), ("n?w", "suite0")]).unwrap_err().message();
        for expected in [
            "`curl = \"9*\"` under [debian.pins] allows nothing: there is curl 8.14-1 of suite0 for x86_64, curl 8.14-2+b1 of suite1",
            "`crul = \"1\"` under [debian.pins] allows nothing: no package is called so (there is curl)",
            "`z* = \"suite0\"` under [debian.pins] allows nothing: no package is called so",
            "`n?w = \"suite0\"` under [debian.pins] allows nothing: there is new 1 of suite1",
        ] {
            assert!(error.contains(expected), "{expected}\n{error}");
        }
    }

    #[test]
    fn a_locked_version_gives_way_to_a_pin() {
        let mut universes = Universes::from([(Architecture::X86_64, packages(Architecture::X86_64, &SUITES))]);
        apply(&BTreeMap::from([("curl".into(), "8.14-1".into())]), &mut universes).unwrap();
        let all = &universes[&Architecture::X86_64];
        let locked = Pins::from([("curl".into(), "8.14-2+b1".into())]);
        assert_eq!(all.record(all.candidate("curl", &locked).unwrap()).version, "8.14-1");
    }

    proptest! {
        #[test]
        fn patterns_match_what_they_were_made_from(name in "[a-z0-9+-]{1,12}", at in 0usize..12, cut in 0usize..12) {
            let (at, cut) = (at.min(name.len()), cut.min(name.len()));
            let pattern = format!("{}*{}", &name[..at], &name[at.max(cut)..]);
            prop_assert!(matches(&pattern, &name), "{pattern}");
            prop_assert!(matches(&"?".repeat(name.len()), &name));
            let long = format!("{name}?");
            prop_assert!(!matches(&long, &name));
        }
    }
}
