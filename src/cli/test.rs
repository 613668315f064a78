//! `catamaran test`: images run once, judged by their exit codes.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::drive::{Drive, Link};
use super::load::EngineArgs;
use super::printer::{Ink, Printer, Results};
use super::quantity::{count, duration};
use super::table::{Cell, Table};
use crate::catalog::{Catalog, Target};
use crate::session::{BuildRequest, Command, EngineFacts, NO_NETWORK, State, TestOutcome, TestRequest, Trial};
use crate::{Error, Result};

/// Lines of a test's output in a document.
const SHOWN_LINES: usize = 200;

/// `test`
#[derive(Debug, Args)]
#[command(after_help = "Builds and loads what has to be, then runs each image in a container of its own: with ARGS, or what `test` in \
                  containers.toml says (--help when it says nothing). Its output is shown as it comes; exit code 0 is a pass. The container \
                  has no network unless --network says so, nothing on its standard input, and is taken away whatever happens: also when \
                  the time is over, or with Ctrl-C.\n\nWhich images, what they are called and which engine: as `catamaran load`. Images for \
                  another architecture need an emulator on the engine's machine; docs/running.md says how.\n\nExits with 1 when a test \
                  fails or takes too long.\n\nExamples:\n  catamaran test fd\n  catamaran test fd rg --target all\n  catamaran test fd \
                  --target aarch64 --time-limit 10s -- --version\n  catamaran test fd --json | jq '.tests[].outcome'")]
pub struct TestArgs {
    /// Containers to test
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Which of their images, and in which engine
    #[command(flatten)]
    pub engine: EngineArgs,
    /// How long each may run: 90s, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = time_limit, default_value = DEFAULT)]
    pub time_limit: Duration,
    /// The container's network: none, bridge, host, or one of the engine's
    #[arg(long, value_name = "NETWORK", default_value = NO_NETWORK)]
    pub network: String,
    /// Refuse to change containers.lock
    #[arg(long)]
    pub locked: bool,
    /// Arguments of the entrypoint, instead of `test` in containers.toml
    #[arg(value_name = "ARGS", last = true)]
    pub arguments: Vec<String>,
}

/// [`DEFAULT_TIME_LIMIT`](crate::session::DEFAULT_TIME_LIMIT), as it is written on a command line.
const DEFAULT: &str = "60s";

/// A length of time: `90`, `90s`, `2m`, `1h`.
fn time_limit(word: &str) -> Result<Duration, String> {
    let (digits, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err("write a whole number and s, m or h: 90s".into()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|seconds| (1..=7 * 24 * 3600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "write something between 1s and a week".into())
}

/// What `test --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    failed: usize,
    engine: Option<&'a EngineFacts>,
    tests: Vec<Tested<'a>>,
}

/// One test of it.
#[derive(Serialize)]
struct Tested<'a> {
    #[serde(flatten)]
    target: &'a Target,
    command: &'a [String],
    #[serde(flatten)]
    outcome: Option<&'a TestOutcome>,
    took: Option<u64>,
    /// The last lines of its output.
    output: Vec<&'a str>,
}

/// Tests what `args` select.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, catalog: &Catalog, args: &TestArgs) -> Result<()> {
    let load = args.engine.request(catalog, &args.names, None)?;
    let request = TestRequest {
        load,
        build: BuildRequest { locked: args.locked, ..BuildRequest::default() },
        arguments: Some(args.arguments.clone()).filter(|arguments| !arguments.is_empty()),
        time_limit: args.time_limit,
        network: args.network.clone(),
    };
    let ended = drive.run(Command::Test(request)).await;
    let failed = *ended.as_ref().unwrap_or(&0);
    match printer.results {
        Results::Document if ended.is_ok() => printer.document(&document(&drive.state, failed))?,
        Results::Text if !drive.state.tests.is_empty() => printer.result(&table(&drive.state).render(printer.out_color)),
        Results::Document | Results::Text | Results::Events => {}
    }
    ended?;
    match failed {
        0 => Ok(()),
        _ if drive.state.tests.is_empty() => super::build::outcome(&drive.state, failed),
        _ => Err(Error::failed(format!("{} failed", count(failed, "test")))),
    }
}

fn document(state: &State, failed: usize) -> Document<'_> {
    let tests = state.tests.iter().map(|(target, trial)| tested(target, trial)).collect();
    Document { schema: 1, failed, engine: state.engine.as_ref(), tests }
}

fn tested<'a>(target: &'a Target, trial: &'a Trial) -> Tested<'a> {
    Tested {
        target,
        command: &trial.command,
        outcome: trial.outcome.as_ref(),
        took: trial.took,
        output: trial.lines.last(SHOWN_LINES).collect(),
    }
}

fn table(state: &State) -> Table {
    let mut table = Table::plain(0);
    for (target, trial) in &state.tests {
        let (mark, ink) = match &trial.outcome {
            Some(TestOutcome::Passed) => ("✓ passed", Ink::Good),
            Some(TestOutcome::Failed { .. } | TestOutcome::TimedOut { .. }) => ("✗ failed", Ink::Bad),
            Some(TestOutcome::Cancelled) => ("! cancelled", Ink::Warn),
            None => ("· not finished", Ink::Dim),
        };
        let why = trial.failure().map(|failure| failure.message).unwrap_or_default();
        let took = Cell::ink(trial.took.map(duration).unwrap_or_default(), Ink::Dim);
        table.row([Cell::ink(mark, ink), target.to_string().into(), trial.command.join(" ").into(), took, why.into()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::DEFAULT_TIME_LIMIT;

    #[test]
    fn limits_are_written_as_people_do() {
        assert_eq!(time_limit(DEFAULT), Ok(DEFAULT_TIME_LIMIT));
        assert_eq!(time_limit("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time_limit("90"), Ok(Duration::from_secs(90)));
        for bad in ["", "s", "0s", "1.5s", "5 s", "5d", "99999999999999999999h", "18446744073709551615h", "-1s"] {
            assert!(time_limit(bad).is_err(), "{bad}");
        }
    }
}
