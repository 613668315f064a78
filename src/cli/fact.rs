//! What an event says, as one line for people; bars and plain lines share it.

use super::printer::{Ink, clean, clean_line};
use super::quantity::{bytes, count, duration};
use super::show::tag_was;
use crate::catalog::Target;
use crate::image::Digest;
use crate::release::TagChange;
use crate::session::{BuiltImage, Event, EventKind, Failure, Outcome, Phase, State, TestOutcome};
use crate::verify::{Report, Verdict};

/// Log lines shown under a failure; the whole log is in its file.
const TAIL: usize = 10;
/// Changes of the lock that are listed.
const MAX_CHANGES: usize = 20;

/// One line, and what belongs under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// What it is about: `fd.x86_64`; empty when it is about the run.
    pub subject: String,
    /// `✓`, `✗`, `!` or nothing.
    pub glyph: &'static str,
    /// How to colour the glyph.
    pub ink: Ink,
    /// The sentence.
    pub text: String,
    /// The end of the log, for displays that have not shown it.
    pub tail: Vec<String>,
    /// Lines under it.
    pub more: Vec<String>,
}

impl Fact {
    fn new(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Fact { subject: subject.into(), glyph: "", ink: Ink::Dim, text: clean(&text.into()), tail: Vec::new(), more: Vec::new() }
    }

    fn marked(mut self, glyph: &'static str, ink: Ink) -> Self {
        (self.glyph, self.ink) = (glyph, ink);
        self
    }
}

/// `fd.x86_64`.
pub(super) fn name(target: &Target) -> String {
    format!("{}.{}", target.container, target.architecture)
}

/// What `event` says that is worth a line of its own; progress, phases and log lines are the displays' own business.
pub(super) fn fact(event: &Event, state: &State) -> Option<Fact> {
    Some(match &event.kind {
        EventKind::LockWritten { path, packages, changes } => {
            let mut fact = Fact::new("", format!("wrote {}: {}", path.display(), count(*packages, "package")));
            fact.more = changes.iter().take(MAX_CHANGES).map(|c| clean(c)).collect();
            if changes.len() > MAX_CHANGES {
                fact.more.push(format!("… and {}", count(changes.len() - MAX_CHANGES, "more change")));
            }
            fact
        }
        EventKind::BuildFinished { target, outcome, took } => finished(target, outcome, *took, state),
        EventKind::CheckFinished { subject, result } if result.verdict >= Verdict::Warn => {
            let (glyph, ink) = super::table::verdict_mark(result.verdict);
            let target = state.verifications.get(subject).and_then(|v| v.target.as_ref());
            let subject = target.map_or_else(|| clean_line(subject), name);
            // What an image says must not begin a line of its own: CI servers take `::error` there for a command.
            let said = clean_line(&format!("{} {}: {}", result.verdict, result.check, result.summary));
            Fact::new(subject, said).marked(glyph, ink)
        }
        EventKind::VerifyFinished { target, report } => {
            let (glyph, ink) = super::table::verdict_mark(report.verdict());
            let subject = target.as_ref().map_or_else(|| clean_line(&report.subject), name);
            Fact::new(subject, format!("verified: {}", tally(report))).marked(glyph, ink)
        }
        EventKind::CompareSkipped { skipped } => {
            Fact::new(clean_line(&skipped.subject), clean_line(&format!("not compared: {}", skipped.why))).marked("!", Ink::Warn)
        }
        EventKind::EngineFound { engine } => {
            let at = format!("{} {} on {} ({})", engine.product, engine.version, engine.architecture, engine.address);
            Fact::new("", clean_line(&at))
        }
        EventKind::LoadStarted { target, name: called } => Fact::new(name(target), format!("loading as {called}")),
        EventKind::Loaded { loaded, took } => {
            let text = match loaded.present {
                true => format!("{} is in the engine already", loaded.name),
                false => format!("loaded as {} in {}: {}", loaded.name, duration(*took), bytes(loaded.bytes)),
            };
            Fact::new(name(&loaded.target), text).marked("✓", Ink::Good)
        }
        EventKind::TestStarted { target, command, .. } => Fact::new(name(target), format!("running {}", clean_line(&command.join(" ")))),
        EventKind::TestFinished { target, outcome, took } => tested(target, outcome, *took, state),
        EventKind::PublishStarted { version, bytes: 0 } => {
            Fact::new("", format!("publishing {version}: nothing to send, everything is there already"))
        }
        EventKind::PublishStarted { version, bytes: n } => Fact::new("", format!("publishing {version}: {} to send", bytes(*n))),
        EventKind::ManifestPublished { container, digest, platform, present } => {
            let what = platform.as_ref().map_or_else(|| "index".to_owned(), |p| format!("image for {p}"));
            let text = if *present { format!("{what} {digest} is there already") } else { format!("sent {what} {digest}") };
            Fact::new(container.to_string(), text)
        }
        EventKind::TagPublished { container, reference, digest, change: TagChange::Unchanged } => {
            Fact::new(container.to_string(), format!("{reference} names {} already", digest.short())).marked("✓", Ink::Good)
        }
        EventKind::TagPublished { container, reference, digest, change } => {
            let change = tag_was(change, Digest::short);
            Fact::new(container.to_string(), format!("tagged {reference} → {} ({change})", digest.short())).marked("✓", Ink::Good)
        }
        EventKind::TagRolledBack { container, reference, digest } => {
            let state = digest.map_or_else(|| "gone again".to_owned(), |d| format!("{} again", d.short()));
            Fact::new(container.to_string(), format!("rolled back {reference}: {state}")).marked("!", Ink::Warn)
        }
        EventKind::ReleaseFinished { path: Some(path), .. } => {
            Fact::new("", format!("read back and compared; receipt in {}", path.display())).marked("✓", Ink::Good)
        }
        _ => return None,
    })
}

fn finished(target: &Target, outcome: &Outcome, took: u64, state: &State) -> Fact {
    let subject = name(target);
    match outcome {
        Outcome::Succeeded { image } => {
            Fact::new(subject, format!("built in {}: {}", duration(took), describe(image))).marked("✓", Ink::Good)
        }
        Outcome::Cached { image } => Fact::new(subject, format!("unchanged: {}", describe(image))).marked("✓", Ink::Good),
        Outcome::Cancelled => Fact::new(subject, "cancelled").marked("!", Ink::Warn),
        Outcome::Failed(failure) if has_failed_before(failure, target, state) => {
            Fact::new(subject, "failed for the same reason").marked("✗", Ink::Bad)
        }
        Outcome::Failed(failure) => {
            let mut fact = Fact::new(subject, format!("failed after {}: {}", duration(took), failure.message)).marked("✗", Ink::Bad);
            if let Some(build) = state.builds.get(target) {
                fact.tail.extend(build.lines.last(TAIL).map(|line| format!("| {}", clean(line))));
                fact.more.extend(build.log.iter().map(|log| format!("log: {}", log.display())));
            }
            fact.more.extend(failure.hint.iter().map(|hint| format!("hint: {}", clean(hint))));
            fact
        }
    }
}

fn tested(target: &Target, outcome: &TestOutcome, took: u64, state: &State) -> Fact {
    let Some(failure) = outcome.failure() else {
        return match outcome {
            TestOutcome::Cancelled => Fact::new(name(target), "test cancelled; its container is gone").marked("!", Ink::Warn),
            _ => Fact::new(name(target), format!("test passed in {}", duration(took))).marked("✓", Ink::Good),
        };
    };
    let text = clean_line(&format!("test failed after {}: {}", duration(took), failure.message));
    let mut fact = Fact::new(name(target), text).marked("✗", Ink::Bad);
    fact.more.extend(failure.hint.iter().map(|hint| format!("hint: {}", clean(hint))));
    fact.more.extend(state.tests.get(target).and_then(|trial| trial.log.as_ref()).map(|log| format!("log: {}", log.display())));
    fact
}

/// Whether another target has failed with the very same words: what concerns all of them is said once.
fn has_failed_before(failure: &Failure, target: &Target, state: &State) -> bool {
    let same = |phase: &Phase| matches!(phase, Phase::Ended(Outcome::Failed(other)) if other == failure);
    state.builds.iter().any(|(other, build)| other != target && same(&build.phase))
}

fn describe(image: &BuiltImage) -> String {
    let packages = if image.packages > 0 { format!(", {}", count(image.packages, "package")) } else { String::new() };
    format!("{}, {}, {}{packages}", image.digest.short(), bytes(image.size), count(image.layers, "layer"))
}

/// `6 pass, 1 warn`; verdicts nobody got are left out.
pub(super) fn tally(report: &Report) -> String {
    let parts = Verdict::ALL.iter().rev().map(|v| (report.count(*v), v)).filter(|(n, _)| *n > 0);
    parts.map(|(n, v)| format!("{n} {v}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::RunId;
    use crate::verify::{Check, CheckResult};

    #[test]
    fn what_an_image_says_begins_no_line_of_its_own() {
        let summary = "entrypoint /x\n::error::gone wrong".into();
        let result = CheckResult { check: Check::Entrypoint, verdict: Verdict::Fail, summary, findings: Vec::new() };
        let kind = EventKind::CheckFinished { subject: "oci:x\n::debug::y".into(), result };
        let fact = fact(&Event { schema: 1, seq: 0, at: 0, run: RunId(1), kind }, &State::default()).unwrap();
        assert!(!fact.text.contains('\n') && !fact.subject.contains('\n'), "{fact:?}");
    }

    #[test]
    fn what_several_targets_fail_with_is_said_once() {
        let mut state = State::default();
        let failure = |message: &str| Outcome::Failed(Failure { kind: crate::Kind::Network, message: message.into(), hint: None });
        let mut said = |name: &str, message: &str| {
            let target = Target::new(name, crate::catalog::Architecture::X86_64);
            let kind = EventKind::BuildFinished { target, outcome: failure(message), took: 1 };
            let event = Event { schema: 1, seq: 0, at: 0, run: RunId(1), kind };
            state.apply(&event);
            fact(&event, &state).unwrap().text
        };
        assert_eq!(said("a", "no mirror"), "failed after 1 ms: no mirror");
        assert_eq!(said("b", "no mirror"), "failed for the same reason");
        assert_eq!(said("c", "no space"), "failed after 1 ms: no space");
    }
}
