//! May this plan be carried out? Gates, `--yes`, and typing the version.

use super::drive::Drive;
use super::printer::Printer;
use crate::release::Plan;
use crate::verify::Verdict;
use crate::{Error, Result};

/// What a plan needs before it is carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// Nothing.
    Given,
    /// The version, typed by the person at the terminal.
    Ask,
}

/// What `plan` needs. `interactive`: somebody can be asked.
///
/// # Errors
/// A gate fails; or one warns, nobody can be asked, and `--yes` was not given.
pub(super) fn consent(plan: &Plan, yes: bool, interactive: bool) -> Result<Consent> {
    match plan.verdict() {
        // What the plan itself says of its gates, with its kind: a registry that is not there is a matter of the network.
        Verdict::Fail => Err(plan.refusal(true, false).unwrap_or_else(|| Error::failed("nothing was sent: a gate failed"))),
        _ if yes => Ok(Consent::Given),
        Verdict::Warn if !interactive => {
            Err(plan.refusal(false, false).unwrap_or_else(|| Error::failed("nothing was sent: a gate warns").hint("accept it with --yes")))
        }
        // Sending what is there already changes nothing.
        Verdict::Pass | Verdict::Skip if !interactive || plan.is_done() => Ok(Consent::Given),
        _ => Ok(Consent::Ask),
    }
}

/// Asks for the version; an interrupt is an answer too.
///
/// # Errors
/// Anything but the version was typed, or the run was interrupted.
pub(super) async fn ask<L>(drive: &mut Drive<L>, printer: &Printer, plan: &Plan) -> Result<()> {
    printer.prompt(&format!("\nType {} to publish, anything else to stop: ", super::printer::clean(&plan.version)));
    // A thread of its own, not one of the runtime's: nothing can end the reading, and the exit must not wait for it.
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let mut input = std::io::Read::take(std::io::stdin().lock(), 4096);
        let read = std::io::BufRead::read_line(&mut input, &mut line);
        let _ = answered.send(read.map(|_| line));
    });
    let line = tokio::select! {
        line = answer => line.ok().and_then(std::io::Result::ok).unwrap_or_default(),
        Some(()) = drive.interrupts.recv() => return Err(Error::interrupted()),
    };
    if line.trim() == plan.version { Ok(()) } else { Err(Error::failed("not confirmed: nothing was sent")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::a_plan;

    #[test]
    fn gates_yes_and_a_terminal_decide() {
        let decide = |verdict, yes, interactive| consent(&a_plan(verdict), yes, interactive).ok();
        assert_eq!(decide(Verdict::Fail, true, true), None);
        assert_eq!(decide(Verdict::Warn, false, false), None);
        assert_eq!(decide(Verdict::Warn, false, true), Some(Consent::Ask));
        assert_eq!(decide(Verdict::Warn, true, false), Some(Consent::Given));
        assert_eq!(decide(Verdict::Pass, false, false), Some(Consent::Given));
        assert_eq!(decide(Verdict::Pass, false, true), Some(Consent::Ask));
        assert_eq!(decide(Verdict::Pass, true, true), Some(Consent::Given));
    }

    #[test]
    fn a_blocked_release_says_by_what_and_what_to_do() {
        let error = consent(&a_plan(Verdict::Fail), true, true).unwrap_err();
        assert!(error.message().starts_with("nothing was sent: ") && error.message().contains("(verified)"), "{error}");
        assert_eq!(error.advice(), Some("look at it"));
        assert_eq!(error.kind().exit_code(), 1);
    }
}
