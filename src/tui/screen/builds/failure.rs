//! Draws why a build failed, above the last lines of its log: what, what to do, and how to see it again.

use ratatui::layout::Rect;

use crate::catalog::Target;
use crate::session::{Failure, Outcome, Phase};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::widget::{Canvas, below, right_of, row, rule};

/// Why `target` failed, if it did.
pub fn of<'a>(model: &'a Model, target: &Target) -> Option<&'a Failure> {
    match &model.state.builds.get(target)?.phase {
        Phase::Ended(Outcome::Failed(failure)) => Some(failure),
        _ => None,
    }
}

/// The command that shows the same failure without the dashboard.
pub fn reproduce(target: &Target) -> String {
    format!("catamaran build {} --target {}", target.container, target.architecture)
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
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, target: &Target, failure: &Failure) -> u16 {
    let most = area.height.saturating_sub(4) / 2;
    let message = text::printable(&failure.message).into_owned();
    let mut used = canvas.paragraph(Rect { height: most.max(1), ..area }, &message, Meaning::Failure);
    let log = model.state.builds.get(target).and_then(|b| b.log.as_ref()).map(|p| p.display().to_string());
    for (label, value) in [("try", failure.hint.clone()), ("again", Some(reproduce(target))), ("log", log)] {
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
