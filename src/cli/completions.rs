//! `catamaran completions`: what a shell needs to complete commands, options, containers and architectures.
//!
//! The script that is printed asks the program itself, with COMPLETE=SHELL in the environment, each time somebody presses tab; so
//! what it offers is what the program understands and what containers.toml defines at that moment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Arg, Args, Command, CommandFactory, ValueEnum};
use clap_complete::env::Shells;
use clap_complete::{ArgValueCandidates, CompleteEnv, CompletionCandidate};

use super::args::Cli;
use super::printer::Printer;
use crate::catalog::{self, Architecture, Catalog};
use crate::{Error, Result, session};

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// `completions`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  catamaran completions bash > ~/.local/share/bash-completion/completions/catamaran\n  catamaran completions zsh > \
                  ~/.zfunc/_catamaran               # a folder of $fpath; then `compinit`\n  catamaran completions fish > \
                  ~/.config/fish/completions/catamaran.fish\n  catamaran completions elvish >> ~/.config/elvish/rc.elv\n  catamaran \
                  completions powershell >> $PROFILE\n\nOr for this shell alone: source <(catamaran completions bash)"
)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// A shell that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
    /// Elvish.
    Elvish,
    /// PowerShell.
    Powershell,
}

/// Prints the script.
///
/// # Errors
/// None that can be expected: every shell that can be named is known.
pub(super) fn run(printer: &Printer, args: &CompletionsArgs) -> Result<()> {
    let name = args.shell.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let known = Shells::builtins();
    let shell = known.completer(&name).ok_or_else(|| Error::bug(format!("there is no script for {name}")))?;
    let mut script = Vec::new();
    let written = shell.write_registration(VARIABLE, "catamaran", "catamaran", "catamaran", &mut script);
    written.map_err(|error| Error::failed("the script cannot be written").source(error))?;
    printer.result(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// Answers a shell that asks for candidates, and ends the process then. To be called before anything else.
pub fn complete() {
    CompleteEnv::with_factory(completed).var(VARIABLE).complete();
}

/// The command line, with candidates for what only a catalog knows. They hang on what a value is called in the help, so a new command
/// that takes a NAME completes by itself.
fn completed() -> Command {
    let commands: Vec<String> = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    commands.iter().fold(Cli::command(), |cli, name| match name.as_str() {
        // Its name is a new one.
        "add" => cli,
        _ => cli.mut_subcommand(name, |command| command.mut_args(with_candidates)),
    })
}

fn with_candidates(argument: Arg) -> Arg {
    let shown = argument.get_value_names().and_then(|names| names.first()).map(|name| name.as_str().to_owned());
    match shown.as_deref() {
        Some("NAME") => argument.add(ArgValueCandidates::new(containers)),
        Some("VERSION [NAME]") => argument.add(ArgValueCandidates::new(versions_and_containers)),
        Some("A,B") if argument.get_id() == "tags" => argument.add(ArgValueCandidates::new(tags)),
        Some("REF" | "SOURCE" | "DESTINATION") => argument.add(ArgValueCandidates::new(references)),
        Some("ARCHITECTURE" | "A,B") if argument.get_id() == "target" => argument.add(ArgValueCandidates::new(architectures)),
        _ => argument,
    }
}

fn containers() -> Vec<CompletionCandidate> {
    let catalog = catalog(std::env::args_os());
    let described = |container: &catalog::Container| {
        let targets: Vec<&str> = container.targets.iter().map(|target| target.name()).collect();
        CompletionCandidate::new(container.name.as_str()).help(Some(format!("for {}", targets.join(", ")).into()))
    };
    catalog.iter().flat_map(|catalog| &catalog.containers).map(described).collect()
}

/// What was published last: the next one is seldom far from it.
fn tags() -> Vec<CompletionCandidate> {
    let published = catalog(std::env::args_os()).map(|catalog| session::published_tags(&catalog)).unwrap_or_default();
    let described = |(tag, containers): (String, Vec<catalog::ContainerName>)| {
        let names: Vec<&str> = containers.iter().map(catalog::ContainerName::as_str).collect();
        CompletionCandidate::new(tag).help(Some(format!("published of {}", names.join(", ")).into()))
    };
    published.into_iter().map(described).collect()
}

fn versions_and_containers() -> Vec<CompletionCandidate> {
    let mut candidates = tags();
    candidates.extend(containers());
    candidates
}

/// Containers, their targets, and how other references begin.
fn references() -> Vec<CompletionCandidate> {
    let mut candidates = containers();
    let targets = catalog(std::env::args_os()).map(|catalog| catalog.targets()).unwrap_or_default();
    candidates.extend(targets.iter().map(|target| CompletionCandidate::new(target.to_string())));
    let schemes = [
        ("oci:", "an OCI image layout"),
        ("docker-archive:", "what `docker save` writes"),
        ("docker-daemon:", "an image of Docker or Podman"),
        ("containers-storage:", "an image of Podman's storage"),
        ("nix:", "a document of nix2container"),
    ];
    candidates.extend(schemes.map(|(scheme, about)| CompletionCandidate::new(scheme).help(Some(about.into()))));
    candidates
}

fn architectures() -> Vec<CompletionCandidate> {
    Architecture::ALL.into_iter().map(|architecture| CompletionCandidate::new(architecture.name())).collect()
}

/// The catalog of the command line that is being completed; nothing when there is none that can be read. Containers that are left to a
/// flake are not asked for: nobody waits for Nix at a tab.
fn catalog(line: impl Iterator<Item = OsString>) -> Option<Catalog> {
    let folder = std::env::current_dir().ok()?;
    catalog::load(&catalog::find(file(line).as_deref(), &folder).ok()?).ok()
}

/// What follows `--file` on the command line.
fn file(line: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let words: Vec<OsString> = line.collect();
    let named = words.windows(2).find(|pair| pair[0] == "--file" || pair[0] == "-f").map(|pair| pair[1].clone());
    named
        .or_else(|| words.iter().find_map(|word| word.to_str()?.strip_prefix("--file=").map(OsStr::new).map(OsStr::to_owned)))
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::{Mode, Results};

    #[test]
    fn every_shell_has_a_script_that_asks_the_program() {
        for shell in Shell::value_variants() {
            let (printer, out, _) = Printer::captured(Results::Text, Mode::Quiet);
            run(&printer, &CompletionsArgs { shell: *shell }).unwrap();
            assert!(out.text().contains(VARIABLE) && out.text().contains("catamaran"), "{shell:?}: {}", out.text());
        }
    }

    #[test]
    fn what_only_a_catalog_knows_has_candidates() {
        let mut command = completed();
        command.build();
        for (name, argument) in [
            ("build", "names"),
            ("build", "target"),
            ("verify", "references"),
            ("verify", "waivers_of"),
            ("compare", "left"),
            ("copy", "source"),
            ("push", "words"),
        ] {
            let command = command.find_subcommand(name).unwrap();
            let found = command.get_arguments().find(|found| found.get_id() == argument).unwrap();
            assert!(found.get::<ArgValueCandidates>().is_some(), "{name} {argument}");
        }
        let add = command.find_subcommand("add").unwrap().get_arguments().find(|found| found.get_id() == "words").unwrap();
        assert!(add.get::<ArgValueCandidates>().is_none());
    }

    #[test]
    fn the_file_of_the_line_is_found() {
        let of = |line: &str| file(line.split(' ').map(OsString::from));
        assert_eq!(of("catamaran -- catamaran -f x build").unwrap(), PathBuf::from("x"));
        assert_eq!(of("catamaran build --file=y/z f").unwrap(), PathBuf::from("y/z"));
        assert_eq!(of("catamaran build f"), None);
    }
}
