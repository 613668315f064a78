//! Of all packages those that a solution could contain: some thousands of Debian's 65,000. Only they stay in memory whole.
//!
//! Which are there is found by following everything that solving may follow: every version of a package, every alternative, whoever
//! provides a name. A conflict leads nowhere: what nothing else leads to is never installed, and excludes nothing.

use std::collections::HashSet;

use super::index::Index;
use super::lock_file::ESSENTIAL;
use super::packages::{Id, Packages, importance};
use super::relation::{alternatives, relation};

/// Debian Policy 2.5: `required`.
const REQUIRED: u8 = 1;

/// `packages` under the same ids, where those that no solution for `request` can contain have no more than a name, a version and
/// whether they are essential. `recommends`: recommended packages are installed too.
pub(crate) fn only_reachable(packages: Packages, request: &[String], recommends: bool) -> Packages {
    let mut found = Reached { packages: &packages, whole: HashSet::new(), names: HashSet::new(), open: Vec::new() };
    for name in request {
        if name == ESSENTIAL {
            // Essential on one architecture is asked for on all; elsewhere it is at least required.
            let all = packages.ids().map(|id| packages.record(id));
            all.filter(|record| record.essential || importance(record.priority) == REQUIRED).for_each(|record| found.name(record.name));
        } else if let Ok(relation) = relation(name) {
            found.name(relation.name);
        }
    }
    while let Some(id) = found.open.pop() {
        let record = packages.record(id);
        for field in [record.depends, if recommends { record.recommends } else { "" }] {
            // What cannot be understood is the solver's to refuse.
            alternatives(field).flatten().flatten().for_each(|relation| found.name(relation.name));
        }
    }
    let whole = found.whole;
    packages.map_indexes(|id, index| thinned(index, |position| whole.contains(&id(position))))
}

/// What was reached so far.
struct Reached<'p> {
    packages: &'p Packages,
    whole: HashSet<Id>,
    names: HashSet<&'p str>,
    /// Whose dependencies were not followed yet.
    open: Vec<Id>,
}

impl<'p> Reached<'p> {
    /// Every version of the package `name`, and of every package that provides it.
    fn name(&mut self, name: &'p str) {
        if !self.names.insert(name) {
            return;
        }
        let packages = self.packages;
        self.versions(name);
        for id in packages.perhaps_providers(name) {
            self.versions(packages.record(id).name);
        }
    }

    fn versions(&mut self, name: &'p str) {
        for id in self.packages.every_version(name) {
            if self.whole.insert(id) {
                self.open.push(id);
            }
        }
    }
}

/// `index` with the packages at the positions that are `whole`, and the names and versions of the others.
fn thinned(index: Index, whole: impl Fn(usize) -> bool) -> Index {
    let mut text = String::new();
    for position in 0..index.len() {
        let record = index.record(position);
        let (name, version) = (record.name, record.version);
        let flags = format!("{}{}", if record.essential { "e" } else { "" }, if record.important { "i" } else { "" });
        if whole(position) {
            let (size, path, mention) = (record.size.to_string(), record.path(), record.mention.to_string());
            let lines = [name, version, record.architecture, record.priority, &path, &size, record.sha256, record.depends];
            let more = [record.provides, record.conflicts, record.recommends, &mention, &flags];
            lines.iter().chain(&more).for_each(|line| text.extend([line, "\n"]));
        } else {
            text.extend([name, "\n", version, "\n\n\n\n\n\n\n\n\n\n\n", &flags, "\n"]);
        }
    }
    text.shrink_to_fit();
    Index::from_text(text).unwrap_or(index)
}

#[cfg(test)]
mod tests {
    use super::super::packages::Pins;
    use super::super::packages::tests::packages;
    use super::super::solver::solve;
    use super::*;
    use crate::catalog::Architecture;
    use proptest::prelude::*;
    use tokio_util::sync::CancellationToken;

    fn reached(texts: &[&str], request: &[&str], recommends: bool) -> Vec<String> {
        let request: Vec<String> = request.iter().map(|name| (*name).to_owned()).collect();
        let thin = only_reachable(packages(Architecture::X86_64, texts), &request, recommends);
        let whole = thin.ids().map(|id| thin.record(id)).filter(|record| !record.sha256.is_empty());
        whole.map(|record| format!("{} {}", record.name, record.version)).collect()
    }

    #[test]
    fn everything_that_may_be_followed_is() {
        let old = "app 1 ; Depends: lib | other (>= 9), agent\nlib 1\nother 1\nmailer 1 ; Provides: agent\nfoe 1\nfar 1";
        let new = "app 2 ; Depends: new ; Conflicts: foe ; Recommends: nice\nnew 2\nnice 2\nmailer 2 ; Depends: spool\nspool 2";
        let all = ["app 1", "lib 1", "mailer 1", "other 1", "app 2", "mailer 2", "new 2", "spool 2"];
        assert_eq!(reached(&[old, new], &["app"], false), all);
        assert_eq!(reached(&[old, new], &["app"], true).len(), all.len() + 1);
        assert_eq!(reached(&[old, new], &["agent"], false), ["mailer 1", "mailer 2", "spool 2"]);
    }

    #[test]
    fn the_others_keep_their_names_and_versions() {
        let text = "app 1 ; Pre-Depends: lib:any (>= 1) ; Important: yes\nlib 1\nfar 3 ; Essential: yes ; Depends: near\nnear 1";
        let thin = only_reachable(packages(Architecture::X86_64, &[text]), &["app".into()], false);
        assert_eq!(thin.names().collect::<Vec<_>>(), ["app", "far", "lib", "near"]);
        assert_eq!(thin.essential(), ["far"]);
        let far = thin.record(thin.candidate("far", &Pins::new()).unwrap());
        assert_eq!((far.version, far.depends, far.size), ("3", "", 0));
        let before = packages(Architecture::X86_64, &[text]);
        let app = |all: &Packages| {
            let record = all.record(all.candidate("app", &Pins::new()).unwrap());
            format!("{record:?} {}", record.path()).replace("folder: ", "")
        };
        assert!(app(&thin).contains("important: true") && app(&thin).ends_with("pool/main/app_1_amd64.deb"));
        assert_eq!(app(&thin).rsplit_once(' ').unwrap().1, app(&before).rsplit_once(' ').unwrap().1);
        assert_eq!(reached(&[text], &["?essential"], false), ["far 3", "near 1"]);
    }

    proptest! {
        /// With less in memory the answer is the same, also when it is no.
        #[test]
        fn the_answer_stays(edges in proptest::collection::vec((0usize..9, 0usize..9, 0usize..9, 0u8..5), 0..28), recommends: bool) {
            let mut fields = vec![[const { String::new() }; 4]; 9];
            for (from, to, or, kind) in &edges {
                let fields = &mut fields[*from];
                match kind {
                    0 => fields[0] += &format!(", p{to}"),
                    1 => fields[0] += &format!(", p{to} | v{or}"),
                    2 => fields[1] += &format!(", p{to}"),
                    3 => fields[2] += &format!(", v{to}"),
                    _ => fields[3] += &format!(", p{to}"),
                }
            }
            let text: String = fields.iter().enumerate().map(|(n, fields)| {
                let [depends, conflicts, provides, wishes] = fields.each_ref().map(|field| field.trim_start_matches(", "));
                format!("p{n} 1 ; Depends: {depends} ; Conflicts: {conflicts} ; Provides: {provides} ; Recommends: {wishes}\n")
            }).collect();
            let all = packages(Architecture::X86_64, &[&text]);
            let request = ["p0".to_owned(), "p1".to_owned()];
            let answer = |all: &Packages| {
                let ids = solve(all, &request, &Pins::new(), recommends, &CancellationToken::new());
                ids.map(|ids| ids.into_iter().map(|id| all.record(id).name.to_owned()).collect::<Vec<_>>()).map_err(|error| error.message())
            };
            let before = answer(&all);
            prop_assert_eq!(answer(&only_reachable(all, &request, recommends)), before);
        }
    }
}
