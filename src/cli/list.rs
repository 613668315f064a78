//! `catamaran list`: containers × targets, and what is built of them.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::drive::{Drive, Link};
use super::printer::{Ink, Printer, Results};
use super::quantity::bytes;
use super::table::{Cell, Table};
use crate::session::{Command, ImageState, State, TargetSummary};
use crate::{Result, catalog};

/// `list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  catamaran list\n  catamaran list --json | jq '.targets[] | select(.state == \"stale\")'")]
pub struct ListArgs {}

/// What `list --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    path: Option<&'a Path>,
    registry: Option<&'a str>,
    targets: &'a [TargetSummary],
}

/// Whether `file` is in order and defines no containers yet; then says so. That is where every project begins, and no mistake.
pub(super) fn is_empty(printer: &Printer, file: &Path) -> Result<bool> {
    if printer.results == Results::Events || !catalog::load(file).is_err_and(|problems| problems.is_only_empty()) {
        return Ok(false);
    }
    match printer.results {
        Results::Document => printer.document(&Document { schema: 1, path: Some(file), registry: None, targets: &[] })?,
        _ => printer.note(&format!("{} defines no containers yet; `catamaran add ripgrep` defines one", file.display())),
    }
    Ok(true)
}

/// Reads the catalog and prints it.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer) -> Result<()> {
    drive.run(Command::LoadCatalog).await?;
    let state = &drive.state;
    match printer.results {
        Results::Events => Ok(()),
        Results::Document => printer.document(&Document {
            schema: 1,
            path: state.catalog.as_deref(),
            registry: state.registry.as_deref(),
            targets: &state.targets,
        }),
        Results::Text => {
            printer.result(&table(state).render(printer.out_color));
            Ok(())
        }
    }
}

fn table(state: &State) -> Table {
    let mut table = Table::new(&["CONTAINER", "TARGET", "STATE", "SIZE", "DIGEST", "PACKAGES"]);
    let mut before = None;
    for summary in &state.targets {
        // A container is named once; its targets stand below each other.
        let container = &summary.target.container;
        let name = if before == Some(container) { "" } else { container.as_str() };
        before = Some(container);
        let (mark, image) = match &summary.state {
            ImageState::Never => (Cell::ink("· not built", Ink::Dim), None),
            ImageState::Stale { image } => (Cell::ink("~ stale", Ink::Warn), Some(image)),
            ImageState::Built { image, verified: true } => (Cell::ink("✓ verified", Ink::Good), Some(image)),
            ImageState::Built { image, verified: false } => (Cell::from("○ built, not verified"), Some(image)),
        };
        table.row([
            Cell::ink(name, Ink::Bold),
            summary.target.architecture.name().into(),
            mark,
            Cell::number(image.map(|i| bytes(i.size)).unwrap_or_default()),
            image.map(|i| i.digest.short()).unwrap_or_default().into(),
            Cell::ink(summary.packages.join(" "), Ink::Dim),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Architecture, BuilderKind, Target};
    use crate::image::Digest;
    use crate::session::BuiltImage;

    #[test]
    fn states_are_words_too() {
        let image = BuiltImage { digest: Digest::of(b"x"), size: 12 << 20, layers: 2, packages: 4, entrypoint: Vec::new() };
        let summary = |name: &str, architecture, state| TargetSummary {
            target: Target::new(name, architecture),
            builder: BuilderKind::Debian,
            packages: vec!["fd-find".into()],
            entrypoint: vec!["fdfind".into()],
            line: 1,
            usual: None,
            state,
        };
        let targets = vec![
            summary("fd", Architecture::X86_64, ImageState::Built { image: image.clone(), verified: true }),
            summary("fd", Architecture::Aarch64, ImageState::Stale { image }),
            summary("rg", Architecture::X86_64, ImageState::Never),
        ];
        let state = State { targets, ..State::default() };
        insta::assert_snapshot!(table(&state).render(false), @r###"
        CONTAINER  TARGET   STATE        SIZE      DIGEST        PACKAGES
        fd         x86_64   ✓ verified   12.0 MiB  2d711642b726  fd-find
                   aarch64  ~ stale      12.0 MiB  2d711642b726  fd-find
        rg         x86_64   · not built                          fd-find
        "###);
    }
}
