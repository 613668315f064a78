//! `catamaran verify`: every check over every image that the references name.

use std::sync::Arc;

use serde::Serialize;

use super::args::VerifyArgs;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::count;
use super::show;
use crate::image::Reference;
use crate::session::{Command, State};
use crate::verify::{Report, Verdict};
use crate::{Error, Result};

/// What `verify --json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    verdict: Verdict,
    reports: Vec<&'a Report>,
}

/// Checks and prints the reports.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &VerifyArgs) -> Result<()> {
    let references: Vec<Reference> = args.references.iter().map(|r| r.parse()).collect::<Result<_>>()?;
    // What could be checked is shown even when something else could not be read.
    let command = if args.rebuild { Command::VerifyRebuilt(references) } else { Command::Verify(references) };
    let ended = drive.run(command).await;
    let reports = reports(&drive.state);
    let verdict = reports.iter().map(|r| r.verdict()).max().unwrap_or(Verdict::Skip);
    let wrong = reports.iter().filter(|r| r.verdict() == Verdict::Fail).count();
    match printer.results {
        Results::Events => {}
        Results::Document if ended.is_err() && reports.is_empty() => {}
        Results::Document => printer.document(&Document { schema: 1, verdict, reports: reports.clone() })?,
        Results::Text if reports.is_empty() => {}
        Results::Text => {
            let parts: Vec<String> = reports.iter().map(|report| show::report(report, printer.out_color)).collect();
            printer.result(&parts.join("\n\n"));
        }
    }
    let failed = ended?;
    if wrong > 0 || failed > 0 {
        return Err(Error::failed(format!("{} of {} did not pass", wrong.max(1), count(reports.len().max(1), "image"))));
    }
    Ok(())
}

fn reports(state: &State) -> Vec<&Report> {
    state.verifications.values().filter_map(|v| v.report.as_ref()).map(Arc::as_ref).collect()
}
