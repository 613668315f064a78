//! `catamaran doctor`: tries out what builds and releases need, and says how to mend what is broken.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::drive::{Drive, Link};
use super::printer::{Ink, Printer, Results, clean};
use super::quantity::count;
use super::table::{Cell, Table};
use crate::session::{Command, DiagnoseRequest, Diagnosis, Finding, VmCache};
use crate::verify::Verdict;
use crate::{Error, Result};

/// `doctor`
#[derive(Debug, Args)]
#[command(
    after_help = "Tries the Debian archive and its signatures, the login of every registry, the folders, the terminal. No secret is shown, \
                  and without --upload nothing is sent that changes anything.\n\nExamples:\n  catamaran doctor\n  catamaran doctor \
                  ghcr.io/acme/fd --json\n  catamaran doctor --cache https://acme.cachix.org --upload --system ./result"
)]
pub struct DoctorArgs {
    /// A registry to try besides the one of containers.toml
    #[arg(value_name = "HOST[/REPOSITORY]")]
    pub registry: Option<String>,
    /// On a Mac: is the image of the machine that builds for it (nix-rosetta-builder) in this binary cache?
    #[arg(long, value_name = "URL")]
    pub cache: Option<String>,
    /// Copy it there if it is not
    #[arg(long, requires = "cache")]
    pub upload: bool,
    /// The nix-darwin system that the machine belongs to, such as what `darwin-rebuild build` leaves
    #[arg(long, requires = "cache", value_name = "PATH", default_value = "/run/current-system")]
    pub system: PathBuf,
}

/// Tries out and prints; exit code 1 when something needed is broken.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &DoctorArgs) -> Result<()> {
    let vm_cache = args.cache.clone().map(|url| VmCache { url, system: args.system.clone(), upload: args.upload });
    let failed = drive.run(Command::Diagnose(DiagnoseRequest { registry: args.registry.clone(), vm_cache })).await?;
    let Some(diagnosis) = drive.state.diagnosis.as_ref().map(Arc::as_ref) else {
        return Err(Error::failed("the diagnosis ended without a result"));
    };
    let mut diagnosis = diagnosis.clone();
    diagnosis.findings.push(terminal());
    match printer.results {
        Results::Events => {}
        Results::Document => printer.document(&diagnosis)?,
        Results::Text => printer.result(&table(&diagnosis, printer.out_color)),
    }
    if failed > 0 { Err(Error::failed(format!("{} broken", count(failed, "thing")))) } else { Ok(()) }
}

fn table(diagnosis: &Diagnosis, color: bool) -> String {
    let mut lines = Vec::new();
    let mut table = Table::plain(0);
    for finding in &diagnosis.findings {
        table.row([Cell::verdict(finding.verdict), finding.subject.as_str().into(), finding.found.as_str().into()]);
    }
    for (line, finding) in table.render(color).lines().zip(&diagnosis.findings) {
        lines.push(line.to_owned());
        let fix = finding.fix.iter().filter(|_| finding.verdict != Verdict::Pass);
        lines.extend(fix.map(|fix| Ink::Dim.paint(&format!("       {}", clean(fix)), color)));
    }
    lines.join("\n")
}

/// The terminal, as the dashboard needs it.
fn terminal() -> Finding {
    let subject = "terminal";
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if !std::io::stdout().is_terminal() {
        return Finding { verdict: Verdict::Skip, ..Finding::pass(subject, "not a terminal: commands work, the dashboard needs one") };
    }
    let term = variable("TERM");
    if term.is_empty() || term == "dumb" {
        return Finding::warn(subject, format!("TERM is `{term}`"), "the dashboard needs a terminal that can move its cursor");
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).into_iter().find(|v| !v.is_empty()).unwrap_or_default();
    let (columns, rows) = crossterm::terminal::size().unwrap_or_default();
    let utf8 = locale.to_lowercase().replace('-', "").contains("utf8");
    match utf8 {
        true => Finding::pass(subject, format!("{term}, {columns} × {rows}, {locale}")),
        false => Finding::warn(subject, format!("{term}, {columns}x{rows}, locale `{locale}`"), "set LANG=C.UTF-8 for lines and marks"),
    }
}
