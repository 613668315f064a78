//! Arguments in, exit code out.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use catamaran::cli::{self, Cli, Printer};
use catamaran::session::{self, Folders, Options};
use catamaran::{Error, Result, tui};
use clap::Parser;

/// How long the exit waits for cancelled work to clean up behind itself.
const LAST_WORK: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        Some(command) => cli::run(&cli.global, command, |file| Ok(session::start(Options { file, folders: Folders::of_user()? }))),
        None => match dashboard(&cli) {
            Ok(code) => code,
            Err(error) => {
                Printer::fallback().error(&error);
                ExitCode::from(error.kind().exit_code())
            }
        },
    }
}

/// Opens the dashboard over an engine.
fn dashboard(cli: &Cli) -> Result<ExitCode> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(
            Error::usage("the dashboard needs a terminal").hint("without one, use a subcommand: `catamaran list`, `catamaran --help`")
        );
    }
    let folders = Folders::of_user()?;
    let options = tui::preferences(&folders.config, cli.theme.clone())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| Error::failed("cannot start").source(error))?;
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
    Printer::fallback().result(&summary.lines.join("\n"));
    Ok(ExitCode::from(summary.exit_code()))
}
