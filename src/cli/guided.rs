//! `catamaran --ui plain`: the guided release as ordinary questions, for screen readers and terminals that cannot draw.
//!
//! It only asks; what it has asked for is an ordinary `release`, which shows its plan and asks for the version before anything is sent.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use super::args::{Global, Output, Subcommand};
use super::drive::Link;
use super::printer::Printer;
use super::run::{find, load_catalog, run};
use super::{PushArgs, ReleaseArgs, SendArgs};
use crate::catalog::Catalog;
use crate::release::check_tag;
use crate::{Error, Result};

/// An answer longer than this is none.
const MAX_ANSWER: u64 = 4096;

/// Asks what is to be released, and releases it.
pub fn guided<L: Link>(global: &Global, connect: impl FnOnce(Option<PathBuf>) -> Result<L>) -> ExitCode {
    let global = Global { output: Output::Plain, ..global.clone() };
    let printer = Printer::fallback();
    let asked = find(&global).and_then(|file| load_catalog(Some(&file))).and_then(|catalog| {
        let mut ask = |question: &str| {
            printer.prompt(question);
            let mut line = String::new();
            let read = std::io::stdin().lock().take(MAX_ANSWER).read_line(&mut line);
            read.ok().filter(|n| *n > 0).map(|_| line.trim().to_owned())
        };
        questions(&catalog, &mut ask)
    });
    match asked {
        Ok(release) => {
            printer.prompt(&format!("\nThe same without questions: {}\n\n", command(&release)));
            run(&global, &Subcommand::Release(release), connect)
        }
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// The questions, one after the other; an answer that cannot be is explained and asked for again.
fn questions(catalog: &Catalog, ask: &mut dyn FnMut(&str) -> Option<String>) -> Result<ReleaseArgs> {
    let mut head = String::from("Release, in four questions. Nothing is sent before you have seen the plan and typed the version.\n\n");
    for (i, container) in catalog.containers.iter().enumerate() {
        let targets: Vec<&str> = container.targets.iter().map(|architecture| architecture.name()).collect();
        head.push_str(&format!("{}. {}, for {}\n", i + 1, container.name, targets.join(" and ")));
    }
    let names =
        asked(ask, &format!("{head}\n1 of 4. Which containers? Numbers or names; Enter for all: "), |answer| chosen(catalog, answer))?;
    let version = asked(ask, "2 of 4. Which version? Like 1.2.0: ", |answer| {
        check_tag(answer, "the version").map(|()| answer.to_owned()).map_err(|e| in_words(&e))
    })?;
    let tags =
        asked(ask, "3 of 4. Further tags? With commas between; Enter for the tag rule (latest if the branch is main), - for none: ", tags)?;
    let dry_run = asked(ask, "4 of 4. Publish, or only show the plan? publish or plan; Enter for plan: ", |answer| match answer {
        "" | "plan" => Ok(true),
        "publish" => Ok(false),
        _ => Err("Type publish or plan.".into()),
    })?;
    let words = std::iter::once(version).chain(names).collect();
    let send = SendArgs { dry_run, ..SendArgs::default() };
    let push = PushArgs { words, tags, target: Vec::new(), image: Vec::new(), digests_only: false, out_digests: None, send };
    Ok(ReleaseArgs { push, jobs: None, locked: false })
}

fn asked<T>(ask: &mut dyn FnMut(&str) -> Option<String>, question: &str, understand: impl Fn(&str) -> Result<T, String>) -> Result<T> {
    let mut question = question.to_owned();
    loop {
        let answer = ask(&question).ok_or_else(|| Error::failed("not confirmed: nothing was sent").hint("the answers ended too early"))?;
        match understand(&answer) {
            Ok(value) => return Ok(value),
            Err(why) => question = format!("{why} Once more: "),
        }
    }
}

/// The names that an answer means; none means all.
fn chosen(catalog: &Catalog, answer: &str) -> Result<Vec<String>, String> {
    let words = answer.split([',', ' ']).filter(|word| !word.is_empty());
    let name = |word: &str| {
        let by_number = word.parse::<usize>().ok().and_then(|n| catalog.containers.get(n.checked_sub(1)?));
        let found = catalog.container(word).or(by_number).map(|container| container.name.to_string());
        found.ok_or_else(|| format!("There is no container {}.", word.escape_debug()))
    };
    let mut names = words.map(name).collect::<Result<Vec<_>, _>>()?;
    names.dedup();
    Ok(names)
}

fn tags(answer: &str) -> Result<Option<Vec<String>>, String> {
    match answer {
        "" => Ok(None),
        "-" => Ok(Some(Vec::new())),
        tags => {
            let tags = tags.split([',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned);
            let fine = tags.map(|tag| check_tag(&tag, "the tag").map(|()| tag).map_err(|e| in_words(&e)));
            fine.collect::<Result<_, _>>().map(Some)
        }
    }
}

fn in_words(error: &Error) -> String {
    let hint = error.advice().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{hint}.", error.message())
}

/// The command that asks for the same.
fn command(release: &ReleaseArgs) -> String {
    let tags = release.push.tags.as_ref().map(|tags| format!(" --tags={}", tags.join(","))).unwrap_or_default();
    let dry_run = if release.push.send.dry_run { " --dry-run" } else { "" };
    format!("catamaran release {}{tags}{dry_run}", release.push.words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    fn guide(answers: &[&str]) -> (Result<String>, Vec<String>) {
        let text = "[defaults]\ntargets = [\"x86_64\", \"aarch64\"]\n[containers.fd]\npackages = [\"fd-find\"]\n[containers.rg]\npackages = [\"ripgrep\"]\n";
        let catalog = catalog::parse(std::path::Path::new("containers.toml"), text).unwrap();
        let (mut answers, mut said) = (answers.iter(), Vec::new());
        let asked = questions(&catalog, &mut |question| {
            said.push(question.to_owned());
            answers.next().map(|answer| (*answer).to_owned())
        });
        (asked.map(|release| command(&release)), said)
    }

    #[test]
    fn four_answers_are_a_release() {
        let (command, said) = guide(&["", "1.5.0", "", "publish"]);
        assert_eq!(command.unwrap(), "catamaran release 1.5.0");
        assert!(said[0].contains("1. fd, for x86_64 and aarch64\n2. rg"), "{}", said[0]);
        assert_eq!(guide(&["2, fd", "v2", "a,b", ""]).0.unwrap(), "catamaran release v2 rg fd --tags=a,b --dry-run");
        assert_eq!(guide(&["1", "1.5.0", "-", "plan"]).0.unwrap(), "catamaran release 1.5.0 fd --tags= --dry-run");
    }

    #[test]
    fn what_cannot_be_is_explained_and_asked_again_and_no_answer_sends_nothing() {
        let (command, said) = guide(&["9", "fd", "1+2", "1.0", "a b:c", "x", "yes", "publish"]);
        assert_eq!(command.unwrap(), "catamaran release 1.0 fd --tags=x");
        let again: Vec<&String> = said.iter().filter(|question| question.ends_with("Once more: ")).collect();
        assert_eq!(again.len(), 4);
        assert!(again[0].contains("no container 9") && again[1].contains("write 1-2") && again[3].contains("publish or plan"), "{again:?}");
        assert!(guide(&["fd", "1.0"]).0.unwrap_err().message().contains("nothing was sent"));
    }
}
