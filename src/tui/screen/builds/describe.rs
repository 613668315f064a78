//! What a task is called and how it stands, in words.

use std::borrow::Cow;

use super::state::Task;
use crate::session::{Outcome, Phase, RunEnd};
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
        (command, "") => command.into(),
        (command, phase) => format!("{command}: {}", text::printable(phase)).into(),
    }
}
