//! `catamaran update` and `catamaran outdated`: the newest versions, and what they would change.

use std::path::Path;

use serde::Serialize;

use clap::Args;

use super::drive::{Drive, Link};
use super::printer::{Ink, Printer, Results};
use super::quantity::count;
use super::table::{Cell, Table};
use crate::catalog::{Catalog, select};
use crate::session::{Change, Command, Update, UpdateRequest};
use crate::{Error, Result};

/// `update`
#[derive(Debug, Args)]
#[command(after_help = "With names, only those containers take new versions: the base layer and all others keep theirs.\n\nExamples:\n  \
                  catamaran update\n  catamaran update fd --dry-run\n  catamaran update --json | jq -r '.changes[].package'")]
pub struct UpdateArgs {
    /// Containers to update [default: all, and the base layer]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Show what would change and leave containers.lock as it is
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Take it even if the archive has gone back to older releases or packages
    #[arg(long)]
    pub allow_downgrades: bool,
}

/// `outdated`
#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 0 whether or not something would change.\n\nExamples:\n  catamaran outdated\n  catamaran outdated --json | jq '.changes | length'"
)]
pub struct OutdatedArgs {}

/// What `update --json` and `outdated --json` print.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    lock: &'a Path,
    written: bool,
    packages: usize,
    changes: &'a [Change],
    warnings: &'a [String],
}

/// Renews the lock for the containers that `args` names, or all.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &UpdateArgs) -> Result<()> {
    let mut containers = Vec::new();
    if !args.names.is_empty() {
        containers = select(catalog, &args.names, &[])?.into_iter().map(|target| target.container).collect();
        containers.dedup();
    }
    compare(drive, printer, UpdateRequest { containers, dry_run: args.dry_run, allow_downgrades: args.allow_downgrades }).await
}

/// Says what an update would change.
pub(super) async fn outdated<L: Link>(drive: &mut Drive<L>, printer: &Printer) -> Result<()> {
    compare(drive, printer, UpdateRequest { dry_run: true, ..UpdateRequest::default() }).await
}

async fn compare<L: Link>(drive: &mut Drive<L>, printer: &Printer, request: UpdateRequest) -> Result<()> {
    drive.run(Command::Update(request)).await?;
    let Some(Update { path, written, packages, changes, warnings }) = &drive.state.update else {
        return Err(Error::bug("the update ended without a result"));
    };
    match printer.results {
        Results::Events => {}
        Results::Document => {
            printer.document(&Document { schema: 1, lock: path, written: *written, packages: *packages, changes, warnings })?;
        }
        Results::Text => {
            if !changes.is_empty() {
                printer.result(&table(changes).render(printer.out_color));
            }
            warnings.iter().for_each(|warning| printer.note(&format!("warning: {warning}")));
            let (what, of) = (count(changes.len(), "change"), count(*packages, "package"));
            printer.note(&match (changes.is_empty(), written) {
                (true, _) => format!("{} is up to date: {of}", path.display()),
                (false, true) => format!("wrote {}: {what}, {of}", path.display()),
                (false, false) => format!("{what} to {}; `catamaran update` takes them", path.display()),
            });
        }
    }
    Ok(())
}

fn table(changes: &[Change]) -> Table {
    let columns = ["PACKAGE", "OLD", "NEW", "TARGETS", "WARNING"];
    let warned = changes.iter().any(|change| change.warning.is_some());
    let mut table = Table::new(&columns[..if warned { 5 } else { 4 }]);
    for change in changes {
        let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "–".into());
        let targets: Vec<&str> = change.targets.iter().map(|a| a.name()).collect();
        table.row([
            Cell::ink(change.package.as_str(), Ink::Bold),
            version(&change.old).into(),
            version(&change.new).into(),
            Cell::ink(targets.join(", "), Ink::Dim),
            Cell::ink(change.warning.map(|warning| warning.to_string()).unwrap_or_default(), Ink::Warn),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::session::ChangeWarning;

    #[test]
    fn every_change_is_a_row() {
        let change = |package: &str, old: Option<&str>, new: Option<&str>| Change {
            package: package.into(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
            targets: vec![Architecture::X86_64, Architecture::Aarch64],
            warning: None,
        };
        let mut changes =
            [change("curl", Some("8.14.1-1"), Some("8.14.1-2")), change("jq", None, Some("1.7-1")), change("fd", Some("1"), None)];
        insta::assert_snapshot!(table(&changes).render(false), @r"
        PACKAGE  OLD       NEW       TARGETS
        curl     8.14.1-1  8.14.1-2  x86_64, aarch64
        jq       –         1.7-1     x86_64, aarch64
        fd       1         –         x86_64, aarch64
        ");
        changes[0].warning = Some(ChangeWarning::Older);
        insta::assert_snapshot!(table(&changes[..2]).render(false), @r"
        PACKAGE  OLD       NEW       TARGETS          WARNING
        curl     8.14.1-1  8.14.1-2  x86_64, aarch64  older than before
        jq       –         1.7-1     x86_64, aarch64
        ");
    }
}
