//! `catamaran verify`: every check over every image that the references name.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use clap::{Args, ValueEnum};

use super::args::REFERENCES;
use super::drive::{Drive, Link};
use super::printer::{Printer, Results};
use super::quantity::count;
use super::report::{Unread, Verification, format_of};
use super::show;
use crate::catalog::ContainerName;
use crate::image::{Reference, replace_file};
use crate::session::{Command, Failure, State, VerifyRequest};
use crate::verify::{Check, Report, Verdict};
use crate::{Error, Result};

/// `verify`
#[derive(Debug, Default, Args)]
#[command(after_help = verify_help())]
pub struct VerifyArgs {
    /// The images
    #[arg(value_name = "REF", required_unless_present_any = ["list", "explain"])]
    pub references: Vec<String>,
    /// Build containers once more, from the lock and the packages alone, and show the first byte that is different
    #[arg(long)]
    pub rebuild: bool,
    /// Hash built images too, even if their files were not touched since they were hashed last (others always are)
    #[arg(long)]
    pub rehash: bool,
    /// How the report is written [default: text, or what the file of --report is called: .sarif, .xml (JUnit), .json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the report to this file (its folder is made), and the usual text (or --json) to stdout
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// From which verdict on it ends with exit code 1
    #[arg(long, value_enum, default_value_t, value_name = "VERDICT")]
    pub fail_on: FailOn,
    /// Apply the waivers of this container to images that are none of ours (a registry's, a layout's)
    #[arg(long, value_name = "NAME", value_parser = container_name)]
    pub waivers_of: Option<ContainerName>,
    /// Show every check, and what it proves
    #[arg(long, conflicts_with_all = ["references", "explain"])]
    pub list: bool,
    /// Show what a check proves, why, and what to do
    #[arg(long, value_name = "CHECK", value_parser = super::verify::check, conflicts_with = "references")]
    pub explain: Option<Check>,
}

fn verify_help() -> String {
    format!(
        "What cannot be read is named in the report, and does not keep the others from being checked. Exits with 2 when a REF names \
         nothing (a mistake), else with 3 when the network, a registry or credentials kept something from being checked, else with 1 \
         when an image is damaged or fails a check (with --fail-on warn, also when one warns).\ndocs/checks.md explains every check. The \
         architectures of one container or index are also held against the first of them (check `parity`).\nFindings that are known and \
         accepted are waived in containers.toml, with a reason: `[[containers.NAME.waive]]`.\n\n{REFERENCES}\n\nExamples:\n  catamaran \
         verify fd\n  catamaran verify fd --rebuild\n  catamaran verify fd --report verify.sarif --fail-on warn\n  catamaran verify \
         ghcr.io/acme/fd:1.2.0 --waivers-of fd --format junit\n  catamaran verify --explain elf-machine"
    )
}

/// A container's name, as it may be called.
fn container_name(word: &str) -> Result<ContainerName, String> {
    match ContainerName::problem(word) {
        None => Ok(ContainerName::new(word)),
        Some(problem) => Err(problem.to_string()),
    }
}

/// How a verification is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One document (`catamaran schema report`).
    Json,
    /// SARIF 2.1.0, for code scanning services.
    Sarif,
    /// JUnit XML, for CI servers.
    Junit,
}

/// The verdict that makes a run fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A check failed.
    #[default]
    Fail,
    /// A check warned, or a waiver had nothing to do.
    Warn,
}

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
