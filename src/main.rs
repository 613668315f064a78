//! Arguments in, exit code out.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use catamaran::cli::{self, Cli, Printer, ReplayArgs, Subcommand, Ui};
use catamaran::session::{self, Folders, Options};
use catamaran::{Error, Result, catalog, tui};
use clap::Parser;

/// How long the exit waits for cancelled work to clean up behind itself.
const LAST_WORK: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    cli::complete();
    let cli = Cli::parse();
    let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let plain = cli.ui.map_or(dumb, |ui| ui == Ui::Plain);
    match &cli.command {
        Some(Subcommand::Replay(args)) if terminal => shown(replay(&cli, args)),
        Some(command) => cli::run(&cli.global, command, engine),
        None if !terminal => shown(Err(no_terminal(if plain { "the guided release" } else { "the dashboard" }))),
        None if plain => cli::guided(&cli.global, engine),
        None => shown(dashboard(&cli)),
    }
}

/// Starts an engine for a catalog.
fn engine(file: Option<PathBuf>) -> Result<session::Session> {
    Ok(session::start(Options { file, folders: Folders::of_user()? }))
}

/// The exit code of a dashboard; why there was none is printed.
fn shown(dashboard: Result<ExitCode>) -> ExitCode {
    dashboard.unwrap_or_else(|error| {
        Printer::fallback().error(&error);
        ExitCode::from(error.kind().exit_code())
    })
}

/// How the dashboard looks and answers: as the user's config says, and the command line before it.
fn preferences(cli: &Cli, folders: &Folders) -> Result<tui::Options> {
    let mut options = tui::preferences(&folders.config, cli.theme.clone())?;
    options.wishes.ascii |= cli.ascii;
    options.wishes.still |= cli.no_motion;
    Ok(options)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| Error::failed("cannot start").source(error))
}

/// Opens the dashboard over a recording: nothing can be asked of what is over.
fn replay(cli: &Cli, args: &ReplayArgs) -> Result<ExitCode> {
    let options = tui::Options { replay: true, ..preferences(cli, &Folders::of_user()?)? };
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let events = session::replay(&args.file, args.speed)?;
        tui::run(tui::Link { events, send: Box::new(|_| session::RunId(0)) }, options).await
    });
    // What still plays notices that nobody looks any more.
    runtime.shutdown_background();
    ended.map(|_| ExitCode::SUCCESS)
}

fn no_terminal(what: &str) -> Error {
    Error::usage(format!("{what} needs a terminal")).hint("without one, use a subcommand: `catamaran list`, `catamaran --help`")
}

/// Opens the dashboard over an engine.
fn dashboard(cli: &Cli) -> Result<ExitCode> {
    let folders = Folders::of_user()?;
    let mut options = preferences(cli, &folders)?;
    let here = std::env::current_dir().map_err(|error| Error::usage("the current folder cannot be read").source(error))?;
    options.catalog = catalog::find(cli.global.file.as_deref(), &here).ok();
    // Where there is none, one can be begun; a file that was named and is not there is a mistake to be told of.
    options.begin = cli.global.file.is_none().then(|| here.join(catalog::FILE_NAME));
    let runtime = runtime()?;
    let (ended, all_ended) = runtime.block_on(async {
        let session = session::start(Options { file: cli.global.file.clone(), folders });
        let commands = session.commands;
        let link = tui::Link { events: session.events, send: Box::new(move |command| commands.send(command)) };
        let ended = tui::run(link, options).await;
        // Who leaves while it is being stopped does not wait.
        let patience = if ended.as_ref().is_ok_and(|summary| summary.left) { Duration::ZERO } else { LAST_WORK };
        (ended, tokio::time::timeout(patience, session.ended.wait()).await.is_ok())
    });
    if all_ended {
        // Work on blocking threads that was cancelled ends by itself and takes its temporary files with it.
        runtime.shutdown_timeout(LAST_WORK);
    } else {
        // A run that is still going would panic over a runtime that is shut down under it; the end of the process ends both.
        std::mem::forget(runtime);
    }
    let summary = ended?;
    if !summary.lines.is_empty() {
        Printer::fallback().result(&summary.lines.join("\n"));
    }
    Ok(ExitCode::from(summary.exit_code()))
}
