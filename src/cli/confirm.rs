//! May this plan be carried out? Gates, `--yes`, a reason for the warnings, and typing the version.

use super::drive::Drive;
use super::printer::{Printer, clean};
use crate::release::Plan;
use crate::verify::Verdict;
use crate::{Error, Result};

/// The longest reason that is taken, in characters.
const MAX_REASON: usize = 500;

/// What a plan needs before it is carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// Nothing.
    Given,
    /// The version, typed by the person at the terminal.
    Version,
    /// First why its warnings are accepted, then the version.
    ReasonAndVersion,
}

/// What `plan` needs. `reasoned`: `--reason` was given; `interactive`: somebody can be asked.
///
/// # Errors
/// A gate fails; or one warns, nobody can be asked, and neither `--yes` nor `--reason` was given.
pub(super) fn consent(plan: &Plan, yes: bool, reasoned: bool, interactive: bool) -> Result<Consent> {
    match plan.verdict() {
        // What the plan itself says of its gates, with its kind: a registry that is not there is a matter of the network.
        Verdict::Fail => Err(plan.refusal(true, false).unwrap_or_else(|| Error::failed("nothing was sent: a gate failed"))),
        _ if yes => Ok(Consent::Given),
        Verdict::Warn if !interactive && !reasoned => {
            Err(plan.refusal(false, false).unwrap_or_else(|| Error::failed("nothing was sent: a gate warns").hint("accept it with --yes")))
        }
        Verdict::Warn if interactive && !reasoned => Ok(Consent::ReasonAndVersion),
        // Sending what is there already changes nothing.
        _ if !interactive || plan.is_done() => Ok(Consent::Given),
        _ => Ok(Consent::Version),
    }
}

/// A reason as it goes into the receipt.
///
/// # Errors
/// It is empty, too long, or not one line of text.
pub(super) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a reason is needed, in a few words".into()),
        long if long.chars().count() > MAX_REASON => Err(format!("a reason has at most {MAX_REASON} characters")),
        odd if odd.chars().any(char::is_control) => Err("a reason is one line of text".into()),
        reason => Ok(reason.to_owned()),
    }
}

/// Asks why the warnings are accepted.
///
/// # Errors
/// Nothing was typed, or the run was interrupted.
pub(super) async fn ask_reason<L>(drive: &mut Drive<L>, printer: &Printer) -> Result<String> {
    let line =
        answer(drive, printer, "\nThere are warnings. Type why they are accepted (it goes into the receipt), nothing to stop: ").await?;
    reason(&line).map_err(|why| Error::failed(format!("not confirmed: {why}; nothing was sent")))
}

/// Asks for the version.
///
/// # Errors
/// Anything but the version was typed, or the run was interrupted.
pub(super) async fn ask<L>(drive: &mut Drive<L>, printer: &Printer, plan: &Plan) -> Result<()> {
    let line = answer(drive, printer, &format!("\nType {} to publish, anything else to stop: ", clean(&plan.version))).await?;
    if line.trim() == plan.version { Ok(()) } else { Err(Error::failed("not confirmed: nothing was sent")) }
}

/// One line from the terminal; an interrupt is an answer too.
pub(super) async fn answer<L>(drive: &mut Drive<L>, printer: &Printer, question: &str) -> Result<String> {
    printer.prompt(question);
    // A thread of its own, not one of the runtime's: nothing can end the reading, and the exit must not wait for it.
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let mut input = std::io::Read::take(std::io::stdin().lock(), 4096);
        let read = std::io::BufRead::read_line(&mut input, &mut line);
        let _ = answered.send(read.map(|_| line));
    });
    tokio::select! {
        line = answer => Ok(line.ok().and_then(std::io::Result::ok).unwrap_or_default()),
        Some(()) = drive.interrupts.recv() => Err(Error::interrupted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::a_plan;

    #[test]
    fn gates_yes_and_a_terminal_decide() {
        let decide = |verdict, yes, interactive| consent(&a_plan(verdict), yes, false, interactive).ok();
        assert_eq!(decide(Verdict::Fail, true, true), None);
        assert_eq!(decide(Verdict::Warn, false, false), None);
        assert_eq!(decide(Verdict::Warn, false, true), Some(Consent::ReasonAndVersion));
        assert_eq!(decide(Verdict::Warn, true, false), Some(Consent::Given));
        assert_eq!(decide(Verdict::Pass, false, false), Some(Consent::Given));
        assert_eq!(decide(Verdict::Pass, false, true), Some(Consent::Version));
        assert_eq!(decide(Verdict::Pass, true, true), Some(Consent::Given));
        let reasoned = |verdict, interactive| consent(&a_plan(verdict), false, true, interactive).ok();
        assert_eq!(reasoned(Verdict::Fail, true), None);
        assert_eq!(reasoned(Verdict::Warn, false), Some(Consent::Given));
        assert_eq!(reasoned(Verdict::Warn, true), Some(Consent::Version));
    }

    #[test]
    fn a_blocked_release_says_by_what_and_what_to_do() {
        let error = consent(&a_plan(Verdict::Fail), true, false, true).unwrap_err();
        assert!(error.message().starts_with("nothing was sent: ") && error.message().contains("(verified)"), "{error}");
        assert_eq!(error.advice(), Some("look at it"));
        assert_eq!(error.kind().exit_code(), 1);
    }

    #[test]
    fn a_reason_is_a_line_of_words() {
        assert_eq!(reason(" a hotfix \n").unwrap(), "a hotfix");
        for bad in ["", " \n", "two\nlines", "\u{1b}[31m", &"x".repeat(MAX_REASON + 1)] {
            assert!(reason(bad).is_err(), "{bad:?}");
        }
    }
}
