//! From the names and architectures on a command line to targets.

use super::{Architecture, Catalog, Container, Target};
use crate::{Error, Result};

/// The targets of the containers called `names` (none: all of them) for `architectures` (none: all they are built for).
/// File order, each once.
///
/// Architectures narrow the selection: with no container named, those that are not built for one are left out; a
/// container that was named must be built for at least one.
///
/// # Errors
/// Usage errors: an unknown container (with the nearest name), or one that is not built for what was asked.
pub fn select(catalog: &Catalog, names: &[String], architectures: &[Architecture]) -> Result<Vec<Target>> {
    for name in names {
        if catalog.container(name).is_none() {
            return Err(unknown(catalog, name));
        }
    }
    let wanted = |c: &&Container| names.is_empty() || names.iter().any(|n| n == c.name.as_str());
    let mut targets = Vec::new();
    for container in catalog.containers.iter().filter(wanted) {
        let matching = container.targets.iter().filter(|a| architectures.is_empty() || architectures.contains(a));
        let before = targets.len();
        targets.extend(matching.map(|a| Target { container: container.name.clone(), architecture: *a }));
        if targets.len() == before && !names.is_empty() {
            return Err(not_built_for(catalog, container, architectures));
        }
    }
    if targets.is_empty() {
        let mut every: Vec<Architecture> = catalog.containers.iter().flat_map(|c| c.targets.iter().copied()).collect();
        every.sort();
        every.dedup();
        return Err(Error::usage(format!("no container is built for {}", list(architectures))).hint(format!(
            "{} builds for {}",
            catalog.path.display(),
            list(&every)
        )));
    }
    Ok(targets)
}

fn unknown(catalog: &Catalog, name: &str) -> Error {
    let error = Error::usage(format!("{} has no container `{name}`", catalog.path.display()));
    match near(name, catalog.containers.iter().map(|c| c.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => {
            let all: Vec<&str> = catalog.containers.iter().map(|c| c.name.as_str()).take(30).collect();
            let more = if catalog.containers.len() > all.len() { ", …" } else { "" };
            error.hint(format!("it defines {}{more}", all.join(", ")))
        }
    }
}

fn not_built_for(catalog: &Catalog, container: &Container, architectures: &[Architecture]) -> Error {
    let name = &container.name;
    Error::usage(format!("`{name}` is not built for {}; it is built for {}", list(architectures), list(&container.targets))).hint(format!(
        "add it to `targets` of `[containers.{name}]` ({}, line {})",
        catalog.path.display(),
        container.line
    ))
}

fn list(architectures: &[Architecture]) -> String {
    architectures.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ")
}

/// The word among `words` that `word` was probably meant to be.
pub fn near<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Likeness is quadratic in length; no name is that long.
    let word: String = word.chars().take(128).collect::<String>().to_lowercase();
    let likeness = |other: &str| {
        let like = strsim::normalized_damerau_levenshtein(&word, other);
        // `sqlite` is far from `sqlite3-tools` letter by letter, yet plainly meant.
        if word.len() >= 3 && (other.starts_with(&word) || word.starts_with(other) && other.len() >= 3) { like.max(0.7) } else { like }
    };
    let best = words.into_iter().map(|w| (likeness(w), w)).filter(|(like, _)| *like >= 0.6);
    best.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, w)| w)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let text = "[containers.rg]\npackages = [\"ripgrep\"]\n[containers.sqlite3]\npackages = [\"sqlite3\"]\ntargets = [\"x86_64\"]\n";
        super::super::parse("containers.toml".as_ref(), text).unwrap()
    }

    fn shown(names: &[&str], architectures: &[Architecture]) -> Result<Vec<String>> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        Ok(select(&catalog(), &names, architectures)?.iter().map(Target::to_string).collect())
    }

    #[test]
    fn names_and_architectures_narrow_the_selection() {
        assert_eq!(shown(&[], &[]).unwrap(), ["rg/x86_64", "rg/aarch64", "sqlite3/x86_64"]);
        assert_eq!(shown(&["sqlite3", "rg", "rg"], &[Architecture::X86_64]).unwrap(), ["rg/x86_64", "sqlite3/x86_64"]);
        assert_eq!(shown(&[], &[Architecture::Aarch64]).unwrap(), ["rg/aarch64"]);
    }

    #[test]
    fn what_cannot_be_selected_is_explained() {
        let error = shown(&["sqlite"], &[]).unwrap_err();
        assert_eq!(error.advice(), Some("did you mean `sqlite3`?"));
        assert_eq!(shown(&["zzz"], &[]).unwrap_err().advice(), Some("it defines rg, sqlite3"));
        let error = shown(&["sqlite3"], &[Architecture::Aarch64]).unwrap_err();
        assert_eq!(error.message(), "`sqlite3` is not built for aarch64; it is built for x86_64");
        assert_eq!(error.advice(), Some("add it to `targets` of `[containers.sqlite3]` (containers.toml, line 3)"));
        assert!(shown(&[], &[Architecture::S390x]).is_err());
    }
}
