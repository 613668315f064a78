//! Draws why a build or a test failed, above the last lines of its log: what, what to do, and how to see it again.

use ratatui::layout::Rect;

use super::state::{Task, log_file_of};
use crate::session::{Failure, Outcome, Phase};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, below, right_of, row, rule};

/// Why `task` failed, if it did.
pub fn of(model: &Model, task: &Task) -> Option<Failure> {
    match task {
        Task::Target(target) => match &model.state.builds.get(target)?.phase {
            Phase::Ended(Outcome::Failed(failure)) => Some(failure.clone()),
            _ => None,
        },
        Task::Test(target) => model.state.tests.get(target)?.failure(),
        Task::Run(_) => None,
    }
}

/// The command that shows the same failure without the dashboard.
pub fn reproduce(task: &Task) -> Option<String> {
    let (command, target) = match task {
        Task::Target(target) => ("build", target),
        Task::Test(target) => ("test", target),
        Task::Run(_) => return None,
    };
    Some(format!("catamaran {command} {} --target {}", target.container, target.architecture))
}

/// ```text
/// ✗ could not resolve `libfoo1`: no such package in trixie/main
///   try       catamaran update
///   again     catamaran build fd --target aarch64
///   log       …/runs/3/fd.aarch64.log
/// ── last lines ─────────
/// ```
///
/// Returns the lines it took.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, task: &Task, failure: &Failure) -> u16 {
    let most = area.height.saturating_sub(4) / 2;
    let message = text::printable(&failure.message).into_owned();
    let mut used = canvas.paragraph(Rect { height: most.max(1), ..area }, &message, Meaning::Failure);
    let log = log_file_of(model, task).map(|path| path.display().to_string());
    for (label, value) in [("try", failure.hint.clone()), ("again", reproduce(task)), ("log", log)] {
        let Some(value) = value else { continue };
        canvas.text(row(area, usize::from(used)), label, Meaning::Muted);
        let rest = right_of(below(area, used), 8);
        let mark = canvas.glyph(crate::tui::theme::Glyph::Ellipsis);
        used += if label == "log" {
            let path = text::elide_middle(&value, usize::from(rest.width), mark).into_owned();
            canvas.text(row(rest, 0), &path, Meaning::Muted);
            1
        } else {
            canvas
                .paragraph(
                    Rect { height: rest.height.min(3), ..rest },
                    &value,
                    if label == "again" { Meaning::Accent } else { Meaning::Text },
                )
                .max(1)
        };
    }
    rule(canvas, row(area, usize::from(used)), "last lines");
    (used + 1).min(area.height)
}
