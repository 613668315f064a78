//! Which of its packages' programs a new container runs, and what it is called.

use crate::catalog::ContainerName;
use crate::debian::Program;
use crate::{Error, Result};

/// Programs named in an error.
const NAMED: usize = 12;

/// What is known before the packages are looked into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// The container's name, if it was given.
    pub name: Option<&'a ContainerName>,
    /// The packages, at least one.
    pub packages: &'a [String],
    /// The program that was asked for instead of a package.
    pub program: Option<&'a str>,
    /// What is to run, if it was given.
    pub entrypoint: Option<&'a str>,
}

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub name: ContainerName,
    /// `None` when it is the name.
    pub entrypoint: Option<String>,
    /// Something to think about.
    pub remark: Option<String>,
}

impl Wish<'_> {
    fn package(&self) -> &str {
        self.packages.first().map(String::as_str).unwrap_or_default()
    }

    /// The program that is called like what was asked for: by its own name or, before that counts, by its authors'.
    fn called<'p>(&self, programs: &'p [Program]) -> Option<&'p Program> {
        let words = [self.program, self.name.map(ContainerName::as_str), Some(self.package())];
        words.into_iter().flatten().find_map(|word| {
            let named = programs.iter().find(|program| program.name == word);
            named.or_else(|| programs.iter().find(|program| program.upstream.as_deref() == Some(word)))
        })
    }
}

/// Whether the packages' own programs are enough to choose from.
pub(super) fn is_settled(wish: &Wish<'_>, own: &[Program]) -> bool {
    wish.entrypoint.is_some() || own.len() == 1 || wish.called(own).is_some()
}

/// The program that runs and the container's name. `own` programs are those of the packages that were asked for, `related` ones of
/// packages called after them.
///
/// # Errors
/// There is no program, or there are several and none is called like anything that was asked for.
pub(super) fn choose(wish: &Wish<'_>, own: &[Program], related: &[Program]) -> Result<Choice> {
    let only = |programs: &[Program]| <&[Program; 1]>::try_from(programs).ok().map(|[program]| program.clone());
    let program = match wish.entrypoint {
        Some(command) => own.iter().find(|program| program.command == command || program.name == command).cloned(),
        None => {
            let called = wish.called(own).or_else(|| wish.called(related)).cloned();
            let found = called.or_else(|| only(own)).or_else(|| only(related).filter(|_| own.is_empty()));
            Some(found.ok_or_else(|| undecided(wish, if own.is_empty() { related } else { own }))?)
        }
    };
    let command = match (wish.entrypoint, &program) {
        (Some(command), _) => command.to_owned(),
        (None, Some(program)) => program.command.clone(),
        (None, None) => return Err(undecided(wish, own)),
    };
    let proposed = [wish.program, program.as_ref().and_then(|p| p.upstream.as_deref()), program.as_ref().map(|p| p.name.as_str())];
    let mut proposed = proposed.into_iter().flatten().chain([wish.package()]);
    let name = match wish.name {
        Some(name) => name.clone(),
        None => proposed.find(|name| ContainerName::problem(name).is_none()).map(ContainerName::new).ok_or_else(|| {
            let package = wish.package();
            Error::usage(format!("`{package}` cannot be a container's name")).hint(format!("give it one: `catamaran add NAME {package}`"))
        })?,
    };
    let is_elsewhere = program.is_none() && !command.starts_with('/');
    let remark = is_elsewhere.then(|| format!("none of its packages ships `{command}` itself; the build tells whether it is there"));
    Ok(Choice { entrypoint: (command != name.as_str()).then_some(command), name, remark })
}

/// Why no program could be chosen.
fn undecided(wish: &Wish<'_>, programs: &[Program]) -> Error {
    let (package, packages) = (wish.package(), wish.packages.join(" "));
    let name = wish.name.map_or("NAME", ContainerName::as_str);
    if programs.is_empty() {
        let ships = if wish.packages.len() == 1 { format!("`{package}` ships") } else { "these packages ship".to_owned() };
        return Error::usage(format!("{ships} no program that could be an entrypoint")).hint(format!(
            "an image runs something: say what with `catamaran add {name} {packages} --entrypoint PROGRAM`, or name a package with a \
             program too: libraries come along by themselves"
        ));
    }
    let some: Vec<&str> = programs.iter().take(NAMED).map(|program| program.command.as_str()).collect();
    let more = programs.len() - some.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let all = format!("{}{more}", some.join(", "));
    let of = if wish.packages.len() == 1 { format!("`{package}` has") } else { "these packages have".to_owned() };
    let first = some[0];
    Error::usage(format!("{of} several programs: {all}")).hint(match wish.name {
        None => format!("say which, for example `catamaran add {package} --entrypoint {first}`"),
        Some(name) => format!("say which, for example `catamaran add {name} {packages} --entrypoint {first}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(names: &[&str]) -> Vec<Program> {
        let program = |spelled: &&str| {
            let (name, upstream) = spelled.split_once('<').map_or((*spelled, None), |(name, upstream)| (name, Some(upstream.to_owned())));
            let command = if name == "cowsay" { "/usr/games/cowsay" } else { name };
            Program { name: name.into(), command: command.into(), upstream, package: "p".into() }
        };
        names.iter().map(program).collect()
    }

    /// `NAME|PACKAGE…` and what was chosen: `NAME: ENTRYPOINT`.
    fn chosen(asked: &str, own: &[&str], related: &[&str]) -> String {
        let (name, packages) = asked.split_once('|').map_or((None, asked), |(name, packages)| (Some(ContainerName::new(name)), packages));
        let (packages, entrypoint) =
            packages.split_once('@').map_or((packages, None), |(packages, entrypoint)| (packages, Some(entrypoint)));
        let packages: Vec<String> = packages.split(' ').map(str::to_owned).collect();
        let wish = Wish { name: name.as_ref(), packages: &packages, program: None, entrypoint };
        match choose(&wish, &programs(own), &programs(related)) {
            Ok(choice) => format!("{}: {}", choice.name, choice.entrypoint.unwrap_or_default()),
            Err(error) => format!("{}; {}", error.message(), error.advice().unwrap_or_default()),
        }
    }

    #[test]
    fn the_program_that_is_called_like_its_package_runs() {
        assert_eq!(chosen("jq", &["jq"], &[]), "jq: ");
        assert_eq!(chosen("git", &["git", "git-shell"], &[]), "git: ");
        assert_eq!(chosen("ripgrep", &["rg"], &[]), "rg: ");
        assert_eq!(chosen("python3", &["py3versions", "pydoc3"], &["python3"]), "python3: ");
        assert_eq!(chosen("cowsay", &["cowsay", "cowthink"], &[]), "cowsay: /usr/games/cowsay");
    }

    #[test]
    fn a_program_that_had_to_be_renamed_gives_its_own_name() {
        assert_eq!(chosen("fd-find", &["fdfind<fd"], &[]), "fd: fdfind");
        assert_eq!(chosen("bat", &["batcat<bat"], &[]), "bat: batcat");
    }

    #[test]
    fn a_name_and_an_entrypoint_that_are_given_count() {
        assert_eq!(chosen("search|ripgrep", &["rg"], &[]), "search: rg");
        assert_eq!(chosen("ssh|openssh-client", &["scp", "ssh"], &[]), "ssh: ");
        assert_eq!(chosen("box|jq ripgrep", &["jq", "rg"], &[]), "box: jq", "the first package is what it is about");
        assert_eq!(chosen("toolbox|jq ripgrep@bash", &["jq", "rg"], &[]), "toolbox: bash");
        assert_eq!(chosen("openssh-client@scp", &["scp", "ssh"], &[]), "scp: ");
    }

    #[test]
    fn what_cannot_be_chosen_is_asked_for() {
        let several = chosen("openssh-client", &["scp", "sftp"], &[]);
        assert_eq!(
            several,
            "`openssh-client` has several programs: scp, sftp; say which, for example `catamaran add openssh-client --entrypoint scp`"
        );
        assert!(chosen("box|xz-utils ripgrep", &["rg", "xz"], &[]).contains("catamaran add box xz-utils ripgrep --entrypoint rg"));
        let none = chosen("libssl3", &[], &[]);
        assert!(
            none.starts_with("`libssl3` ships no program") && none.contains("catamaran add NAME libssl3 --entrypoint PROGRAM"),
            "{none}"
        );
        assert!(chosen("imagemagick", &[], &["a", "b"]).contains("several programs: a, b"));
    }
}
