//! `catamaran man`: the manual pages, made from the same definition as `--help`.

use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;

use super::args::Cli;
use super::printer::Printer;
use crate::catalog::near;
use crate::error::IoContext;
use crate::image::replace_file;
use crate::{Error, Result};

/// `man`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  catamaran man | man -l -\n  catamaran man cache prune | man -l -\n  catamaran man --out ~/.local/share/man/man1"
)]
pub struct ManArgs {
    /// The command [default: catamaran itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write all pages into this folder, which is made if need be
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Prints a page, or writes all.
///
/// # Errors
/// There is no such command, or the folder cannot be written to.
pub(super) fn run(printer: &Printer, args: &ManArgs) -> Result<()> {
    let root = whole();
    if let Some(folder) = &args.out {
        let pages = pages(&root)?;
        for (name, page) in &pages {
            replace_file(&folder.join(name), page).map_err(|error| error.context("the manual pages"))?;
        }
        printer.note(&format!("wrote {} pages to {}", pages.len(), folder.display()));
        return Ok(());
    }
    let mut command = &root;
    for word in &args.command {
        let names = || command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(Command::get_name);
        let found = command.get_subcommands().find(|sub| sub.get_name() == word);
        command = found.ok_or_else(|| {
            let error = Error::usage(format!("`{}` has no subcommand `{word}`", command.get_display_name().unwrap_or("catamaran")));
            match near(word, names()) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("there are {}", names().collect::<Vec<_>>().join(", "))),
            }
        })?;
    }
    printer.result(&String::from_utf8_lossy(&page(command)?));
    Ok(())
}

/// The command line with the names that its pages have: `catamaran-build`.
fn whole() -> Command {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    root
}

/// Every page and what its file is called.
fn pages(command: &Command) -> Result<Vec<(String, Vec<u8>)>> {
    let mut pages = vec![(Man::new(command.clone()).get_filename(), page(command)?)];
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        pages.extend(self::pages(sub)?);
    }
    Ok(pages)
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).at("making a manual page", Path::new(command.get_name()))?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::{Mode, Results};

    fn printed(words: &[&str]) -> Result<String> {
        let (printer, out, _) = Printer::captured(Results::Text, Mode::Quiet);
        run(&printer, &ManArgs { command: words.iter().map(|word| (*word).to_owned()).collect(), out: None })?;
        Ok(out.text())
    }

    #[test]
    fn every_command_has_a_page() {
        let root = printed(&[]).unwrap();
        assert!(root.contains(".TH catamaran 1") && root.contains("catamaran\\-build(1)"), "{root}");
        assert!(printed(&["cache", "prune"]).unwrap().contains("\\-\\-older\\-than"));
        let error = printed(&["buld"]).unwrap_err();
        assert_eq!((error.kind().exit_code(), error.advice()), (2, Some("did you mean `build`?")));
        assert!(printed(&["cache", "zzz"]).unwrap_err().advice().unwrap().contains("info, prune"));
    }

    #[test]
    fn all_pages_are_written_under_names_that_man_finds() {
        let folder = tempfile::tempdir().unwrap();
        let (printer, _, err) = Printer::captured(Results::Text, Mode::Plain);
        run(&printer, &ManArgs { command: Vec::new(), out: Some(folder.path().join("man1")) }).unwrap();
        let names: Vec<String> = pages(&whole()).unwrap().into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"catamaran.1".into()) && names.contains(&"catamaran-cache-prune.1".into()), "{names:?}");
        assert!(names.iter().all(|name| folder.path().join("man1").join(name).is_file()));
        assert!(err.text().contains(&format!("wrote {} pages", names.len())));
    }
}
