//! What a renewed lock would change, and what of it no archive should do by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::lock::{Change, ChangeWarning, Hex, Lock, LockedArchive, LockedPackage};
use super::lock_file::staleness;
use super::version::compare;
use crate::catalog::{Architecture, Catalog};

/// Names listed in one warning.
const NAMED: usize = 8;

/// A renewed lock, and what it means.
#[derive(Debug)]
pub struct Renewal {
    /// The lock.
    pub lock: Lock,
    /// What is different in it, sorted by package.
    pub changes: Vec<Change>,
    /// What of it should not have happened, a sentence each.
    pub warnings: Vec<String>,
}

/// What has happened to a package: its name, the versions before and now, and what is wrong with that.
type What = (String, Option<String>, Option<String>, Option<ChangeWarning>);

/// What is different in `new`, sorted by package.
pub(super) fn changes(old: Option<&Lock>, new: &Lock) -> Vec<Change> {
    let (before, after) = (old.map(installed).unwrap_or_default(), installed(new));
    let words = |versions: &BTreeSet<String>| versions.iter().cloned().collect::<Vec<_>>().join(", ");
    // One change for all architectures where the same happened.
    let mut found: BTreeMap<What, Vec<Architecture>> = BTreeMap::new();
    for key @ (name, architecture) in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let (from, to) = (before.get(key), after.get(key));
        let warning = match (from, to) {
            (Some(from), Some(to)) if from == to => {
                let same =
                    |version: &String| contents(old, name, *architecture, version) == contents(Some(new), name, *architecture, version);
                if from.iter().all(same) {
                    continue;
                }
                Some(ChangeWarning::OtherContent)
            }
            (Some(from), Some(to)) => is_older(to, from).then_some(ChangeWarning::Older),
            _ => None,
        };
        found.entry((name.clone(), from.map(words), to.map(words), warning)).or_default().push(*architecture);
    }
    found.into_iter().map(|((package, old, new, warning), targets)| Change { package, old, new, targets, warning }).collect()
}

/// The versions of each package on each architecture.
fn installed(lock: &Lock) -> BTreeMap<(String, Architecture), BTreeSet<String>> {
    let mut versions: BTreeMap<(String, Architecture), BTreeSet<String>> = BTreeMap::new();
    let closures = lock.bases.iter().map(|b| (b.target, &b.packages)).chain(lock.targets.iter().map(|t| (t.target, &t.packages)));
    for (architecture, entry) in closures.flat_map(|(architecture, packages)| packages.iter().map(move |p| (architecture, p))) {
        if let Some((name, version)) = entry.split_once('=') {
            versions.entry((name.to_owned(), architecture)).or_default().insert(version.to_owned());
        }
    }
    versions
}

/// The SHA-256 under which `lock` has a version of a package.
fn contents(lock: Option<&Lock>, name: &str, architecture: Architecture, version: &str) -> Option<Hex> {
    let fits =
        |p: &&LockedPackage| p.name == name && p.version == version && (p.architecture == architecture.debian() || p.architecture == "all");
    lock?.packages.iter().find(fits).map(|package| package.sha256)
}

/// Whether the newest of `to` is older than the newest of `from`.
fn is_older(to: &BTreeSet<String>, from: &BTreeSet<String>) -> bool {
    let newest = |versions: &BTreeSet<String>| versions.iter().max_by(|a, b| compare(a, b)).cloned().unwrap_or_default();
    compare(&newest(to), &newest(from)).is_lt()
}

/// The suites that are older than those `old` was made from, a sentence each. Of another snapshot they are what was asked for.
///
/// apt, too, keeps the newer release when a mirror hands out an older one (`pkgAcqMetaBase::VerifyVendor`): it is signed and may
/// still be valid, and that is how fixes are withheld.
pub(super) fn older_suites(old: Option<&Lock>, new: &Lock) -> Vec<String> {
    let date = |archive: &LockedArchive| archive.date.parse::<Timestamp>().ok();
    let before = |now: &LockedArchive| {
        let same = |a: &&LockedArchive| (&a.archive, &a.suite, &a.snapshot) == (&now.archive, &now.suite, &now.snapshot);
        old?.archives.iter().find(same).filter(|before| date(before) > date(now))
    };
    let sentence = |now: &LockedArchive| {
        let before = before(now)?;
        let LockedArchive { archive, suite, date, .. } = now;
        Some(format!("{archive} {suite} is of {date}, older than containers.lock, which was made from that of {}", before.date))
    };
    new.archives.iter().filter_map(sentence).collect()
}

/// What `new` takes back of `old` though nobody asked for it: older suites, and older packages while the catalog is the same.
/// apt-get takes these only with `--allow-downgrades`.
pub(super) fn taken_back(old: Option<&Lock>, new: &Lock, changes: &[Change], catalog: &Catalog) -> Vec<String> {
    let mut found = older_suites(old, new);
    let as_before = old.is_some_and(|old| staleness(old, catalog, &catalog.targets()).is_none());
    let older = changes.iter().filter(|change| as_before && change.warning == Some(ChangeWarning::Older));
    found.extend(named(older, "would go back to an older version"));
    found
}

/// A sentence about packages whose version is as before, and whose content is not.
pub(super) fn republished(changes: &[Change]) -> Option<String> {
    let other = changes.iter().filter(|change| change.warning == Some(ChangeWarning::OtherContent));
    named(other, "has other content under the version it had: ask whoever publishes it why")
}

/// `curl, jq and 3 more: each …`
fn named<'a>(changes: impl Iterator<Item = &'a Change>, what: &str) -> Option<String> {
    let names: BTreeSet<&str> = changes.map(|change| change.package.as_str()).collect();
    let more = match names.len() {
        0 => return None,
        1 => String::new(),
        count if count > NAMED => format!(" and {} more: each", count - NAMED),
        _ => ": each".to_owned(),
    };
    Some(format!("{}{more} {what}", names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::lock_file::tests::{catalog, lock, package};
    use super::*;
    use crate::image::Digest;

    fn lines(old: &Lock, new: &Lock) -> Vec<String> {
        changes(Some(old), new).iter().map(Change::to_string).collect()
    }

    #[test]
    fn changes_are_one_line_each() {
        let mut new = lock();
        new.packages = vec![package("bash", "5.2-2"), package("curl", "8-1")];
        new.bases[0].packages = vec!["bash=5.2-2".into()];
        new.targets[0].packages = vec!["bash=5.2-2".into(), "curl=8-1".into()];
        let expected = ["bash 5.2-1 → 5.2-2 (x86_64)", "curl 8-1 added (x86_64)", "fd-find 10-1 removed (x86_64)"];
        assert_eq!(lines(&lock(), &new), expected);
        assert_eq!(taken_back(Some(&lock()), &new, &changes(Some(&lock()), &new), &catalog()), [""; 0]);
    }

    #[test]
    fn other_content_under_a_known_version_is_a_change() {
        let mut new = lock();
        new.packages[0].sha256 = Hex(Digest::of(b"other"));
        assert_eq!(lines(&lock(), &new), ["bash 5.2-1 → 5.2-1 (x86_64): other content under the same version"]);
        let sentence = republished(&changes(Some(&lock()), &new)).unwrap();
        assert!(sentence.starts_with("bash has other content"), "{sentence}");
        assert_eq!(republished(&changes(Some(&lock()), &lock())), None);
    }

    #[test]
    fn going_back_is_noticed_unless_it_was_asked_for() {
        let mut new = lock();
        new.archives[0].date = "2026-11-20T00:00:00Z".into();
        new.packages[0].version = "5.1-1".into();
        new.bases[0].packages = vec!["bash=5.1-1".into()];
        new.targets[0].packages[0] = "bash=5.1-1".into();
        assert_eq!(lines(&lock(), &new), ["bash 5.2-1 → 5.1-1 (x86_64): older than before"]);
        let back = |old: &Lock, catalog: &Catalog| taken_back(Some(old), &new, &changes(Some(old), &new), catalog);
        let found = back(&lock(), &catalog());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("debian trixie is of 2026-11-20T00:00:00Z, older than"), "{found:?}");
        assert_eq!(found[1], "bash would go back to an older version");
        // Pins and snapshots are there to go back with.
        let mut pinned = catalog();
        pinned.debian.pins.insert("bash".into(), "5.1*".into());
        assert_eq!(back(&lock(), &pinned).len(), 1);
        let mut from_now = lock();
        from_now.archives[0].snapshot = Some("20261122T000000Z".into());
        assert_eq!(back(&from_now, &pinned), [""; 0]);
    }
}
