//! Recommended packages that were left out because they do not fit: for the person who asked for them to know.

use std::collections::{BTreeSet, HashSet};

use super::packages::{Id, Packages, Pins};
use super::relation::{Relation, alternatives};

/// What packages among `ids` recommend, what could be had, and what none of `ids` is: `nice (for app)`.
pub(crate) fn left_out(packages: &Packages, ids: &[Id]) -> BTreeSet<String> {
    let chosen: HashSet<Id> = ids.iter().copied().collect();
    let record = |id: &Id| packages.record(*id);
    // So that the candidate of every package that is there is that version.
    let pins: Pins = ids.iter().map(record).map(|r| (r.name.to_owned(), r.version.to_owned())).collect();
    let mut found = BTreeSet::new();
    for package in ids.iter().map(record) {
        // What cannot be understood cannot be had.
        for group in alternatives(package.recommends).flatten() {
            let solutions: Vec<Id> = group.iter().flat_map(|relation| solutions(packages, relation, &pins)).collect();
            if !solutions.is_empty() && !solutions.iter().any(|id| chosen.contains(id)) {
                let group: Vec<String> = group.iter().map(Relation::to_string).collect();
                found.insert(format!("{} (for {})", group.join(" | "), package.name));
            }
        }
    }
    found
}

fn solutions(packages: &Packages, relation: &Relation<'_>, pins: &Pins) -> Vec<Id> {
    if !relation.concerns(packages.architecture.debian()) {
        return Vec::new();
    }
    let itself = packages.candidate(relation.name, pins).filter(|id| relation.accepts(packages.record(*id).version));
    itself.into_iter().chain(packages.providers(relation, pins)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::packages;
    use super::super::solver::solve;
    use super::*;
    use crate::catalog::Architecture;

    #[test]
    fn only_what_could_be_had_and_does_not_fit_is_named() {
        let text = "app 1 ; Depends: lib ; Recommends: nice | nicer (>= 1), gone, agent, other\n\
                    lib 1\nnice 1 ; Conflicts: lib\nnicer 1 ; Depends: nice\nmailer 1 ; Provides: agent\nother 1";
        let all = packages(Architecture::X86_64, &[text]);
        let ids = solve(&all, &["app".to_owned()], &Pins::new(), true, &tokio_util::sync::CancellationToken::new()).unwrap();
        let names: Vec<&str> = ids.iter().map(|id| all.record(*id).name).collect();
        assert_eq!(names, ["app", "lib", "mailer", "other"]);
        assert_eq!(left_out(&all, &ids).into_iter().collect::<Vec<_>>(), ["nice | nicer (>= 1) (for app)"]);
    }
}
