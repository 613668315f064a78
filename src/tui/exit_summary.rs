//! What is left on the terminal once the dashboard is closed.

use super::model::Model;
use super::text;
use crate::session::{Failure, Outcome, Phase, RunEnd};

/// What was done, once the dashboard is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExitSummary {
    /// Lines for the terminal: a table of what was built, why what failed did, what was published.
    pub lines: Vec<String>,
    /// Builds and publications that failed.
    pub failed: usize,
    /// The user broke off what was running.
    pub interrupted: bool,
    /// The user did not wait for its end either.
    pub left: bool,
}

impl ExitSummary {
    /// The process exit code (DESIGN, "Exit codes").
    pub fn exit_code(&self) -> u8 {
        match (self.interrupted, self.failed) {
            (true, _) => 130,
            (false, 0) => 0,
            (false, _) => 1,
        }
    }
}

/// What is public, and what may be, of a publication that is going on.
pub(super) fn public_now(model: &Model) -> Option<String> {
    let publication = model.state.publication.as_ref().filter(|publication| publication.receipt.is_none() && publication.failure.is_none());
    model.state.public_of(publication?.run)
}

/// One table of what was done, with an extract of what failed only; the rest is in its log.
pub(super) fn summary(model: &Model) -> ExitSummary {
    let left = model.interrupted && model.is_running();
    let mut out = ExitSummary { interrupted: model.interrupted, left, ..ExitSummary::default() };
    for (target, build) in &model.state.builds {
        let Phase::Ended(outcome) = &build.phase else { continue };
        let time = build.took.map(text::clock).unwrap_or_default();
        let name = target.to_string();
        match outcome {
            Outcome::Succeeded { image } => out.lines.push(format!("built      {name:<28} {:>10}  {time}", text::bytes(image.size))),
            Outcome::Cached { image } => out.lines.push(format!("unchanged  {name:<28} {:>10}", text::bytes(image.size))),
            Outcome::Cancelled => out.lines.push(format!("cancelled  {name}")),
            Outcome::Failed(failure) => {
                out.failed += 1;
                out.lines.push(format!("failed     {name:<28} {:>10}  {time}", ""));
                out.lines.push(format!("           {}", text::printable(&failure.message)));
                out.lines.extend(failure.hint.iter().map(|h| format!("           {h}")));
                out.lines.extend(build.lines.last(20).map(|l| format!("           | {}", text::printable(l))));
                out.lines.extend(build.log.iter().map(|p| format!("           log: {}", p.display())));
            }
        }
    }
    if let Some(publication) = &model.state.publication {
        match (&publication.receipt, &publication.failure) {
            (Some(receipt), _) => {
                out.lines.extend(
                    receipt
                        .containers
                        .iter()
                        .filter_map(|c| c.digest.map(|digest| format!("published  {}:{}  {digest}", c.repository, receipt.version))),
                );
            }
            (None, Some(Failure { message, hint, .. })) => {
                out.failed += 1;
                out.lines.push(format!("not published: {}", text::printable(message)));
                match hint {
                    // It says what is public, and what may be.
                    Some(hint) => out.lines.push(format!("           {}", text::printable(hint))),
                    None => out.lines.extend(publication.tags.iter().map(|(tag, _)| format!("           but public already: {tag}"))),
                }
            }
            (None, None) => out.lines.extend(public_now(model).map(|public| format!("left while it was sent: {public}"))),
        }
    }
    let broken = model
        .state
        .runs
        .values()
        .filter(|r| matches!(&r.end, Some(RunEnd::Failed(f)) if f.kind == crate::error::Kind::Failed && r.command == "build"));
    out.failed = out.failed.max(broken.count());
    out
}
