//! `catamaran verify`: every check over every image that the references name.

use std::sync::Arc;

use serde::Serialize;

use super::args::{FailOn, Format, VerifyArgs};
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::count;
use super::report::{Unread, Verification, format_of};
use super::show;
use crate::image::{Reference, replace_file};
use crate::session::{Command, Failure, State, VerifyRequest};
use crate::verify::{Check, Report, Verdict};
use crate::{Error, Result};

/// What `verify --list --json` prints, and `--explain CHECK --json` with one check.
#[derive(Serialize)]
struct Explained {
    schema: u32,
    checks: Vec<ExplainedCheck>,
}

#[derive(Serialize)]
struct ExplainedCheck {
    id: &'static str,
    about: &'static str,
    /// The worst it says.
    severity: Verdict,
    why: &'static str,
    remedy: &'static str,
}

impl From<Check> for ExplainedCheck {
    fn from(check: Check) -> Self {
        let (id, about, severity) = (check.id(), check.about(), check.severity());
        ExplainedCheck { id, about, severity, why: check.why(), remedy: check.remedy() }
    }
}

/// Prints the checks themselves, all or the one that was asked for: neither an engine nor an image is needed for it.
pub(super) fn explain(printer: &Printer, args: &VerifyArgs) -> Result<()> {
    match (printer.results, args.explain) {
        (Results::Document, one) => {
            let checks = Check::ALL.into_iter().filter(|check| one.is_none_or(|one| one == *check));
            return printer.document(&Explained { schema: 1, checks: checks.map(ExplainedCheck::from).collect() });
        }
        (Results::Text | Results::Events, Some(check)) => printer.result(&show::check(check, printer.out_color)),
        (Results::Text | Results::Events, None) => printer.result(&show::checks(printer.out_color)),
    }
    Ok(())
}

/// Checks and prints the reports.
pub(super) async fn run<L: Link>(drive: &mut Drive<L>, printer: &Printer, args: &VerifyArgs) -> Result<()> {
    let printed = printed(printer, args)?;
    let references: Vec<Reference> = args.references.iter().map(|r| r.parse()).collect::<Result<_>>()?;
    // What could be checked is shown even when something else could not be read.
    let request = VerifyRequest { references, waivers_of: args.waivers_of.clone(), rebuild: args.rebuild, rehash: args.rehash };
    let ended = drive.run(Command::Verify(request)).await;
    let reports = reports(&drive.state);
    let unused_waivers = drive.state.unused_waivers.as_slice();
    let remarked = if unused_waivers.is_empty() { Verdict::Skip } else { Verdict::Warn };
    let unread: Vec<Unread<'_>> = drive.state.unread.iter().map(|(subject, failure)| Unread { subject, failure }).collect();
    // What ended the run itself is none of those, and kept something else from being looked at.
    let broken = ended.as_ref().err().filter(|error| !unread.iter().any(|unread| unread.failure.message == error.message()));
    let broken = broken.map(Failure::from);
    let blind = if unread.is_empty() && broken.is_none() { Verdict::Skip } else { Verdict::Fail };
    let verdict = reports.iter().map(|r| r.verdict()).max().unwrap_or(Verdict::Skip).max(remarked).max(blind);
    let fail_from = match args.fail_on {
        FailOn::Fail => Verdict::Fail,
        FailOn::Warn => Verdict::Warn,
    };
    let verification =
        Verification { schema: 1, verdict, reports: &reports, unread: &unread, error: broken.as_ref(), unused_waivers, fail_from };
    if let Some(file) = &args.report {
        let format = args.format.unwrap_or_else(|| format_of(file));
        replace_file(file, verification.render(format, false)?.as_bytes())?;
    }
    // For people, the error says it all where there is nothing else to say.
    let worth = |format: Format| format != Format::Text || !reports.is_empty() || unread.len() > 1;
    if let Some(format) = printed.filter(|format| worth(*format)) {
        printer.result(&verification.render(format, printer.out_color)?);
    }
    let wrong = verification.wrong();
    let failed = ended?;
    if wrong > 0 || failed > 0 {
        let images = reports.iter().filter(|r| r.verdict() >= fail_from).count();
        return Err(match images {
            0 if failed == 0 => Error::failed(format!("{} had nothing to do", count(unused_waivers.len(), "waiver")))
                .hint("mend or remove what is named above, or leave out `--fail-on warn`"),
            images => Error::failed(format!("{} of {} did not pass", images.max(1), count(reports.len().max(1), "image"))),
        });
    }
    Ok(())
}

/// What goes to stdout: the format that was asked for, unless that goes to a file; `None` when stdout carries the events.
///
/// # Errors
/// Two owners of stdout.
fn printed(printer: &Printer, args: &VerifyArgs) -> Result<Option<Format>> {
    let asked = args.format.filter(|_| args.report.is_none());
    match (printer.results, asked) {
        (Results::Text, asked) => Ok(Some(asked.unwrap_or(Format::Text))),
        (Results::Document, None | Some(Format::Json)) => Ok(Some(Format::Json)),
        (Results::Events, None) => Ok(None),
        (Results::Document, Some(_)) => Err(Error::usage("`--json` and another `--format` both write to stdout")
            .hint("choose one, or write the other to a file with `--report FILE`")),
        (Results::Events, Some(_)) => {
            Err(Error::usage("`--output json` and `--format` both write to stdout").hint("write the report to a file with `--report FILE`"))
        }
    }
}

fn reports(state: &State) -> Vec<&Report> {
    state.verifications.values().filter_map(|v| v.report.as_ref()).map(Arc::as_ref).collect()
}

/// A check, by its id.
///
/// # Errors
/// There is none; the nearest one.
pub(super) fn check(id: &str) -> Result<Check, String> {
    let ids = || Check::ALL.into_iter().map(Check::id);
    Check::ALL.into_iter().find(|check| check.id() == id).ok_or_else(|| match crate::catalog::near(id, ids()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", ids().collect::<Vec<_>>().join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::Mode;

    #[test]
    fn stdout_has_one_owner() {
        let args = |format, report: Option<&str>| VerifyArgs { format, report: report.map(Into::into), ..VerifyArgs::default() };
        let of = |results, args: &VerifyArgs| printed(&Printer::captured(results, Mode::Plain).0, args).map_err(|e| e.kind());
        let sarif = Some(Format::Sarif);
        assert_eq!(of(Results::Text, &args(None, None)), Ok(Some(Format::Text)));
        assert_eq!(of(Results::Text, &args(sarif, None)), Ok(sarif));
        assert_eq!(of(Results::Text, &args(sarif, Some("x"))), Ok(Some(Format::Text)));
        assert_eq!(of(Results::Document, &args(sarif, Some("x"))), Ok(Some(Format::Json)));
        assert_eq!(of(Results::Document, &args(sarif, None)), Err(crate::Kind::Usage));
        assert_eq!(of(Results::Events, &args(sarif, None)), Err(crate::Kind::Usage));
        assert_eq!(of(Results::Events, &args(sarif, Some("x"))), Ok(None));
    }
}
