//! apt's own way to a set of packages: mark what is asked for, and whatever each needs behind it, depth first.
//!
//! A SAT solver finds a set that fits; apt finds a particular one, because it takes dependencies in the order in which they
//! are written, tries alternatives one after another, and never thinks again about what is marked already. This is that walk
//! (`pkgDepCache::MarkInstall` of apt 2.6) for a machine with nothing installed. Where it ends with something broken, apt
//! starts weighing packages against each other; there the SAT solver takes over.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tokio_util::sync::CancellationToken;

use super::packages::{Id, Packages, Pins, importance};
use super::relation::{Relation, alternatives, relations};

/// As deep as apt goes.
const MAX_DEPTH: usize = 3000;
/// Room for that depth; only what is used is ever taken.
const STACK: usize = 64 << 20;

/// The packages apt would install for `request`, in that order, if it finds them without weighing; themselves in no order.
/// Nothing either when it is cancelled.
pub(super) fn mark(packages: &Packages, request: &[Id], pins: &Pins, recommends: bool, cancel: &CancellationToken) -> Option<Vec<Id>> {
    std::thread::scope(|scope| {
        let walk = move || Marker { packages, pins, recommends, cancel, nodes: Vec::new(), positions: HashMap::new() }.run(request);
        let thread = std::thread::Builder::new().name("mark".into()).stack_size(STACK).spawn_scoped(scope, walk);
        thread.ok().and_then(|thread| thread.join().ok()).flatten()
    })
}

struct Marker<'p> {
    packages: &'p Packages,
    pins: &'p Pins,
    recommends: bool,
    cancel: &'p CancellationToken,
    nodes: Vec<Node>,
    positions: HashMap<&'p str, usize>,
}

/// A package that could be installed, and what has been decided about it.
struct Node {
    id: Id,
    /// Not yet found impossible.
    possible: bool,
    marked: bool,
    /// Its mark may not change.
    protected: bool,
    groups: Option<Rc<[Group]>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Need,
    Wish,
    Conflict,
}

/// Alternatives, or one conflict.
struct Group {
    kind: Kind,
    /// The packages that satisfy (or meet the conflict with) each alternative, best first.
    alternatives: Vec<Vec<usize>>,
}

impl Group {
    fn targets(&self) -> impl Iterator<Item = usize> {
        self.alternatives.iter().flatten().copied()
    }
}

impl<'p> Marker<'p> {
    fn run(mut self, request: &[Id]) -> Option<Vec<Id>> {
        let wanted: Vec<usize> = request.iter().map(|id| self.node(*id)).collect();
        for node in &wanted {
            self.nodes[*node].protected = true;
            self.nodes[*node].marked = true;
        }
        for node in &wanted {
            self.install(*node, true, true, 0);
        }
        if self.cancel.is_cancelled() || (0..self.nodes.len()).any(|node| self.nodes[node].marked && self.is_broken(node)) {
            return None;
        }
        Some(self.reachable(&wanted))
    }

    /// What apt calls garbage was marked on a way that was given up, and is left out.
    fn reachable(&mut self, wanted: &[usize]) -> Vec<Id> {
        let roots = (0..self.nodes.len()).filter(|node| {
            let record = self.packages.record(self.nodes[*node].id);
            self.nodes[*node].marked && (record.essential || record.important)
        });
        let mut open: Vec<usize> = wanted.iter().copied().chain(roots).collect();
        let mut seen: HashSet<usize> = HashSet::new();
        while let Some(node) = open.pop() {
            if !self.nodes[node].marked || !seen.insert(node) {
                continue;
            }
            let groups = self.groups(node);
            open.extend(groups.iter().filter(|group| group.kind != Kind::Conflict).flat_map(Group::targets));
        }
        seen.into_iter().map(|node| self.nodes[node].id).collect()
    }

    fn node(&mut self, id: Id) -> usize {
        let name = self.packages.record(id).name;
        if let Some(position) = self.positions.get(name) {
            return *position;
        }
        self.nodes.push(Node { id, possible: true, marked: false, protected: false, groups: None });
        self.positions.insert(name, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// The dependencies and conflicts of a package, in the order in which apt reads them.
    fn groups(&mut self, node: usize) -> Rc<[Group]> {
        if let Some(groups) = &self.nodes[node].groups {
            return Rc::clone(groups);
        }
        let record = self.packages.record(self.nodes[node].id);
        let mut groups = Vec::new();
        // What cannot be understood was refused before (`solver::dependencies`) or names nothing that could be installed.
        for group in alternatives(record.depends) {
            groups.push(self.group(Kind::Need, &group.unwrap_or_default(), ""));
        }
        for conflict in relations(record.conflicts).flatten() {
            groups.push(self.group(Kind::Conflict, &[conflict], record.name));
        }
        for group in alternatives(if self.recommends { record.recommends } else { "" }).flatten() {
            groups.push(self.group(Kind::Wish, &group, ""));
        }
        let groups: Rc<[Group]> = groups.into();
        self.nodes[node].groups = Some(Rc::clone(&groups));
        groups
    }

    /// `own` is a package that does not count: a package may conflict with what it provides itself (Policy 7.6.2).
    fn group(&mut self, kind: Kind, alternatives: &[Relation<'p>], own: &str) -> Group {
        let packages = self.packages;
        let mut found = Vec::new();
        for relation in alternatives.iter().filter(|r| r.concerns(packages.architecture.debian())) {
            let itself = packages.candidate(relation.name, self.pins).filter(|id| relation.accepts(packages.record(*id).version));
            let mut ids: Vec<Id> = itself.into_iter().chain(packages.providers(relation, self.pins)).collect();
            ids.retain(|id| packages.record(*id).name != own);
            if ids.len() > 1 {
                ids.sort_by_cached_key(|id| preference(packages, *id, relation.name));
                ids.dedup();
            }
            found.push(ids.into_iter().map(|id| self.node(id)).collect());
        }
        Group { kind, alternatives: found }
    }

    /// Marks `node` and, when `deep`, what it needs; says whether that worked. `by_user`: it was asked for.
    fn install(&mut self, node: usize, deep: bool, by_user: bool, depth: usize) -> bool {
        let Node { possible, marked, protected, .. } = self.nodes[node];
        if depth > MAX_DEPTH || self.cancel.is_cancelled() || !possible || (!by_user && !marked && protected) {
            return false;
        }
        if !protected && marked && !self.is_broken(node) {
            return true;
        }
        if deep && !self.is_satisfiable(node) {
            if !protected {
                self.discard(node);
            }
            return false;
        }
        if !deep {
            self.nodes[node].marked = true;
            return true;
        }
        let fail_early = !protected && !by_user;
        let groups = self.groups(node);
        // Decided before anything is marked for it, as apt does.
        let due: Vec<&Group> = groups.iter().filter(|group| protected || !self.holds(group)).collect();
        let mut fine = self.make_room(&due, protected, by_user);
        if !fine && fail_early {
            return false;
        }
        self.nodes[node].marked = true;
        // While its dependencies are looked for, nothing may take it away again.
        self.nodes[node].protected = true;
        let installed = self.install_dependencies(&due, protected, by_user, depth);
        self.nodes[node].protected = protected;
        if !installed && fail_early {
            self.discard(node);
        }
        fine &= installed;
        fine
    }

    /// Takes back the marks of what conflicts. Behind a protected package nothing that conflicts may be marked later either.
    fn make_room(&mut self, due: &[&Group], protected: bool, by_user: bool) -> bool {
        let mut fine = true;
        for group in due.iter().filter(|group| group.kind == Kind::Conflict) {
            for other in self.by_protection(group.targets()).filter(|n| self.nodes[*n].possible).collect::<Vec<_>>() {
                let node = &mut self.nodes[other];
                if node.marked && node.protected {
                    fine = false;
                    if !protected && !by_user {
                        return false;
                    }
                    continue;
                }
                node.marked = false;
                if protected {
                    (node.possible, node.protected) = (false, true);
                }
            }
        }
        fine
    }

    fn install_dependencies(&mut self, due: &[&Group], protected: bool, by_user: bool, depth: usize) -> bool {
        let mut fine = true;
        for group in due.iter().filter(|group| group.kind != Kind::Conflict) {
            let holds = self.holds(group);
            if holds && !protected {
                continue;
            }
            let solutions = self.solutions(group);
            if holds {
                // The only package that will do is as protected as the one that needs it.
                if let (Kind::Need, &[only]) = (group.kind, &solutions[..])
                    && !self.nodes[only].protected
                {
                    self.nodes[only].protected = true;
                    fine &= self.install(only, true, false, depth + 1);
                }
                continue;
            }
            let alone = protected && group.kind == Kind::Need && solutions.len() == 1;
            let mut found = false;
            for solution in solutions {
                if !self.nodes[solution].possible {
                    continue;
                }
                if alone {
                    if !self.install(solution, false, false, depth + 1) {
                        continue;
                    }
                    self.nodes[solution].protected = true;
                }
                if self.install(solution, true, false, depth + 1) {
                    found = true;
                    break;
                }
            }
            if !found && group.kind == Kind::Need {
                fine = false;
                if !protected && !by_user {
                    break;
                }
            }
        }
        fine
    }

    /// What could satisfy `group`, best first, each once.
    fn solutions(&self, group: &Group) -> Vec<usize> {
        let mut found = Vec::new();
        for alternative in &group.alternatives {
            for node in self.by_protection(alternative.iter().copied()) {
                let Node { possible, marked, protected, .. } = self.nodes[node];
                if possible && (marked || !protected) && !found.contains(&node) {
                    found.push(node);
                }
            }
        }
        found
    }

    /// What is protected comes first: if that does not work there usually is a problem.
    fn by_protection(&self, nodes: impl Iterator<Item = usize>) -> std::vec::IntoIter<usize> {
        let (mut first, rest): (Vec<usize>, Vec<usize>) = nodes.partition(|node| self.nodes[*node].protected);
        first.extend(rest);
        first.into_iter()
    }

    /// Whether `group` is satisfied by what is marked.
    fn holds(&self, group: &Group) -> bool {
        group.targets().any(|node| self.nodes[node].marked) != (group.kind == Kind::Conflict)
    }

    fn is_broken(&mut self, node: usize) -> bool {
        let groups = self.groups(node);
        groups.iter().any(|group| group.kind != Kind::Wish && !self.holds(group))
    }

    /// Whether every dependency has something left that could satisfy it.
    fn is_satisfiable(&mut self, node: usize) -> bool {
        let groups = self.groups(node);
        groups.iter().filter(|group| group.kind == Kind::Need).all(|group| group.targets().any(|n| self.nodes[n].possible))
    }

    fn discard(&mut self, node: usize) {
        (self.nodes[node].possible, self.nodes[node].marked) = (false, false);
    }
}

/// apt's order of the packages that satisfy a dependency on `wanted` (`CompareProviders`), smallest first: the package of
/// that name, essential ones, important ones, by priority, and at last the one apt has met later.
fn preference(packages: &Packages, id: Id, wanted: &str) -> impl Ord + use<> {
    let record = packages.record(id);
    let order = (record.name != wanted, !record.essential, !record.important, importance(record.priority));
    (order, Reverse(packages.mention(record.name)), id)
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::packages;
    use super::*;
    use crate::catalog::Architecture;
    use proptest::prelude::*;

    /// What is marked for `request`, sorted.
    fn marked(text: &str, request: &[&str], recommends: bool) -> Option<Vec<String>> {
        let all = packages(Architecture::X86_64, &[text]);
        let pins = Pins::new();
        let wanted: Vec<Id> = request.iter().map(|name| all.candidate(name, &pins).unwrap()).collect();
        let ids = mark(&all, &wanted, &pins, recommends, &CancellationToken::new())?;
        let mut names: Vec<String> = ids.iter().map(|id| all.record(*id).name.to_owned()).collect();
        names.sort();
        Some(names)
    }

    #[test]
    fn of_equal_providers_the_one_met_later_is_taken() {
        let text = "app 1 ; Depends: agent\nexim 1 ; Provides: agent\npostfix 1 ; Provides: agent";
        assert_eq!(marked(text, &["app"], false).unwrap(), ["app", "postfix"]);
        let mentioned = "app 1 ; Depends: agent ; Suggests: postfix\nexim 1 ; Provides: agent\npostfix 1 ; Provides: agent";
        assert_eq!(marked(mentioned, &["app"], false).unwrap(), ["app", "exim"]);
        let important =
            "app 1 ; Depends: agent\nexim 1 ; Provides: agent ; Priority: important\npostfix 1 ; Provides: agent ; Priority: optional";
        assert_eq!(marked(important, &["app"], false).unwrap(), ["app", "exim"]);
    }

    #[test]
    fn an_alternative_is_not_thought_over_when_a_later_one_comes_anyway() {
        let text = "app 1 ; Depends: one, two\none 1 ; Depends: curses | tty\ntwo 1 ; Depends: tty\ncurses 1\ntty 1";
        assert_eq!(marked(text, &["app"], false).unwrap(), ["app", "curses", "one", "tty", "two"]);
        let other_way = text.replace("one, two", "two, one");
        assert_eq!(marked(&other_way, &["app"], false).unwrap(), ["app", "one", "tty", "two"]);
    }

    #[test]
    fn a_way_that_was_given_up_leaves_nothing_behind() {
        let text = "app 1 ; Depends: good | other\ngood 1 ; Depends: extra, deep\nextra 1\ndeep 1 ; Depends: deeper\ndeeper 1 ; Depends: gone\nother 1";
        assert_eq!(marked(text, &["app"], false).unwrap(), ["app", "other"]);
    }

    #[test]
    fn recommended_packages_come_when_they_can() {
        let text = "app 1 ; Recommends: nice, broken, other | second ; Conflicts: foe\nnice 1 ; Recommends: more\nmore 1\nbroken 1 ; Depends: gone\nsecond 1\nfoe 1";
        assert_eq!(marked(text, &["app"], true).unwrap(), ["app", "more", "nice", "second"]);
        assert_eq!(marked(text, &["app"], false).unwrap(), ["app"]);
    }

    #[test]
    fn what_conflicts_with_the_request_is_not_an_alternative() {
        let text = "app 1 ; Depends: exim | sendmail\nexim 1\nsendmail 1\nfoe 1 ; Conflicts: exim";
        assert_eq!(marked(text, &["foe", "app"], false).unwrap(), ["app", "foe", "sendmail"]);
        // Asked for in the other order the walk has taken exim by then, and weighing has to follow.
        assert_eq!(marked(text, &["app", "foe"], false), None);
        assert_eq!(marked("a 1 ; Conflicts: b\nb 1", &["a", "b"], false), None);
    }

    #[test]
    fn a_hostile_chain_of_dependencies_ends() {
        let chain: String = (0..5000).map(|n| format!("p{n} 1 ; Depends: p{}\n", n + 1)).collect();
        assert_eq!(marked(&chain, &["p0"], false), None);
    }

    proptest! {
        /// Whatever is answered holds: everything asked for is in it, every dependency is satisfied, nothing conflicts.
        #[test]
        fn an_answer_holds(edges in proptest::collection::vec((0usize..8, 0usize..8, 0usize..8, 0u8..3), 0..24)) {
            let mut fields = vec![(String::new(), String::new()); 8];
            for (from, to, or, kind) in &edges {
                match kind {
                    0 => fields[*from].0 += &format!(", p{to}"),
                    1 => fields[*from].0 += &format!(", p{to} | p{or}"),
                    _ => fields[*from].1 += &format!(", p{to}"),
                }
            }
            let text: String = fields.iter().enumerate().map(|(n, (depends, conflicts))| {
                format!("p{n} 1 ; Depends: {} ; Conflicts: {}\n", depends.trim_start_matches(", "), conflicts.trim_start_matches(", "))
            }).collect();
            if let Some(names) = marked(&text, &["p0", "p1"], false) {
                let has = |n: usize| names.contains(&format!("p{n}"));
                prop_assert!(has(0) && has(1));
                for (from, to, or, kind) in edges.iter().filter(|edge| has(edge.0)) {
                    match kind {
                        0 => prop_assert!(has(*to)),
                        1 => prop_assert!(has(*to) || has(*or)),
                        _ => prop_assert!(to == from || !has(*to)),
                    }
                }
            }
        }
    }
}
