//! From the parsed command line to an exit code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::args::{Global, Subcommand};
use super::display::display;
use super::drive::{Drive, Link, interrupts};
use super::printer::Printer;
use super::{
    add, build, cache, compare, completions, copy, doctor, index, init, inspect, list, load, man, matrix, push, release, schema, test,
    update, verify,
};
use crate::catalog::{self, Catalog};
use crate::session;
use crate::{Error, Kind, Result};

/// How long the exit waits for cancelled work to clean up behind itself.
const LAST_WORK: Duration = Duration::from_secs(3);

/// Runs `command`. `connect` starts the engine for a `containers.toml` (when there is one), inside a Tokio runtime; it
/// is not called where no engine is needed.
pub fn run<L: Link>(global: &Global, command: &Subcommand, connect: impl FnOnce(Option<PathBuf>) -> Result<L>) -> ExitCode {
    let printer = match Printer::new(global) {
        Ok(printer) => printer,
        Err(error) => {
            Printer::fallback().error(&error);
            return ExitCode::from(error.kind().exit_code());
        }
    };
    match attempt(global, command, &printer, connect) {
        Ok(()) if printer.has_failed() => ExitCode::from(Kind::Failed.exit_code()),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            printer.error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn attempt<L: Link>(
    global: &Global,
    command: &Subcommand,
    printer: &Printer,
    connect: impl FnOnce(Option<PathBuf>) -> Result<L>,
) -> Result<()> {
    match command {
        Subcommand::Schema(args) => return schema::run(printer, args),
        Subcommand::Init(args) => return init::run(printer, args),
        Subcommand::Completions(args) => return completions::run(printer, args),
        Subcommand::Man(args) => return man::run(printer, args),
        // Whoever has a terminal has been shown it by now.
        Subcommand::Replay(_) => {
            return Err(Error::usage("a recording is played back in the dashboard, which needs a terminal")
                .hint("the recording is JSON, an event on each line"));
        }
        Subcommand::Verify(args) if args.list || args.explain.is_some() => return verify::explain(printer, args),
        _ => {}
    }
    // Looking at an image of a registry or a layout needs no containers.toml.
    let file = match command {
        Subcommand::Inspect(_)
        | Subcommand::Verify(_)
        | Subcommand::Compare(_)
        | Subcommand::Copy(_)
        | Subcommand::Doctor(_)
        | Subcommand::Cache(_)
            if global.file.is_none() =>
        {
            find(global).ok()
        }
        _ => Some(find(global)?),
    };
    if let (Subcommand::Matrix(args), Some(file)) = (command, &file) {
        return matrix::run(printer, file, args);
    }
    if let (Subcommand::List(_), Some(file)) = (command, &file)
        && list::is_empty(printer, file)?
    {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Failed, "cannot start").source(error))?;
    let (done, left) = runtime.block_on(async {
        // Before the engine: what is selected wrongly should not start anything.
        let prepared = match command {
            Subcommand::Build(_)
            | Subcommand::Load(_)
            | Subcommand::Test(_)
            | Subcommand::Update(_)
            | Subcommand::Push(_)
            | Subcommand::Release(_)
            | Subcommand::Index(_) => load_catalog(file.as_deref()).map(Some),
            _ => Ok(None),
        };
        let (catalog, link) = match prepared.and_then(|catalog| Ok((catalog, connect(file)?))) {
            Ok(prepared) => prepared,
            Err(error) => return (Err(error), false),
        };
        let mut drive = Drive::new(link, display(printer), interrupts(), printer);
        let done = match (command, &catalog) {
            (Subcommand::List(_), _) => list::run(&mut drive, printer).await,
            (Subcommand::Inspect(args), _) => inspect::run(&mut drive, printer, args).await,
            (Subcommand::Verify(args), _) => verify::run(&mut drive, printer, args).await,
            (Subcommand::Compare(args), _) => compare::run(&mut drive, printer, args).await,
            (Subcommand::Copy(args), _) => copy::run(&mut drive, printer, args).await,
            (Subcommand::Add(args), _) => add::run(&mut drive, printer, args).await,
            (Subcommand::Cache(args), _) => cache::run(&mut drive, printer, args).await,
            (Subcommand::Doctor(args), _) => doctor::run(&mut drive, printer, args).await,
            (Subcommand::Build(args), Some(catalog)) => build::run(&mut drive, printer, catalog, args).await,
            (Subcommand::Load(args), Some(catalog)) => load::run(&mut drive, printer, catalog, args).await,
            (Subcommand::Test(args), Some(catalog)) => test::run(&mut drive, printer, catalog, args).await,
            (Subcommand::Update(args), Some(catalog)) => update::run(&mut drive, printer, catalog, args).await,
            (Subcommand::Outdated(_), _) => update::outdated(&mut drive, printer).await,
            (Subcommand::Push(args), Some(catalog)) => push::run(&mut drive, printer, catalog, args).await,
            (Subcommand::Release(args), Some(catalog)) => release::run(&mut drive, printer, catalog, args).await,
            (Subcommand::Index(args), Some(catalog)) => index::run(&mut drive, printer, catalog, args).await,
            (
                Subcommand::Init(_)
                | Subcommand::Matrix(_)
                | Subcommand::Schema(_)
                | Subcommand::Completions(_)
                | Subcommand::Man(_)
                | Subcommand::Replay(_)
                | Subcommand::Build(_)
                | Subcommand::Load(_)
                | Subcommand::Test(_)
                | Subcommand::Update(_)
                | Subcommand::Push(_)
                | Subcommand::Release(_)
                | Subcommand::Index(_),
                _,
            ) => Ok(()),
        };
        (done, drive.left)
    });
    if left {
        // A run that is still going would panic over a runtime that is shut down under it; the end of the process ends both.
        std::mem::forget(runtime);
    } else {
        // Work on blocking threads that was cancelled ends by itself and takes its temporary files with it.
        runtime.shutdown_timeout(LAST_WORK);
    }
    done
}

/// The catalog's file: the one that is named, or the nearest above the current folder.
pub(super) fn find(global: &Global) -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|error| Error::usage("the current folder cannot be read").source(error))?;
    let file = catalog::find(global.file.as_deref(), &here)?;
    // The file of the current folder is shown as people call it.
    Ok(file.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(file))
}

pub(super) fn load_catalog(file: Option<&Path>) -> Result<Catalog> {
    match file {
        Some(file) => session::load_catalog(file),
        None => Err(Error::usage("there is no containers.toml")),
    }
}
