//! Why no set of packages fits together, said so that a person can do something about it.

use std::fmt::{self, Display, Write};

use tokio_util::sync::CancellationToken;

use super::packages::Packages;
use super::relation::{Relation, alternatives};
use crate::Error;

/// Lines of an explanation. A chain of dependencies is one line deeper with every package, so that its text grows with the square of
/// its length, and nobody reads on from here.
const MAX_LINES: usize = 48;
/// Bytes of an explanation.
const MAX_BYTES: usize = 32 << 10;
/// Missing packages named in the hint.
const NAMED: usize = 3;

/// A dependency that nothing satisfies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unmet {
    /// `curl 8.14.1-2`; empty when it was asked for by name.
    pub who: String,
    /// `libcurl4 (= 8.14.1-2)`, alternatives separated by `|`.
    pub needs: String,
}

/// The error for a conflict that the solver explains as `why`, with the dependencies in it that nothing satisfies.
pub(super) fn explain(packages: &Packages, why: &dyn Display, unmet: &[Unmet], cancel: &CancellationToken) -> Error {
    let mut excerpt = Excerpt { text: String::new(), lines: 0, cancel };
    let is_whole = write!(excerpt, "{why}").is_ok();
    if cancel.is_cancelled() {
        return Error::interrupted();
    }
    let mut why = plainly(&excerpt.text);
    if !is_whole {
        why.truncate(why.rfind('\n').unwrap_or(0));
        why.push_str("\n… and so on");
        if let Some(Unmet { who, needs }) = unmet.first() {
            why.push_str(&format!("; in the end, {who} needs {needs}, and nothing is that"));
        }
    }
    Error::failed(format!("no set of packages for {} fits together:\n{why}", packages.architecture)).hint(hint(packages, unmet))
}

/// The solver's explanation in a packager's words: its version sets only ever say yes or no to one candidate.
fn plainly(why: &str) -> String {
    why.trim_end()
        .replace("The following packages are incompatible\n", "")
        .replace(" would constrain", " conflicts with")
        .replace(", which conflicts with any installable versions previously reported", "")
        .replace(" would require", " needs")
        .replace(" can be installed with any of the following options:", " is possible with:")
        .replace(" cannot be installed because there are no viable options:", " is not possible:")
}

/// What to do about it.
fn hint(packages: &Packages, unmet: &[Unmet]) -> String {
    if unmet.is_empty() {
        return "leave one of those that exclude each other out, or pin another version of one under [debian.pins]".to_owned();
    }
    let mut hints: Vec<String> = unmet.iter().filter_map(|unmet| other_version(packages, unmet)).collect();
    if hints.is_empty() {
        let missing: Vec<&str> = unmet.iter().take(NAMED).map(|unmet| unmet.needs.as_str()).collect();
        return format!("nothing that was read has {}: is a component, suite or source missing under [debian]?", missing.join(", "));
    }
    hints.dedup();
    hints.truncate(NAMED);
    hints.join("; ")
}

/// A version that would satisfy `unmet` and is not chosen by itself, and how to choose it.
fn other_version(packages: &Packages, unmet: &Unmet) -> Option<String> {
    let alternatives: Vec<Relation<'_>> = alternatives(&unmet.needs).flatten().flatten().collect();
    alternatives.iter().find_map(|relation| {
        let id = packages.every_version(relation.name).find(|id| relation.accepts(packages.record(*id).version))?;
        let (name, version, origin) = (relation.name, packages.record(id).version, packages.origin(id));
        if packages.is_pinned(name) && !packages.versions(name).any(|allowed| allowed == id) {
            return Some(format!("the pin of `{name}` under [debian.pins] keeps out {version}, which {} needs", unmet.who));
        }
        let pin = if origin.automatic { version } else { origin.source.as_deref().unwrap_or(&origin.suite) };
        Some(format!("{} needs {name} {version} of {}: pin it too, with `{name} = \"{pin}\"` under [debian.pins]", unmet.who, origin.suite))
    })
}

/// Takes in the beginning of a text, and stops whoever writes it when that is enough, or when the work is cancelled.
struct Excerpt<'a> {
    text: String,
    lines: usize,
    cancel: &'a CancellationToken,
}

impl Write for Excerpt<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.lines >= MAX_LINES || self.text.len() + piece.len() > MAX_BYTES || self.cancel.is_cancelled() {
            return Err(fmt::Error);
        }
        self.lines += piece.matches('\n').count();
        self.text.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::packages::tests::packages;
    use super::super::packages::{Id, Pins};
    use super::super::solver::solve;
    use super::*;
    use crate::catalog::Architecture;

    fn refused(packages: &Packages, request: &str) -> Error {
        solve(packages, &[request.to_owned()], &Pins::new(), false, &CancellationToken::new()).unwrap_err()
    }

    #[test]
    fn a_long_chain_is_cut_and_its_end_is_named() {
        let chain: String = (0..1_500).map(|n| format!("p{n} 1 ; Depends: p{}\n", n + 1)).collect();
        let all = packages(Architecture::X86_64, &[&chain]);
        let error = refused(&all, "p0");
        let message = error.message();
        assert!(message.len() < 2 * MAX_BYTES && message.lines().count() <= MAX_LINES + 2, "{}", message.len());
        assert!(message.ends_with("… and so on; in the end, p1499 1 needs p1500, and nothing is that"), "{message}");
        assert_eq!(error.advice().unwrap(), "nothing that was read has p1500: is a component, suite or source missing under [debian]?");
    }

    #[test]
    fn solving_and_explaining_stop_when_told() {
        let all = packages(Architecture::X86_64, &["app 1 ; Depends: gone"]);
        let cancel = CancellationToken::new();
        cancel.cancel();
        assert!(solve(&all, &["app".to_owned()], &Pins::new(), false, &cancel).unwrap_err().is_interrupted());
        assert!(explain(&all, &"why", &[], &cancel).is_interrupted());
    }

    #[test]
    fn a_pin_that_needs_another_says_which() {
        let mut all = packages(Architecture::X86_64, &["curl 1 ; Depends: lib (= 1)\ncurl 2 ; Depends: lib (= 2)\nlib 1\nlib 2"]);
        let only = |all: &Packages, name: &str, version: &str| -> Vec<Id> {
            all.every_version(name).filter(|id| all.record(*id).version == version).collect()
        };
        let old = only(&all, "curl", "1");
        all.restrict("curl", old);
        let suite = all.origin(all.every_version("lib").next().unwrap()).suite.clone();
        assert_eq!(
            refused(&all, "curl").advice().unwrap(),
            format!("curl 1 needs lib 1 of {suite}: pin it too, with `lib = \"1\"` under [debian.pins]")
        );
        let new = only(&all, "lib", "2");
        all.restrict("lib", new);
        assert_eq!(refused(&all, "curl").advice().unwrap(), "the pin of `lib` under [debian.pins] keeps out 1, which curl 1 needs");
    }

    #[test]
    fn what_excludes_each_other_has_a_hint_too() {
        let all = packages(Architecture::X86_64, &["app 1 ; Depends: a, b\na 1 ; Conflicts: b\nb 1"]);
        assert!(refused(&all, "app").advice().unwrap().starts_with("leave one of those that exclude each other out"));
    }
}
