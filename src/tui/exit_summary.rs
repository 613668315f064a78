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

/// One table of what was done, with an extract of what failed only; the rest is in its log.
pub(super) fn summary(model: &Model) -> ExitSummary {
    let mut out = ExitSummary { interrupted: model.interrupted, ..ExitSummary::default() };
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
            (None, Some(Failure { message, .. })) => {
                out.failed += 1;
                out.lines.push(format!("not published: {}", text::printable(message)));
                out.lines.extend(publication.tags.iter().map(|(reference, _)| format!("           but public already: {reference}")));
            }
            (None, None) => {}
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
