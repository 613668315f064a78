//! `catamaran add`: a container more in containers.toml, looked up in the archive.

use clap::Args;
use serde::Serialize;

use super::confirm::answer;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results, clean};
use super::quantity::{bytes, count};
use crate::catalog::Architecture;
use crate::session::{Added, Command, Proposal, ProposeRequest};
use crate::{Error, Result};

/// `add`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "One word is a package, or a program that some package ships; its name and entrypoint are proposed. More words are the name \
                  and its packages. What is proposed is what a build would accept: the packages exist for every architecture and fit \
                  together.\nOn a terminal it asks before it writes; comments and layout stay as they are.\n\nExamples:\n  catamaran add \
                  jq\n  catamaran add fd-find              # the container fd, which runs fdfind\n  catamaran add rg                   # the \
                  package ripgrep, which ships rg\n  catamaran add toolbox jq ripgrep less --entrypoint bash --target x86_64\n  catamaran \
                  add jq --dry-run"
)]
pub struct AddArgs {
    /// A package or program; or a name, then its packages
    #[arg(value_name = "NAME [PACKAGE]", required = true)]
    pub words: Vec<String>,
    /// What runs: a command, or an absolute path [default: the program that is called like the container or its first package]
    #[arg(long, value_name = "PROGRAM")]
    pub entrypoint: Option<String>,
    /// Only these architectures [default: those of `[defaults]`]
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Architecture>,
    /// Show the entry and leave containers.toml as it is
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// What `add --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    proposal: &'a Proposal,
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// Looks up, asks, writes.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &AddArgs) -> Result<()> {
    let request = ProposeRequest { words: args.words.clone(), entrypoint: args.entrypoint.clone(), targets: args.target.clone() };
    drive.run(Command::Propose(request)).await?;
    let Some(proposal) = drive.state.proposal.clone() else { return Err(Error::bug("the look-up ended without a result")) };
    let asks = printer.interactive && printer.results == Results::Text && !args.yes && !args.dry_run;
    if asks {
        let question = format!("{}\n{}\n\nAdd it to {}? [Y/n] ", proposal.text, comes_to(&proposal), proposal.path.display());
        let said = answer(drive, printer, &clean(&question)).await?;
        // The end of the input is no answer; a yes is typed, if only as an empty line.
        if said.is_empty() {
            printer.note("");
            return Err(Error::failed(format!("no answer: {} is as it was", proposal.path.display())).hint("--yes asks nothing"));
        }
        if !matches!(said.trim().to_lowercase().as_str(), "" | "y" | "yes") {
            return Err(Error::failed(format!("{} is as it was", proposal.path.display())));
        }
    }
    if !args.dry_run {
        drive.run(Command::Add(proposal.container.clone())).await?;
    }
    let added = drive.state.added.clone();
    match printer.results {
        Results::Events => {}
        Results::Document => {
            let line = added.as_ref().map(|added| added.line);
            printer.document(&Document { proposal: &proposal, written: added.is_some(), line })?;
        }
        Results::Text => {
            if !asks {
                printer.result(&clean(&proposal.text));
                printer.note(&clean(&comes_to(&proposal)));
            }
            printer.note(&match added {
                Some(Added { path, container, line }) => {
                    format!("added to {}, line {line}; `catamaran build {container}` builds it", path.display())
                }
                None => format!("{} is as it was", proposal.path.display()),
            });
        }
    }
    Ok(())
}

/// `fd-find 10.2.0-1: 11 packages, 5.2 MiB to fetch for x86_64, aarch64`.
fn comes_to(proposal: &Proposal) -> String {
    let Proposal { container, version, packages, download, targets, remark, .. } = proposal;
    let first = container.packages.first().map(String::as_str).unwrap_or_default();
    let targets: Vec<&str> = targets.iter().map(|target| target.name()).collect();
    let remark = remark.iter().map(|remark| format!("\n{remark}")).collect::<String>();
    let (all, size) = (count(*packages, "package"), bytes(*download));
    format!("{first} {version} for {}: {all} with what they need, {size} each{remark}", targets.join(", "))
}
