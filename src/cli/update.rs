//! `catamaran update` and `catamaran outdated`: the newest versions, and what they would change.

use std::path::Path;

use serde::Serialize;

use super::drive::{Drive, Link};
use super::printer::{Ink, Printer, Results};
use super::quantity::count;
use super::table::{Cell, Table};
use crate::catalog::{Catalog, select};
use crate::session::{Change, Command, Update, UpdateRequest};
use crate::{Error, Result};

/// What `update --json` and `outdated --json` print.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    lock: &'a Path,
    written: bool,
    packages: usize,
    changes: &'a [Change],
}

/// Renews the lock for the containers `names`, or all.
pub(super) async fn run<L: Link>(
    drive: &mut Drive<L>,
    printer: &Printer,
    catalog: &Catalog,
    names: &[String],
    dry_run: bool,
) -> Result<()> {
    let mut containers = Vec::new();
    if !names.is_empty() {
        containers = select(catalog, names, &[])?.into_iter().map(|target| target.container).collect();
        containers.dedup();
    }
    compare(drive, printer, UpdateRequest { containers, dry_run }).await
}

/// Says what an update would change.
pub(super) async fn outdated<L: Link>(drive: &mut Drive<L>, printer: &Printer) -> Result<()> {
    compare(drive, printer, UpdateRequest { containers: Vec::new(), dry_run: true }).await
}

async fn compare<L: Link>(drive: &mut Drive<L>, printer: &Printer, request: UpdateRequest) -> Result<()> {
    drive.run(Command::Update(request)).await?;
    let Some(Update { path, written, packages, changes }) = &drive.state.update else {
        return Err(Error::bug("the update ended without a result"));
    };
    match printer.results {
        Results::Events => {}
        Results::Document => {
            printer.document(&Document { schema: 1, lock: path, written: *written, packages: *packages, changes })?;
        }
        Results::Text => {
            if !changes.is_empty() {
                printer.result(&table(changes).render(printer.out_color));
            }
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
    let mut table = Table::new(&["PACKAGE", "OLD", "NEW", "TARGETS"]);
    for change in changes {
        let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "–".into());
        let targets: Vec<&str> = change.targets.iter().map(|a| a.name()).collect();
        table.row([
            Cell::ink(change.package.as_str(), Ink::Bold),
            version(&change.old).into(),
            version(&change.new).into(),
            Cell::ink(targets.join(", "), Ink::Dim),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;

    #[test]
    fn every_change_is_a_row() {
        let change = |package: &str, old: Option<&str>, new: Option<&str>| Change {
            package: package.into(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
            targets: vec![Architecture::X86_64, Architecture::Aarch64],
        };
        let changes =
            [change("curl", Some("8.14.1-1"), Some("8.14.1-2")), change("jq", None, Some("1.7-1")), change("fd", Some("1"), None)];
        insta::assert_snapshot!(table(&changes).render(false), @r"
        PACKAGE  OLD       NEW       TARGETS
        curl     8.14.1-1  8.14.1-2  x86_64, aarch64
        jq       –         1.7-1     x86_64, aarch64
        fd       1         –         x86_64, aarch64
        ");
    }
}
