//! What has to be installed so that everything asked for works: the same answer as apt without Recommends.
//!
//! The SAT solver (resolvo) stays inside this file. As with apt, only one version of each package is in question, the
//! candidate, so a solvable is a name, and a version set only says whether that one version is in it. Virtual packages
//! become unions over the concrete ones that provide them; solvables of different names must never be candidates of one
//! name, or resolvo makes them exclude each other.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;

use resolvo::conflict::{ConflictEdge, ConflictGraph, ConflictNode};
use resolvo::{
    Candidates, Condition, ConditionId, Dependencies, DependencyProvider, HintDependenciesAvailable, Interner, KnownDependencies, NameId,
    Problem, Requirement, SolvableId, Solver, SolverCache, StringId, UnsolvableOrCancelled, VersionSetId, VersionSetUnionId,
};

use tokio_util::sync::CancellationToken;

use super::conflict::{Unmet, explain};
use super::mark::mark;
use super::packages::{Id, Packages, Pins};
use super::relation::{Relation, alternatives, relation, relations};
use crate::{Error, Result};

/// Of a conflict, so many unsatisfied dependencies are looked at.
const MAX_UNMET: usize = 16;

/// The packages to install for `request` (names of packages) together with exactly what `pins` choose, sorted by name.
/// `recommends`: also what is recommended and fits.
///
/// # Errors
/// A usage error for a name that is no package, and a failure that explains itself when there is no solution.
pub(crate) fn solve(packages: &Packages, request: &[String], pins: &Pins, recommends: bool, cancel: &CancellationToken) -> Result<Vec<Id>> {
    unknown(packages, request, pins)?;
    let wanted = request.iter().filter_map(|name| relation(name).ok()).filter_map(|relation| {
        let itself = packages.candidate(relation.name, pins).filter(|id| relation.accepts(packages.record(*id).version));
        itself.or_else(|| packages.providers(&relation, pins).first().copied())
    });
    let wanted: Vec<Id> = wanted.collect();
    if wanted.len() == request.len()
        && let Some(mut ids) = mark(packages, &wanted, pins, recommends, cancel)
    {
        ids.sort_by_key(|id| packages.record(*id).name);
        return Ok(ids);
    }
    if cancel.is_cancelled() {
        return Err(Error::interrupted());
    }
    let mut ids = weigh(packages, request, pins, cancel)?;
    if recommends {
        // On top of what had to be weighed, recommendations are again only a walk. One that would break it is none.
        ids = mark(packages, &ids, pins, true, cancel).unwrap_or(ids);
        ids.sort_by_key(|id| packages.record(*id).name);
    }
    Ok(ids)
}

/// The same by the SAT solver, which finds a solution wherever there is one, or says why there is none.
fn weigh(packages: &Packages, request: &[String], pins: &Pins, cancel: &CancellationToken) -> Result<Vec<Id>> {
    let universe = Universe { packages, pins, cancel, state: RefCell::default() };
    let requirements = request.iter().filter_map(|name| relation(name).ok()).map(|r| universe.requirement(&[r]).into()).collect();
    let mut solver = Solver::new(universe);
    match solver.solve(Problem::new().requirements(requirements)) {
        Ok(chosen) => {
            let state = solver.provider().state.borrow();
            let mut ids: Vec<Id> = chosen.into_iter().filter_map(|solvable| state.names[solvable.into_raw() as usize].candidate).collect();
            ids.sort_by_key(|id| packages.record(*id).name);
            Ok(ids)
        }
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let unmet = unmet(&conflict.graph(&solver), solver.provider());
            Err(explain(packages, &conflict.display_user_friendly(&solver), &unmet, cancel))
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => Err(Error::interrupted()),
    }
}

/// The dependencies in a conflict that nothing satisfies.
fn unmet(graph: &ConflictGraph, universe: &Universe<'_>) -> Vec<Unmet> {
    let open = graph.graph.raw_edges().iter().filter(|edge| Some(edge.target()) == graph.unresolved_node);
    let unmet = open.filter_map(|edge| {
        let ConflictEdge::Requires(Requirement::Single(set)) = edge.weight else { return None };
        let who = match graph.graph[edge.source()] {
            ConflictNode::Solvable(solvable) => universe.display_solvable(solvable).to_string(),
            _ => String::new(),
        };
        let (name, text) = (universe.display_name(universe.version_set_name(set)), universe.display_version_set(set));
        let needs = format!("{name} {text}").trim_end().replace(" :", ":");
        Some(Unmet { who, needs })
    });
    unmet.take(MAX_UNMET).collect()
}

/// Refuses names that stand for no package, all of them at once.
fn unknown(packages: &Packages, request: &[String], pins: &Pins) -> Result<()> {
    let mut problems = Vec::new();
    let mut hints = Vec::new();
    for name in request {
        let Ok(relation) = relation(name).map(|r| Relation { constraint: None, ..r }) else {
            problems.push(format!("`{name}` is not the name of a package"));
            continue;
        };
        if packages.candidate(relation.name, pins).is_some() {
            continue;
        }
        let providers: Vec<&str> = packages.providers(&relation, pins).into_iter().map(|id| packages.record(id).name).collect();
        match providers.len() {
            1 => {}
            0 => {
                problems.push(format!("there is no package `{name}` for {}", packages.architecture));
                if let Some(place) = packages.elsewhere.get(relation.name) {
                    hints.push(place.clone());
                    continue;
                }
                let near = near_names(packages, relation.name);
                if !near.is_empty() {
                    hints.push(format!("instead of `{name}`, did you mean {}?", near.join(", ")));
                }
            }
            _ => {
                problems.push(format!("`{name}` is not one package; several provide it"));
                let some: Vec<&str> = providers.iter().copied().take(8).collect();
                hints.push(format!("instead of `{name}`, name one of {}", some.join(", ")));
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let error = Error::usage(problems.join("; "));
    Err(if hints.is_empty() { error } else { error.hint(hints.join("; ")) })
}

/// Names like `name`, best first.
pub(super) fn near_names<'p>(packages: &'p Packages, name: &str) -> Vec<&'p str> {
    let mut near: Vec<(f64, &str)> = packages
        .names()
        .filter(|other| other.len().abs_diff(name.len()) <= 3 || other.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')))
        .map(|other| {
            let longer = other.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
            (if longer { 0.8 } else { strsim::normalized_damerau_levenshtein(name, other) }, other)
        })
        .filter(|(likeness, _)| *likeness >= 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.len().cmp(&b.1.len())).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, name)| *name);
    near.truncate(3);
    near.into_iter().map(|(_, name)| name).collect()
}

/// The packages as resolvo wants to see them.
struct Universe<'p> {
    packages: &'p Packages,
    pins: &'p Pins,
    cancel: &'p CancellationToken,
    state: RefCell<State>,
}

/// What has been looked at so far; ids are positions.
#[derive(Default)]
struct State {
    names: Vec<Name>,
    ids: HashMap<String, NameId>,
    sets: Vec<Set>,
    unions: Vec<Vec<VersionSetId>>,
    strings: Vec<String>,
}

struct Name {
    name: String,
    candidate: Option<Id>,
}

/// Whether a name's candidate is meant.
struct Set {
    name: NameId,
    matches: bool,
    /// For explanations.
    text: String,
}

impl Universe<'_> {
    fn name(&self, name: &str) -> NameId {
        let mut state = self.state.borrow_mut();
        if let Some(id) = state.ids.get(name) {
            return *id;
        }
        let id = NameId::from_raw(state.names.len() as u32);
        state.names.push(Name { name: name.to_owned(), candidate: self.packages.candidate(name, self.pins) });
        state.ids.insert(name.to_owned(), id);
        id
    }

    fn set(&self, name: &str, matches: bool, text: String) -> VersionSetId {
        let name = self.name(name);
        let mut state = self.state.borrow_mut();
        state.sets.push(Set { name, matches, text });
        VersionSetId(state.sets.len() as u32 - 1)
    }

    /// What satisfies one of `alternatives`, in order of preference: each package itself, then those that provide it.
    fn requirement(&self, alternatives: &[Relation<'_>]) -> Requirement {
        let mut sets = Vec::new();
        for relation in alternatives.iter().filter(|r| r.concerns(self.packages.architecture.debian())) {
            let text = relation.to_string()[relation.name.len()..].trim_start().to_owned();
            let candidate = self.packages.candidate(relation.name, self.pins).map(|id| self.packages.record(id));
            if candidate.is_some_and(|record| relation.accepts(record.version)) {
                sets.push(self.set(relation.name, true, text));
            }
            for id in self.packages.providers(relation, self.pins) {
                sets.push(self.set(self.packages.record(id).name, true, format!("(as {relation})")));
            }
        }
        match sets[..] {
            // Nothing will do; the explanation should name what was asked for.
            [] => {
                let wanted: Vec<String> = alternatives.iter().map(Relation::to_string).collect();
                let name = alternatives.first().map_or("", |r| r.name);
                let text = wanted.join(" | ").strip_prefix(name).unwrap_or_default().trim_start().to_owned();
                Requirement::Single(self.set(name, false, text))
            }
            [set] => Requirement::Single(set),
            _ => {
                let mut state = self.state.borrow_mut();
                state.unions.push(sets);
                Requirement::Union(VersionSetUnionId(state.unions.len() as u32 - 1))
            }
        }
    }

    /// The packages that may not be there together with `own`.
    fn constraint(&self, own: &str, relation: &Relation<'_>, sets: &mut Vec<VersionSetId>) {
        if !relation.concerns(self.packages.architecture.debian()) {
            return;
        }
        let candidate = self.packages.candidate(relation.name, self.pins).map(|id| self.packages.record(id));
        // A package may conflict with a name it provides itself, to be the only one that does (Policy 7.6.2).
        if relation.name != own && candidate.is_some_and(|record| relation.accepts(record.version)) {
            sets.push(self.set(relation.name, false, String::new()));
        }
        for id in self.packages.providers(relation, self.pins) {
            let provider = self.packages.record(id).name;
            if provider != own {
                sets.push(self.set(provider, false, format!("(as {relation})")));
            }
        }
    }

    fn dependencies(&self, id: Id) -> Result<KnownDependencies, String> {
        let record = self.packages.record(id);
        let mut known = KnownDependencies::default();
        for group in alternatives(record.depends) {
            let group = group.map_err(|text| format!("its dependency `{text}` cannot be understood"))?;
            known.requirements.push(self.requirement(&group).into());
        }
        for conflict in relations(record.conflicts) {
            let conflict = conflict.map_err(|text| format!("its conflict `{text}` cannot be understood"))?;
            self.constraint(record.name, &conflict, &mut known.constrains);
        }
        Ok(known)
    }
}

impl Interner for Universe<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let state = self.state.borrow();
        let name = &state.names[solvable.into_raw() as usize];
        match name.candidate {
            Some(id) => format!("{} {}", name.name, self.packages.record(id).version),
            None => name.name.clone(),
        }
    }

    fn display_merged_solvables(&self, solvables: &[SolvableId]) -> impl Display + '_ {
        let all: Vec<String> = solvables.iter().map(|solvable| self.display_solvable(*solvable).to_string()).collect();
        all.join(" | ")
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.state.borrow().names[name.into_raw() as usize].name.clone()
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        self.state.borrow().sets[set.0 as usize].text.clone()
    }

    fn display_string(&self, string: StringId) -> impl Display + '_ {
        self.state.borrow().strings[string.0 as usize].clone()
    }

    fn version_set_name(&self, set: VersionSetId) -> NameId {
        self.state.borrow().sets[set.0 as usize].name
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(solvable.into_raw())
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.state.borrow().unions[union.0 as usize].clone().into_iter()
    }

    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        unreachable!("no requirement here is conditional, yet the solver asks for condition {condition:?}")
    }
}

impl DependencyProvider for Universe<'_> {
    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        self.cancel.is_cancelled().then(|| Box::new(()) as Box<dyn Any>)
    }

    async fn filter_candidates(&self, candidates: &[SolvableId], set: VersionSetId, inverse: bool) -> Vec<SolvableId> {
        match self.state.borrow().sets[set.0 as usize].matches != inverse {
            true => candidates.to_vec(),
            false => Vec::new(),
        }
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let state = self.state.borrow();
        state.names[name.into_raw() as usize].candidate?;
        Some(Candidates {
            candidates: vec![SolvableId::from_raw(name.into_raw())],
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, _: &mut [SolvableId]) {
        // There is never more than one.
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let candidate = self.state.borrow().names[solvable.into_raw() as usize].candidate;
        let known = match candidate {
            Some(id) => self.dependencies(id),
            None => Ok(KnownDependencies::default()),
        };
        match known {
            Ok(known) => Dependencies::Known(known),
            Err(problem) => {
                let mut state = self.state.borrow_mut();
                state.strings.push(problem);
                Dependencies::Unknown(StringId(state.strings.len() as u32 - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::packages;
    use super::*;
    use crate::catalog::Architecture;

    fn install(text: &str, request: &[&str]) -> Result<Vec<String>> {
        let all = packages(Architecture::X86_64, &[text]);
        let request: Vec<String> = request.iter().map(|name| (*name).to_owned()).collect();
        let ids = solve(&all, &request, &Pins::new(), false, &CancellationToken::new())?;
        Ok(ids.into_iter().map(|id| all.record(id).name.to_owned()).collect())
    }

    #[test]
    fn dependencies_are_followed_and_recommends_are_not() {
        let text =
            "fd 10 ; Depends: libc6 (>= 2), libgcc-s1 ; Recommends: doc\nlibc6 2.41 ; Pre-Depends: base\nlibgcc-s1 14\nbase 1\ndoc 1";
        assert_eq!(install(text, &["fd"]).unwrap(), ["base", "fd", "libc6", "libgcc-s1"]);
    }

    #[test]
    fn the_first_alternative_that_works_is_taken() {
        let text = "app 1 ; Depends: mta | mail-agent\nexim 1 ; Provides: mail-agent ; Depends: gone\npostfix 1 ; Provides: mail-agent";
        assert_eq!(install(text, &["app"]).unwrap(), ["app", "postfix"]);
        assert_eq!(install(&format!("{text}\nmta 1"), &["app"]).unwrap(), ["app", "mta"]);
    }

    #[test]
    fn recommended_packages_come_even_where_the_walk_was_not_enough() {
        let all = packages(
            Architecture::X86_64,
            &["app 1 ; Depends: exim | sendmail ; Recommends: nice\nexim 1\nsendmail 1\nfoe 1 ; Conflicts: exim\nnice 1"],
        );
        let request = ["app".to_owned(), "foe".to_owned()];
        let names = |recommends| -> Vec<&str> {
            let ids = solve(&all, &request, &Pins::new(), recommends, &CancellationToken::new()).unwrap();
            ids.into_iter().map(|id| all.record(id).name).collect()
        };
        assert_eq!(names(false), ["app", "foe", "sendmail"]);
        assert_eq!(names(true), ["app", "foe", "nice", "sendmail"]);
    }

    #[test]
    fn a_concrete_package_comes_before_one_that_provides_it() {
        let text = "app 1 ; Depends: awk\nawk 1\nmawk 1 ; Provides: awk ; Priority: required";
        assert_eq!(install(text, &["app"]).unwrap(), ["app", "awk"]);
        let versioned = "app 1 ; Depends: awk (>= 2)\nawk 1\nmawk 1 ; Provides: awk\ngawk 1 ; Provides: awk (= 3)";
        assert_eq!(install(versioned, &["app"]).unwrap(), ["app", "gawk"]);
    }

    #[test]
    fn a_package_may_conflict_with_what_it_provides() {
        let text = "exim 1 ; Provides: mta ; Conflicts: mta\npostfix 1 ; Provides: mta ; Conflicts: mta\napp 1 ; Depends: mta";
        // Of two that are alike apt takes the one it has met later.
        assert_eq!(install(text, &["app"]).unwrap(), ["app", "postfix"]);
        let error = install(text, &["exim", "postfix"]).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Failed);
        assert!(error.message().contains("exim") && error.message().contains("postfix"), "{error}");
    }

    #[test]
    fn what_is_missing_is_explained() {
        let text = "app 1 ; Depends: lib (>= 2) | other\nlib 1";
        let message = install(text, &["app"]).unwrap_err().message();
        assert!(message.contains("lib (>= 2) | other"), "{message}");
        let odd = install("app 1 ; Depends: what is this", &["app"]).unwrap_err().message();
        assert!(odd.contains("cannot be understood"), "{odd}");
    }

    #[test]
    fn unknown_names_are_answered_with_near_ones() {
        let text = "ripgrep 1\nfd-find 1\nexim 1 ; Provides: mta\npostfix 1 ; Provides: mta";
        let error = install(text, &["ripgerp", "mta", "fd"]).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Usage);
        let hint = error.advice().unwrap();
        assert!(hint.contains("ripgrep") && hint.contains("exim, postfix") && hint.contains("fd-find"), "{hint}");
    }
}
