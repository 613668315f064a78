//! What a task is called and how it stands, in words.

use std::borrow::Cow;

use super::state::Task;
use crate::session::{Outcome, Phase, RunEnd, TestOutcome};
use crate::tui::model::Model;
use crate::tui::status::{self, Status};
use crate::tui::text;
use crate::tui::theme::{Glyph, Meaning};

/// A task's name, a word about it and how it stands.
pub fn describe(model: &Model, task: &Task) -> (String, String, Status) {
    match task {
        Task::Target(target) => {
            let status = match model.state.builds.get(target) {
                Some(b) => status::of_phase(model, &b.phase, b.progress.map(|(d, t, _)| (d, t)), b.started, b.took),
                None => status::of(model, target),
            };
            (target.container.to_string(), target.architecture.to_string(), status)
        }
        Task::Test(target) => {
            let trial = model.state.tests.get(target);
            let phase = match trial.map(|trial| (&trial.outcome, trial.failure())) {
                None => Phase::Queued,
                Some((None, _)) => Phase::Running("running".into()),
                Some((Some(_), Some(failure))) => Phase::Ended(Outcome::Failed(failure)),
                Some((Some(_), None)) => Phase::Ended(Outcome::Cancelled),
            };
            let (started, took) = (trial.map(|trial| trial.started), trial.and_then(|trial| trial.took));
            let mut status = status::of_phase(model, &phase, None, started, took);
            if trial.is_some_and(|trial| trial.outcome == Some(TestOutcome::Passed)) {
                (status.glyph, status.meaning, status.word) = (Glyph::Pass, Meaning::Success, "passed".into());
            }
            (format!("test {}", target.container), target.architecture.to_string(), status)
        }
        Task::Run(id) => {
            let Some(run) = model.state.runs.get(id) else {
                return (format!("run {}", id.0), String::new(), status::of_phase(model, &Phase::Queued, None, None, None));
            };
            let phase = match &run.end {
                None => Phase::Running(run.phase.clone().unwrap_or_default()),
                Some(RunEnd::Failed(failure)) => Phase::Ended(Outcome::Failed(failure.clone())),
                Some(RunEnd::Finished { .. }) => Phase::Ended(Outcome::Cancelled),
            };
            let mut status = status::of_phase(model, &phase, run.progress.map(|(d, t, _)| (d, t)), Some(run.started), None);
            if let Some(RunEnd::Finished { .. }) = run.end {
                (status.glyph, status.meaning, status.word, status.detail) = (Glyph::Pass, Meaning::Muted, "done".into(), String::new());
            }
            let phase = run.phase.clone().unwrap_or_default();
            (in_words(&run.command, &phase).into_owned(), format!("run {}", id.0), status)
        }
    }
}

/// What a run does, as its user would say it.
fn in_words<'a>(command: &'a str, phase: &str) -> Cow<'a, str> {
    match (command, phase) {
        ("list", _) => "reading containers.toml".into(),
        ("build", "lock") => "locking packages".into(),
        ("build", "check" | "verify") => "verifying".into(),
        ("build", "out") => "writing the layout".into(),
        ("verify", _) | ("push" | "release", "verify") => "verifying".into(),
        ("inspect", _) => "reading an image".into(),
        ("plan", _) | ("push" | "release", "plan") => "planning".into(),
        ("push" | "release", "") => "publishing".into(),
        ("load" | "test", "lock") => "locking packages".into(),
        ("load" | "test", "check" | "verify") => "verifying".into(),
        ("load", phase) | ("test", phase) if phase.starts_with("load") => text::printable(phase).into_owned().into(),
        ("load", _) => "looking for an engine".into(),
        ("test", "test") => "testing".into(),
        (command, "") => command.into(),
        (command, phase) => format!("{command}: {}", text::printable(phase)).into(),
    }
}
