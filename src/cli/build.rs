//! `catamaran build`: images into the local store.

use std::path::PathBuf;

use serde::Serialize;

use clap::Args;

use super::drive::{Drive, Link};
use super::printer::{Ink, Mode, Printer, Results};
use super::quantity::{bytes, count, duration};
use super::table::{Cell, Table};
use crate::catalog::{Architecture, Catalog, Target, select};
use crate::session::{Build, BuildRequest, Command, Failure, Outcome, Phase, State};
use crate::{Error, Kind, Result};

/// `build`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  catamaran build\n  catamaran build fd rg --target aarch64 --jobs 2\n  catamaran build fd --out ./fd-layout"
)]
pub struct BuildArgs {
    /// Containers to build [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only these architectures
    #[arg(long, short, value_delimiter = ',', value_name = "A,B")]
    pub target: Vec<Architecture>,
    /// How many targets at a time [default: one per core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Refuse to change containers.lock
    #[arg(long)]
    pub locked: bool,
    /// Also write the images as an OCI image layout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What `build --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    failed: usize,
    targets: Vec<Built<'a>>,
}

/// One target of it.
#[derive(Serialize)]
struct Built<'a> {
    #[serde(flatten)]
    target: &'a Target,
    #[serde(flatten)]
    outcome: Option<&'a Outcome>,
    took: Option<u64>,
}

/// Builds what `args` select.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &BuildArgs) -> Result<()> {
    let targets = select(catalog, &args.names, &args.target)?;
    let jobs = args.jobs.map_or(0, usize::from);
    let request = BuildRequest { targets, jobs, locked: args.locked, out: args.out.clone() };
    let ended = drive.run(Command::Build(request)).await;
    // What was built is worth showing even when the rest failed.
    let failed = *ended.as_ref().unwrap_or(&0);
    match printer.results {
        Results::Document if ended.is_ok() => printer.document(&document(&drive.state, failed))?,
        Results::Text if !drive.state.builds.is_empty() => printer.result(&table(&drive.state).render(printer.out_color)),
        Results::Document | Results::Text | Results::Events => {}
    }
    ended.map_err(|error| not_again(error, &drive.state, printer))?;
    outcome(&drive.state, failed)
}

/// What stopped everything, unless the display has already said it of the targets.
fn not_again(error: Error, state: &State, printer: &Printer) -> Error {
    let is_said = matches!(printer.mode, Mode::Bars | Mode::Plain);
    let is_theirs = failures(state).any(|failure| failure.message == error.message());
    match is_said && is_theirs {
        true => Error::new(error.kind(), "nothing could be built"),
        false => error,
    }
}

fn failures(state: &State) -> impl Iterator<Item = &Failure> {
    state.builds.values().filter_map(|build| match &build.phase {
        Phase::Ended(Outcome::Failed(failure)) => Some(failure),
        _ => None,
    })
}

/// The error of a run in which something failed.
pub(super) fn outcome(state: &State, failed: usize) -> Result<()> {
    if failed == 0 {
        return Ok(());
    }
    let unbuilt = state.builds.values().filter(|b| b.image().is_none()).count();
    if unbuilt > 0 {
        let message = format!("{unbuilt} of {} could not be built", count(state.builds.len(), "target"));
        // Where all failed for one sort of reason, it is the run's: a mirror that is down is no broken build.
        let mut kinds: Vec<Kind> = failures(state).map(|failure| failure.kind).collect();
        kinds.dedup();
        return Err(Error::new(if let [kind] = kinds[..] { kind } else { Kind::Failed }, message));
    }
    Err(Error::failed(format!("{} failed", count(failed, "check"))).hint("`catamaran verify NAME` shows every finding"))
}

fn document(state: &State, failed: usize) -> Document<'_> {
    let outcome = |build| match build {
        &Build { phase: Phase::Ended(ref outcome), .. } => Some(outcome),
        _ => None,
    };
    let targets = state.builds.iter().map(|(target, build)| Built { target, outcome: outcome(build), took: build.took });
    Document { schema: 1, failed, targets: targets.collect() }
}

fn table(state: &State) -> Table {
    let mut table = Table::plain(0);
    for (target, build) in &state.builds {
        let (mark, image) = match &build.phase {
            Phase::Ended(Outcome::Succeeded { image }) => (Cell::ink("✓ built", Ink::Good), Some(image)),
            Phase::Ended(Outcome::Cached { image }) => (Cell::ink("✓ unchanged", Ink::Good), Some(image)),
            Phase::Ended(Outcome::Failed(_)) => (Cell::ink("✗ failed", Ink::Bad), None),
            Phase::Ended(Outcome::Cancelled) => (Cell::ink("! cancelled", Ink::Warn), None),
            Phase::Queued | Phase::Running(_) => (Cell::ink("· not finished", Ink::Dim), None),
        };
        table.row([
            mark,
            target.to_string().into(),
            Cell::number(image.map(|i| bytes(i.size)).unwrap_or_default()),
            image.map(|i| i.digest.to_string()).unwrap_or_default().into(),
            Cell::ink(build.took.map(duration).unwrap_or_default(), Ink::Dim),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Architecture;
    use crate::session::{Event, EventKind, RunId};

    fn state(failures: &[(&str, Kind)]) -> State {
        let mut state = State::default();
        for (name, kind) in failures {
            let failure = Failure { kind: *kind, message: "no".into(), hint: None };
            let target = Target::new(*name, Architecture::X86_64);
            let kind = EventKind::BuildFinished { target, outcome: Outcome::Failed(failure), took: 1 };
            state.apply(&Event { schema: 1, seq: 0, at: 0, run: RunId(1), kind });
        }
        state
    }

    #[test]
    fn the_exit_code_is_that_of_what_all_failed_with() {
        let kind = |failures: &[(&str, Kind)]| outcome(&state(failures), failures.len()).unwrap_err().kind();
        assert_eq!(kind(&[("a", Kind::Network), ("b", Kind::Network)]), Kind::Network);
        assert_eq!(kind(&[("a", Kind::Usage)]), Kind::Usage);
        assert_eq!(kind(&[("a", Kind::Network), ("b", Kind::Failed)]), Kind::Failed);
        assert_eq!(kind(&[("a", Kind::Network), ("b", Kind::Usage)]), Kind::Failed);
    }

    #[test]
    fn what_stops_everything_is_said_once() {
        let said = state(&[("a", Kind::Network), ("b", Kind::Network)]);
        let error = |mode| not_again(Error::network("no").hint("do"), &said, &Printer::captured(Results::Text, mode).0);
        assert_eq!((error(Mode::Plain).message(), error(Mode::Plain).kind()), ("nothing could be built".into(), Kind::Network));
        assert_eq!(error(Mode::Quiet).message(), "no");
        let other = not_again(Error::network("other"), &said, &Printer::captured(Results::Text, Mode::Plain).0);
        assert_eq!(other.message(), "other");
    }
}
